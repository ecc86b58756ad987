"""Requests that are sent again: a store that throttles, stumbles or cuts its answers is asked until one is whole."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from typing import TypeVar

__all__ = ["CutShortError", "RefusedError", "is_passing", "passes", "retried"]

_T = TypeVar("_T")
GIVE_UP_SECONDS = 60.0
"""So long one request is sent again; then the store counts as away."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
_OF_CONNECTIONS = frozenset({"aiohttp.ClientError"}) | {
    f"botocore.{name}" for name in ("ConnectionError", "HTTPClientError", "ResponseParserError")
}
_THROTTLED = frozenset({"SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling", "ThrottlingException"})


class CutShortError(ConnectionError):
    """An answer ended before what was asked for was there."""


class RefusedError(ConnectionError):
    """A store answered that it may do later what it was asked for."""


def retried(action: Callable[[], _T], stopped: threading.Event) -> _T:
    """Return what an action returns, tried again with longer and longer waits while what fails may pass.

    Parameters
    ----------
    action
        Asks the store once.
    stopped
        Set by whoever no longer needs it.
    """
    begun = time.monotonic()
    longest = _FIRST_WAIT
    while True:
        try:
            return action()
        except Exception as exc:
            left = begun + GIVE_UP_SECONDS - time.monotonic()
            # At random, so that those who were refused at once do not come back at once.
            if left <= 0 or not passes(exc) or stopped.wait(min(left, random.uniform(longest / 2, longest))):
                raise
            longest = min(2 * longest, _LONGEST_WAIT)


def is_passing(status: int) -> bool:
    """Return whether an answer says that another may follow when the same is asked again."""
    return status in _PASSING


def passes(exc: BaseException) -> bool:
    """Return whether a failure may be over when the same is asked again: the store's, or the connection's."""
    return any(_passes(each) for each in _chain(exc))


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__


def _passes(exc: BaseException) -> bool:
    answer = getattr(exc, "response", None)
    if isinstance(answer, dict):  # botocore's
        code = answer.get("Error", {}).get("Code")
        return answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _PASSING or code in _THROTTLED
    status = getattr(exc, "status", None)  # aiohttp's
    if isinstance(status, int):
        return is_passing(status)
    return isinstance(exc, ConnectionError | TimeoutError | IncompleteRead) or _is_of_a_connection(exc)


def _is_of_a_connection(exc: BaseException) -> bool:
    """Return whether it is what aiohttp or botocore raise of a connection; neither is imported where none is used."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(exc).__mro__}
    return not kinds.isdisjoint(_OF_CONNECTIONS)
