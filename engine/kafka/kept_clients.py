"""librdkafka's clients that a thread keeps for all that it sends and asks.

A fresh idempotent producer's first message costs about a second. One a thread, not one a process: flush() then waits
for the thread's own messages only.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from consumer.kafka import Cluster

__all__ = ["forget", "identity_of", "kept"]

_kept = threading.local()
_Client = TypeVar("_Client")


def kept(kind: str, cluster: Cluster, make: Callable[[], _Client]) -> _Client:
    """Return the thread's own client of a kind, of this Kafka; made if there is none."""
    clients = _clients()
    key = kind, *identity_of(cluster)
    if key not in clients:
        clients[key] = make()
    return clients[key]


def forget(kind: str, cluster: Cluster, client: object) -> None:
    """Keep a client no longer: the next one is fresh."""
    key = kind, *identity_of(cluster)
    if _clients().get(key) is client:
        del _clients()[key]


def _clients() -> dict[tuple[str, str, str, int], Any]:
    return _kept.__dict__.setdefault("clients", {})


def identity_of(cluster: Cluster) -> tuple[str, str, int]:
    """Return what tells one Kafka, and our way to it, from another; a forked process has none of our threads."""
    return cluster.bootstrap, json.dumps(dict(cluster.options), sort_keys=True, default=str), os.getpid()
