"""The Dask cluster that a job is to run on: of others, or one on this machine that takes its time to start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.settings import Settings
from engine.kafka import KafkaCluster
from engine.storage import for_workers
from engine.transfer.beside import Beside
from engine.transfer.readying import get_workers_ready

if TYPE_CHECKING:
    import distributed

    from engine.local import DaskProcesses

__all__ = ["JobCluster", "entrust", "job_cluster"]

_Progress = Callable[[int, int], None]


class JobCluster:
    """Where a job is to run; made by `job_cluster`.

    Parameters
    ----------
    outside
        The client of a cluster of others; None: one is started here, which ends with `stack`.
    settings, kafka
        Those of the job.
    stack
        What is begun here ends with it.
    """

    def __init__(
        self,
        outside: distributed.Client | None,
        settings: Settings,
        kafka: KafkaCluster,
        stack: contextlib.ExitStack,
    ):
        self.outside = outside
        self._settings, self._kafka, self._stack = settings, kafka, stack
        self._checked = Beside(partial(self._check, outside)) if outside else None
        self._processes: DaskProcesses | None = None

    def begin(self) -> None:
        """Begin to start the cluster that is to be here, if it is; what is done meanwhile need not wait for it."""
        if self.outside is None and self._processes is None:
            from engine.local import begun_cluster

            self._processes = self._stack.enter_context(begun_cluster(None, self._settings))

    def check(self) -> None:
        """Return once the workers of a cluster of others are found right.

        Raises
        ------
        ClusterError
            As `engine.workers.check_workers`.
        """
        if self._checked:
            self._checked.result()

    @contextlib.contextmanager
    def checked_beside(self, progress: _Progress | None) -> Iterator[_Progress]:
        """Yield what tells progress of a block that is left as soon as a worker is found wrong; as `check` at its end.

        What is wrong with the cluster is told before what is wrong in the block.
        """

        def told(done: int, total: int) -> None:
            if self._checked:
                self._checked.check()
            if progress:
                progress(done, total)

        try:
            yield told
        except Exception:
            self.check()
            raise
        self.check()

    def client(self, on_wait: Callable[[str], None] | None) -> distributed.Client:
        """Return the client once there is a worker, or all workers of a cluster on this machine.

        Raises
        ------
        ClusterError
            As `engine.workers.await_workers` and `engine.local.local_cluster`.
        """
        if self.outside is None:
            if on_wait:
                on_wait("starting a Dask cluster on this machine, and the job on it")
            self.begin()
            assert self._processes is not None
            # Dask takes a second to import: not before we know that the request can be fulfilled.
            from engine.local import joined_cluster

            client: distributed.Client = self._stack.enter_context(joined_cluster(self._processes))
            _, kafka = entrust(client, self._settings, self._kafka)
            get_workers_ready(client, client.nthreads(), kafka)
            return client
        from engine.workers import await_workers

        await_workers(self.outside, on_wait, right=self._checked.result() if self._checked else ())
        if on_wait:
            on_wait("starting the job")
        return self.outside

    def _check(self, outside: distributed.Client) -> frozenset[str]:
        from engine.workers import check_workers

        right = check_workers(outside)
        _, kafka = entrust(outside, self._settings, self._kafka)
        get_workers_ready(outside, right, kafka)
        return right


@contextlib.contextmanager
def job_cluster(client: distributed.Client | None, settings: Settings, kafka: KafkaCluster) -> Iterator[JobCluster]:
    """Yield the cluster that a job is to run on: the client's, else the settings', else one here that is yet to start.

    Raises
    ------
    ClusterError, ConfigError
        As `engine.local.connect`.
    """
    with contextlib.ExitStack() as stack:
        if client is None and settings.dask:
            from engine.local import connect

            client = stack.enter_context(connect(str(settings.dask), tls=settings.dask_tls))
        yield JobCluster(client, settings, kafka, stack)


def entrust(
    client: distributed.Client | None, settings: Settings, cluster: KafkaCluster
) -> tuple[Mapping[str, Any], KafkaCluster]:
    """Return storage options and Kafka as they may be sent to the workers: with no secret in clear."""
    storage_options, kafka_options = for_workers(
        client, storage_options=settings.storage_options, kafka_options=cluster.options
    )
    return storage_options, replace(cluster, options=kafka_options)
