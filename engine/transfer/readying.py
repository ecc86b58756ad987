"""What workers are made ready with for a job while that is still being planned: imports, and producers.

A worker would import for two seconds, and then have its producer wait for an identity, in the first task that it is
given. Whatever goes wrong here is told by that task.
"""

from __future__ import annotations

import importlib
import operator
import pickle
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import cloudpickle

from engine.kafka import KafkaCluster
from engine.telemetry import job_logger

if TYPE_CHECKING:
    import distributed

__all__ = ["get_workers_ready"]

_NEEDED_BY_TASKS = "engine.transfer.coordinator.preloading"
_log = job_logger("jobs")


def get_workers_ready(client: distributed.Client, workers: Collection[str], kafka: KafkaCluster) -> None:
    """Have workers import what tasks need, and make producers for each of their threads; returns at once.

    Parameters
    ----------
    client
        The cluster's client.
    workers
        Addresses of workers that were found right.
    kafka
        As it may be sent to the cluster.
    """
    if workers:
        _in_thread(_ask, client, list(workers), cloudpickle.dumps(kafka))


def _ask(client: distributed.Client, workers: list[str], kafka: bytes) -> None:
    from engine.workers import Sent

    # A thread's sends of one fragment overlap those of the next; one more is the coordinator's.
    num_threads = max((num for worker, num in client.nthreads().items() if worker in workers), default=0)
    num_producers = 1 + 2 * num_threads
    client.run(operator.call, Sent(_get_ready, kafka, num_producers), workers=workers, on_error="ignore")


def _get_ready(kafka: bytes, num_producers: int) -> None:
    # Not in the worker's event loop, which it would hold up.
    _in_thread(_import_and_make, kafka, num_producers)


def _import_and_make(kafka: bytes, num_producers: int) -> None:
    importlib.import_module(_NEEDED_BY_TASKS)
    cluster: KafkaCluster = pickle.loads(kafka)
    cluster.get_ready(num_producers)


def _in_thread(function: Callable[..., None], *arguments: Any) -> None:
    def run() -> None:
        try:
            function(*arguments)
        except Exception as exc:  # noqa: BLE001  the first task does the same, and tells
            _log.debug("workers were not made ready: %s: %s", type(exc).__name__, exc)

    threading.Thread(target=run, name="alert-transfer-readying", daemon=True).start()
