"""What the sessions of one server process share: settings, sources, Kafka, the cluster, threads and processes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import param

import engine
from engine import Settings
from ui.dashboard.lifeline import end_with_parent
from ui.dashboard.sources import Sources

if TYPE_CHECKING:
    import distributed

__all__ = ["Services"]

_log = logging.getLogger("alert_transfer.dashboard")

P = ParamSpec("P")
R = TypeVar("R")

_NUM_PROCESSES = 2
_EVERY_S = 3.0
_ANSWER_S = 5.0


class Services(param.Parameterized):
    """What a server process holds; one, whatever the number of its sessions.

    Parameters
    ----------
    settings
        The server's settings; their `kafka` is where jobs go.
    client
        Of a Dask cluster; None if there is none, now.
    mend
        Starts again what of Kafka and the cluster has ended on this machine.
    client_now
        Gives the client after that.
    """

    broker_problem = param.String(default=None, allow_None=True, doc="Why Kafka can't be used, now; None: it can.")
    cluster_problem = param.String(default=None, allow_None=True, doc="Why the cluster can't be used, now.")

    def __init__(
        self,
        settings: Settings,
        *,
        client: distributed.Client | None = None,
        mend: Callable[[], None] | None = None,
        client_now: Callable[[], distributed.Client | None] | None = None,
    ):
        super().__init__()
        self.settings = settings
        self.sources = Sources.from_settings(settings)
        self.kafka = settings.kafka or ""
        self.client = client
        self._mend, self._client_now = mend, client_now
        self._connection = contextlib.ExitStack()
        self._processes: concurrent.futures.ProcessPoolExecutor | None = None

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what a function returns, called in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    async def compute(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what a function returns, called in another process: what computes for long holds up no page."""
        loop = asyncio.get_running_loop()
        for is_last in (False, True):
            try:
                return await loop.run_in_executor(self._pool(), _called, function, args, kwargs)
            except concurrent.futures.process.BrokenProcessPool:
                # A process was killed, for its memory perhaps. Once more, in a new one.
                self._processes = None
                if is_last:
                    raise
        raise AssertionError

    def warm_up(self) -> None:
        """Start the processes, and import there what an estimate needs: the first one would wait for it."""
        for _ in range(_NUM_PROCESSES):
            self._pool().submit(_import_engine)

    async def watch(self) -> None:
        """Look again and again whether Kafka and the cluster answer; what is back is used again."""
        while True:
            self.broker_problem = await self._broker_trouble()
            self.cluster_problem = await self._cluster_trouble()
            if (self.broker_problem or self.cluster_problem) and self._mend is not None:
                await self._mended()
            await asyncio.sleep(_EVERY_S)

    async def _mended(self) -> None:
        try:
            await self.run(self._mend or (lambda: None))
        except engine.AlertTransferError as exc:
            _log.warning("what has ended on this machine can't be started again: %s", exc)
        except Exception:  # noqa: BLE001  it is tried again, which an end of the watching would prevent
            _log.exception("what has ended on this machine can't be started again")
        if self._client_now is not None and self.settings.dask is None:
            self.client = self._client_now()

    def move_cluster(self, address: str) -> None:
        """Use another cluster from now on: the one before has ended."""
        self.settings = self.settings.model_copy(update={"dask": address})

    async def _broker_trouble(self) -> str | None:
        """Return why Kafka can't be reached; that it takes a connection counts, so that nothing is asked of it."""
        if not self.kafka:
            return "no Kafka is configured: there is nowhere to send a job to"
        tries = [asyncio.create_task(_connects(address)) for address in self.kafka.split(",")]
        try:
            for done in asyncio.as_completed(tries):
                if await done:
                    return None
        finally:
            for each in tries:
                each.cancel()
        return f"Kafka at {self.kafka} does not answer"

    async def _cluster_trouble(self) -> str | None:
        if self.client is None and self.settings.dask is None:
            return None
        if self.client is not None and self.client.status == "running":
            return None
        if self.settings.dask is None:
            return "the Dask cluster on this machine has ended"
        try:
            # Clients don't come back to a scheduler that was gone: a new one does.
            await self.run(self._connect, self.settings.dask)
        except engine.AlertTransferError as exc:
            return exc.message
        return None

    def _connect(self, address: str) -> None:
        stack = contextlib.ExitStack()
        self.client = stack.enter_context(engine.connect(address, tls=self.settings.dask_tls))
        before, self._connection = self._connection, stack
        before.close()

    def _pool(self) -> concurrent.futures.ProcessPoolExecutor:
        if self._processes is None:
            # Started afresh: a fork would copy the server's threads' locks.
            spawn = multiprocessing.get_context("spawn")
            self._processes = concurrent.futures.ProcessPoolExecutor(
                max_workers=_NUM_PROCESSES, mp_context=spawn, initializer=end_with_parent
            )
        return self._processes

    def close(self) -> None:
        """End the processes, and the connection to a cluster that was made anew."""
        self._connection.close()
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
            self._processes = None
            for child in multiprocessing.active_children():
                child.terminate()


def _import_engine() -> None:
    engine.estimate, engine.preview  # noqa: B018  each is imported on its first use


async def _connects(address: str) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, ValueError):  # a time that is over is an OSError, too
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _called(function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    return function(*args, **kwargs)
