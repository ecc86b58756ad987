"""Ranges past s3fs: signed once, and asked for by s3fs wherever a store or the user's options want it otherwise."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiobotocore.httpsession
import pytest

from engine.storage import Store, retrying
from engine.storage.remote import ChangedError, S3Object

CONTENT = bytes(place * 7 % 251 for place in range(100_000))
ETAG = "an-etag"


@dataclass
class Server:
    """What a store of one object was asked, and how it answers."""

    url: str = ""
    etag: str = ETAG
    wants_range_signed: bool = False
    knows_ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    """Of the next answers, before it answers as it should."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def is_allowed(self, headers: dict[str, str]) -> bool:
        return not self.wants_range_signed or "range" in headers["authorization"].partition("SignedHeaders=")[2]

    def signatures(self) -> list[str]:
        return [headers["authorization"] for headers in self.asked]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_.asked.append(headers)
        status, content = 206, CONTENT
        if self.server_.statuses:
            status, content = self.server_.statuses.pop(), b""
        elif not self.server_.is_allowed(headers):
            status, content = 403, b"<Error><Code>AccessDenied</Code></Error>"
        elif self.server_.knows_ranges:
            start, _, end = headers["range"].removeprefix("bytes=").partition("-")
            content = CONTENT[int(start) : int(end) + 1]
        else:
            status = 200
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{self.server_.etag}"')
        self.end_headers()
        self.wfile.write(content)


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, address: object) -> None:
        pass  # clients go away as they like


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.01)
    one = Server()
    handler = type("One", (Handler,), {"server_": one})
    with Quiet(("127.0.0.1", 0), handler) as running:
        one.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield one
        running.shutdown()


def object_of(server: Server, **options: object) -> S3Object:
    store = Store("s3://bucket/science", {"endpoint_url": server.url, "key": "me", "secret": "sesame", **options})
    return S3Object(store.files_for_ranges, "bucket/science/a.parquet", len(CONTENT), ETAG)


RANGES = [(0, 10), (5, 70_000), (99_990, 100_000)]


def test_an_object_is_signed_once_for_all_its_ranges(server):
    remote = object_of(server)
    for start, end in RANGES:
        assert remote.read(start, end) == CONTENT[start:end]
    assert len(set(server.signatures())) == 1
    assert [headers["range"] for headers in server.asked] == ["bytes=0-9", "bytes=5-69999", "bytes=99990-99999"]
    assert {headers["if-match"] for headers in server.asked} == {f'"{ETAG}"'}


def test_a_store_that_wants_all_signed_is_asked_by_s3fs_from_then_on(server):
    server.wants_range_signed = True
    remote = object_of(server)
    for start, end in RANGES:
        assert remote.read(start, end) == CONTENT[start:end]
    refused = [headers for headers in server.asked if not server.is_allowed(headers)]
    assert len(refused) == 1
    assert len(server.asked) == 1 + len(RANGES)


def test_a_store_that_is_busy_at_first_is_not_taken_for_one_that_refuses(server):
    server.statuses = [503]
    remote = object_of(server)
    for start, end in RANGES:
        assert remote.read(start, end) == CONTENT[start:end]
    assert len(set(server.signatures()[2:])) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"config_kwargs": {"connector_args": {"use_dns_cache": False}}},
        {"config_kwargs": {"http_session_cls": aiobotocore.httpsession.AIOHTTPSession}},
        {"client_kwargs": {"verify": False}},
    ],
    ids=["connector_args", "http_session_cls", "verify"],
)
def test_what_is_said_to_aiohttp_is_heeded(server, options):
    remote = object_of(server, **options)
    for start, end in RANGES:
        assert remote.read(start, end) == CONTENT[start:end]
    assert all("range" in signature for signature in server.signatures())


def test_another_version_is_told(server):
    server.etag = "another"
    with pytest.raises(ChangedError, match="another"):
        object_of(server).read(0, 10)


def test_a_store_that_knows_no_ranges_is_told_in_bounded_time(server, monkeypatch):
    monkeypatch.setattr(retrying, "GIVE_UP_SECONDS", 0.3)
    server.knows_ranges = False
    with pytest.raises(ConnectionError, match="bytes came of 10"):
        object_of(server).read(0, 10)
