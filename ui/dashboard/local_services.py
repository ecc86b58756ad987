"""The Kafka and the Dask cluster that a server runs beside itself, where none are configured."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import engine
from engine import Settings

if TYPE_CHECKING:
    import distributed

__all__ = ["LocalServices"]


class LocalServices:
    """Kafka and Dask as the server's pages use them: those of the settings, or on this machine as long as it runs.

    Parameters
    ----------
    settings
        The server's settings.
    data_dir
        Where a Kafka that is started here keeps topics; None for a temporary folder.
    announce
        Called with what takes long the first time.
    """

    def __init__(self, settings: Settings, *, data_dir: str | None = None, announce: Callable[[str], None]):
        self._given = settings
        self._data_dir = data_dir
        self._announce = announce
        self._stack = contextlib.ExitStack()
        self._cluster = contextlib.ExitStack()
        self._broker: Any = None
        self._local_client: distributed.Client | None = None

    def start(self) -> None:
        """Start what is not configured, side by side.

        Raises
        ------
        BrokerError, ClusterError
            If one of them does not come up.
        """
        starts: list[Callable[[], None]] = []
        if not self._given.kafka:
            starts.append(self._start_broker)
        if not self._given.dask:
            starts.append(self._start_cluster)
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            for started in [threads.submit(start) for start in starts]:
                started.result()

    @property
    def settings(self) -> Settings:
        """The settings with the Kafka that is started here."""
        return self._given.model_copy(update={"kafka": self._broker.bootstrap}) if self._broker else self._given

    @property
    def client(self) -> distributed.Client | None:
        """Of the cluster on this machine; None if another is configured."""
        return self._local_client

    @property
    def address(self) -> str | None:
        """Of the scheduler on this machine; None if another is configured."""
        if self._local_client is None or self._local_client.scheduler is None:
            return None
        return self._local_client.scheduler.address

    def mend(self) -> None:
        """Start again what has ended, where it was: Kafka with the topics that it had."""
        if self._broker is not None and self._broker.poll() is not None:
            self._start_broker()
        if self._local_client is not None and self._local_client.status != "running":
            self._cluster.close()
            self._start_cluster()

    def _start_broker(self) -> None:
        before = self._broker
        port, folder = (0, self._data_dir) if before is None else (before.port, before.data_dir)
        started = engine.start_broker(port=port, data_dir=folder, announce=self._announce)
        # Of one before it, the folder goes with the server.
        self._stack.callback(started.stop)
        self._broker = started

    def _start_cluster(self) -> None:
        self._local_client = self._cluster.enter_context(engine.local_cluster(settings=self._given))

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack, self._cluster:
            pass
