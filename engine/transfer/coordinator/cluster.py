"""What the coordinator needs of a cluster. Dask is one; tests have another, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from consumer.wire import LogLine, Manifest
from engine.archive import Fragment

__all__ = ["Cluster", "ClusterLost", "Future", "FutureT", "Load", "Rules", "Work"]

Work = Fragment | str
"""What is to be done: to send a fragment, or to count a night (`2021-11-22`)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """Fragments that one task sends, one after another."""

    fragments: tuple[Fragment, ...]
    is_extra: bool = False
    """Whether the task comes behind those of other jobs: another task of its job has its turn already."""
    with_identifiers: bool = False
    """Whether the identifiers of all alerts of the fragments are to be returned."""


class ClusterLost(Exception):
    """The connection to the cluster broke."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the plan says about how the job runs."""

    is_filtered: bool
    """Whether only a filter tells which alerts of a fragment are selected."""
    limit: int | None
    """Send only the first so many of the selected alerts, in the archive's order."""
    skip_unreadable: bool
    """Go on without fragments that can't be read."""


class Future(Protocol):
    """A task of the cluster, and what became of it."""

    @property
    def status(self) -> str | None:
        """`pending`, `finished`, `error`, `cancelled`, or `lost`: its worker died after it had finished."""

    def result(self) -> Any:
        """Return the result of a task that is finished."""

    def exception(self) -> BaseException | None:
        """Return the error of a task that failed."""


FutureT = TypeVar("FutureT", bound=Future)
"""The futures of one kind of cluster."""


class Cluster(Protocol[FutureT]):
    """Runs a job's tasks on its workers."""

    @property
    def num_threads(self) -> int:
        """Tasks that run at once."""

    @property
    def num_workers(self) -> int:
        """Workers that are there, as far as is known without asking."""

    @property
    def facts(self) -> str:
        """What the cluster is and runs, for the job's log: versions, its address, its workers."""

    @property
    def is_connected(self) -> bool:
        """Whether the cluster can still be reached."""

    def take_up(self, manifest: Manifest, coordinator: str) -> Rules:
        """Make ready for the job of a manifest; nothing else is called before.

        Raises
        ------
        JobError
            If the plan is not whole, or this version of the engine can't go on with it.
        """

    def new_lines(self) -> list[LogLine]:
        """Return what workers told since the last call, and which of them came and went; it returns at once."""

    def filter(self, window: Sequence[Fragment]) -> list[FutureT]:
        """Find the selected alerts of fragments; a future each."""

    def count(self, found: Sequence[FutureT]) -> list[FutureT]:
        """Count the selected alerts that `filter` finds; a future each, of an int."""

    def send(
        self,
        loads: Sequence[Load],
        found: Sequence[FutureT] | None = None,
        quotas: Sequence[int | None] | None = None,
    ) -> list[FutureT]:
        """Send fragments; a future for each load, of a list of Outcome, in order.

        Parameters
        ----------
        loads
            The fragments.
        found
            What `filter` returned for them, where each load is one fragment. None: they are filtered first, where the
            job filters.
        quotas
            Send only the first so many selected alerts, where each load is one fragment; None sends all.
        """

    def send_here(self, load: Load, quota: int) -> FutureT | None:
        """Send the first selected alerts of a fragment before any task of others, if the caller holds a thread for it.

        Returns
        -------
        future
            One that has ended, or None: then nothing was done.
        """

    def leave_thread(self) -> None:
        """Leave the thread that the caller holds, if any, to other tasks; before anything is waited for."""

    def send_again(self, future: FutureT, load: Load) -> FutureT:
        """Send fragments that a task was to send by another one; what each may send stays as it was."""

    def died(self) -> list[FutureT]:
        """Return those futures of `send` that were on workers that died since the last call; they run elsewhere."""

    def count_night(self, fragments: Sequence[Fragment]) -> FutureT:
        """Count the alerts of a night, all fragments of which are given; a future of a NightDone."""

    def ended(self, timeout_s: float) -> list[FutureT]:
        """Return those futures of `send` and `count_night` that ended since the last call.

        It returns at once where there are some, else after `timeout_s`. A future that is retried ends once more.
        """

    def wait(self, futures: Sequence[FutureT], timeout_s: float) -> None:
        """Return when all these futures have ended, or after `timeout_s`."""

    def retry(self, future: FutureT) -> None:
        """Run a task that failed again."""

    def release(self, future: FutureT) -> None:
        """Let go of a future of `send` or `count_night` that is done with."""

    def cancel(self, futures: Sequence[FutureT]) -> None:
        """Stop tasks."""

    def close(self) -> None:
        """Listen to the cluster no more; nothing else is called afterwards."""
