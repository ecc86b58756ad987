"""What is asked for again of a store, and for how long."""

from __future__ import annotations

import threading

import aiohttp
import botocore.exceptions as boto
import pytest

from engine.storage import retrying
from engine.storage.retrying import CutShortError, passes, retried


def answered(status: int, code: str) -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


def caused(by: Exception) -> OSError:
    """As s3fs has it: an error of the system's, which the client's caused."""
    error = OSError(5, "it failed")
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    "failure",
    [
        *(answered(status, "InternalError") for status in (408, 429, 500, 502, 503, 504)),
        answered(400, "RequestTimeout"),
        caused(answered(503, "SlowDown")),
        boto.EndpointConnectionError(endpoint_url="http://s3", error="refused"),
        boto.ConnectTimeoutError(endpoint_url="http://s3"),
        boto.ConnectionClosedError(endpoint_url="http://s3"),
        boto.ReadTimeoutError(endpoint_url="http://s3"),
        aiohttp.ClientPayloadError("cut"),
        aiohttp.ServerDisconnectedError(),
        ConnectionResetError(),
        TimeoutError(),
        CutShortError("half"),
    ],
    ids=repr,
)
def test_what_may_pass_is_asked_for_again(failure, monkeypatch):
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.001)
    assert passes(failure)
    failures = [failure, failure]

    def ask() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    assert retried(ask, threading.Event()) == "answer"


@pytest.mark.parametrize(
    "failure",
    [
        *(answered(status, "AccessDenied") for status in (400, 403, 404, 412, 416)),
        caused(answered(403, "AccessDenied")),
        FileNotFoundError(),
        PermissionError(),
        OSError(5, "EIO"),
        ValueError("not ours"),
    ],
    ids=repr,
)
def test_what_stays_is_told_at_once(failure):
    asked = []

    def ask() -> None:
        asked.append(failure)
        raise failure

    with pytest.raises(type(failure)):
        retried(ask, threading.Event())
    assert len(asked) == 1


def test_who_no_longer_waits_stops_it_and_time_does(monkeypatch):
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(ConnectionResetError):
        retried(_fails, stopped)
    monkeypatch.setattr(retrying, "GIVE_UP_SECONDS", 0.0)
    with pytest.raises(ConnectionResetError):
        retried(_fails, threading.Event())


def _fails() -> None:
    raise ConnectionResetError
