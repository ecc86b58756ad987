"""What the sessions of one server process share: settings, sources, Kafka, the cluster, threads and processes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import param

from engine import Settings
from ui.dashboard.sources import Sources

if TYPE_CHECKING:
    import distributed

__all__ = ["Services"]

P = ParamSpec("P")
R = TypeVar("R")


class Services(param.Parameterized):
    """What a server process holds; one, whatever the number of its sessions.

    Parameters
    ----------
    settings
        The server's settings; their `kafka` is where jobs go.
    client
        Of a Dask cluster; None if there is none, now.
    """

    broker_problem = param.String(default=None, allow_None=True, doc="Why Kafka can't be used, now; None: it can.")
    cluster_problem = param.String(default=None, allow_None=True, doc="Why the cluster can't be used, now.")

    def __init__(self, settings: Settings, *, client: distributed.Client | None = None):
        super().__init__()
        self.settings = settings
        self.sources = Sources.from_settings(settings)
        self.kafka = settings.kafka or ""
        self.client = client
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

    def _pool(self) -> concurrent.futures.ProcessPoolExecutor:
        if self._processes is None:
            # Started afresh: a fork would copy the server's threads' locks.
            spawn = multiprocessing.get_context("spawn")
            self._processes = concurrent.futures.ProcessPoolExecutor(max_workers=2, mp_context=spawn)
        return self._processes

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
            self._processes = None


def _called(function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    return function(*args, **kwargs)
