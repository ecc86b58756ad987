"""Producers that stand ready, for whoever sends a few messages now and then, and for threads that need their own.

An idempotent producer has to be given an identity by Kafka before its first message. librdkafka asks for it as soon as
it is connected, some 50 ms after it was made; but if a message is there before that, it asks, fails, and asks again
after half a second. So a fresh producer is left alone for a moment, and producers are made ahead where somebody knows
that they will be needed. What is done with one, the next has: the manifest, the list of jobs and the schema copies of
all jobs of a process go out through the same one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from consumer.kafka import Cluster
from engine.kafka.kept_clients import identity_of

__all__ = ["get_ready", "on_loan", "take_ready"]

_SETTLED_S = 0.08
_MOST_KEPT = 8


class _Ailing(Protocol):
    def ailment(self) -> object | None:
        """Return why it can send nothing any more, if that is so."""


_Producer = TypeVar("_Producer", bound=_Ailing)
_ready: dict[tuple[str, str, int], list[tuple[float, Any]]] = {}
"""Kafka -> the producers that nobody uses, and until when each is left alone."""
_lock = threading.Lock()


def get_ready(cluster: Cluster, make: Callable[[Cluster], _Producer], num_producers: int = 1) -> None:
    """Have so many producers stand ready; returns at once, since librdkafka brings them up by itself.

    Raises
    ------
    ConfigError
        If librdkafka doesn't take the properties, or a secret of them can't be read here.
    """
    with _lock:
        ready = _ready.setdefault(identity_of(cluster), [])
        while len(ready) < min(num_producers, _MOST_KEPT):
            ready.append(_made(cluster, make))


def take_ready(cluster: Cluster, make: Callable[[Cluster], _Producer]) -> _Producer:
    """Return a producer that nobody else uses; a fresh one, after a moment, if none stands ready."""
    with _lock:
        ready = _ready.get(identity_of(cluster), [])
        while ready and ready[-1][1].ailment() is not None:
            ready.pop()
        settled_at, producer = ready.pop() if ready else _made(cluster, make)
    time.sleep(min(_SETTLED_S, max(0.0, settled_at - time.monotonic())))
    found: _Producer = producer
    return found


@contextlib.contextmanager
def on_loan(cluster: Cluster, make: Callable[[Cluster], _Producer]) -> Iterator[_Producer]:
    """Yield a producer that nobody else uses meanwhile. If the block raises, another one takes its place.

    What ails it may be for good: fatal errors of idempotence are.
    """
    producer = take_ready(cluster, make)
    try:
        yield producer
    except Exception:
        get_ready(cluster, make)
        raise
    with _lock:
        ready = _ready.setdefault(identity_of(cluster), [])
        if len(ready) < _MOST_KEPT:
            ready.append((0.0, producer))


def _made(cluster: Cluster, make: Callable[[Cluster], _Producer]) -> tuple[float, _Producer]:
    return time.monotonic() + _SETTLED_S, make(cluster)
