"""A task of a job on a Dask cluster, on whichever worker it runs in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import distributed

from engine.transfer.coordinator.cluster import Load, Work
from engine.transfer.coordinator.tasks import unpacked
from engine.workers import Refusal, refusal_of

__all__ = ["DaskTask"]

_Future: TypeAlias = "distributed.Future[Any]"
_PENDING = object()


class DaskTask:
    """A `Future` of the coordinator: what it shows is never a refusal.

    Parameters
    ----------
    name
        What the task does, for Dask's own pages.
    work
        What it works on.
    sealed
        The pickled call, for `tasks.run`.
    needed
        The task whose result this one is given.
    priority
        Dask's.
    on_refusal
        Called with this task and the refusal that stands in place of its result: has it submitted elsewhere.
    """

    def __init__(
        self,
        name: str,
        work: Work | Load,
        sealed: bytes,
        needed: DaskTask | None = None,
        *,
        priority: int = 0,
        on_refusal: Callable[[DaskTask, Refusal], None],
    ):
        self.name, self.work, self.sealed, self.needed, self.priority = name, work, sealed, needed, priority
        self.quotas: list[int | None] = []
        """Of each fragment that it sends: how many of its selected alerts; None: all."""
        self.future: _Future | None = None
        """None while no worker is right for it."""
        self._on_refusal = on_refusal
        self._error: BaseException | None = None
        self._value: Any = _PENDING

    def take(self, future: _Future | None) -> None:
        """Be computed as this future from now on, or wait for a worker."""
        self.future, self._value, self._error = future, _PENDING, None

    def run_here(self, call: Callable[[], Any]) -> None:
        """Run in this thread, and have ended."""
        try:
            self._value = unpacked(call())
        except Exception as exc:  # noqa: BLE001  as Dask does
            self._error = exc

    def fail(self, error: BaseException) -> None:
        """Have failed, as no worker is right for it."""
        self._error = error

    def has_moved(self) -> bool:
        """Look at a result that is new; return whether it was a refusal, so that the task runs elsewhere now."""
        if self.future is None or self._value is not _PENDING or self.future.status != "finished":
            return False
        value = self.future.result()
        if refusal := refusal_of(value):
            self._on_refusal(self, refusal)
            return True
        self._value = unpacked(value)
        return False

    @property
    def status(self) -> str | None:
        """Return how the task stands, as `Future` of the coordinator says."""
        if self._error:
            return "error"
        if self.future is None and self._value is not _PENDING:
            return "finished"
        if self.future is None or self.has_moved():
            return "pending"
        status: str | None = self.future.status
        return status

    def result(self) -> Any:
        """Return the result of a task that is finished."""
        return self._value

    def exception(self) -> BaseException | None:
        """Return the error of a task that failed."""
        if self._error or self.future is None:
            return self._error
        error: BaseException | None = self.future.exception()
        return error
