"""Retries: what is tried again, what the job goes on without, what fails it, and the words for that."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from distributed.scheduler import KilledWorker
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from consumer.wire import FragmentDone, Manifest
from consumer.words import count_text
from engine.archive import Fragment
from engine.errors import AlertTransferError, ArchiveError, JobError, UnreadableError
from engine.sinks import OUTAGES, ManifestStore, nothing_sent
from engine.telemetry import tell
from engine.transfer.coordinator.cluster import Load, Work

__all__ = [
    "ATTEMPTS",
    "OUTAGE_S",
    "Attempts",
    "check_progress",
    "deleted",
    "is_passing",
    "named",
    "starts",
    "through_outages",
]

ATTEMPTS = 3
OUTAGE_S = 3600.0
_ATTEMPTS_TO_TELL = 30
_MOST_DEATHS = 4
_LEAST_MEMORY_GB = 4

_Result = TypeVar("_Result")


def is_passing(failure: BaseException | None) -> bool:
    """Return whether what failed may succeed later.

    The sink may be back by then; what it has of the fragment already is known again by its keys. A store of files may
    be back too, and bytes that came over a network may have been damaged there.
    """
    return isinstance(failure, (*OUTAGES, ArchiveError))


class Attempts:
    """Decides on each task that failed.

    Parameters
    ----------
    topic
        The job's topic.
    job_id
        Its identity.
    skip_unreadable
        Whether it goes on without fragments that can't be read.
    """

    def __init__(self, topic: str, job_id: str, *, skip_unreadable: bool):
        self._topic = topic
        self._job_id = job_id
        self._skip_unreadable = skip_unreadable
        self._made: Counter[Work] = Counter()

    def use_up(self, works: Iterable[Work]) -> None:
        """Have none of these tried again."""
        self._made.update(dict.fromkeys(works, ATTEMPTS))

    def judge(self, work: Work, failure: BaseException | None) -> FragmentDone | None:
        """Return None if the work is to be tried again, or the record with which the job goes on without it.

        Raises
        ------
        AlertTransferError
            If neither is the case: the error fails the job.
        """
        self._made[work] += 1
        if is_passing(failure) and self._made[work] < ATTEMPTS:
            tell(
                f"{named(work)} is tried again, attempt {self._made[work] + 1} of {ATTEMPTS}: {_why(failure)}",
                level="warning",
                event="retry",
            )
            return None
        if isinstance(failure, UnreadableError) and self._skip_unreadable and isinstance(work, Fragment):
            return nothing_sent(self._job_id, work, failure.as_told)
        if isinstance(failure, AlertTransferError):
            raise failure
        what = named(work)
        if isinstance(failure, KilledWorker):
            last, times = failure.last_worker, failure.allowed_failures + 1
            raise JobError(
                f"{what} ended its worker {times} times, most likely for lack of memory; the last of them, "
                f"{last.address}, had {_memory(last.memory_limit)} for {count_text(last.nthreads, 'thread')}",
                next_step=_more_memory(self._topic, last.memory_limit),
            ) from failure
        raise JobError(f"{what} failed: {type(failure).__name__}: {failure}") from failure


def _why(failure: BaseException | None) -> str:
    return failure.as_told if isinstance(failure, AlertTransferError) else f"{type(failure).__name__}: {failure}"


def named(work: Work | Load) -> str:
    """Return what a task works on, in words."""
    if isinstance(work, Load):
        first, *others = work.fragments
        return named(first) + (f" and {count_text(len(others), 'other')} of its task" if others else "")
    if isinstance(work, Fragment):
        return f"fragment {work.number} ({work.file.path}, row groups {list(work.row_groups)})"
    return f"the count of {work}"


def _memory(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes else "memory without a limit"


def _more_memory(topic: str, nbytes: int = 0) -> str:
    """Say how workers get more memory than they had; each thread of a worker works on a fragment of its own."""
    limit = max(_LEAST_MEMORY_GB, math.ceil(2 * nbytes / 1e9))
    return (
        "start the Dask workers anew, fewer of them on a machine, each with one thread and a memory limit of "
        f"{limit} GB or more, then: alert-transfer resume {topic}"
    )


def through_outages(store: ManifestStore, action: Callable[[], _Result]) -> _Result:
    """Return what an action returns; if the store is away, the action is tried again once it is back.

    Raises
    ------
    JobError
        If the job's manifest is gone: then there is no job left.
    KafkaError
        If the store is away for an hour, or the action fails again and again although it is there.
    """

    def await_store(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        tell(f"{store.address} can't be used: {_why(failure)}", level="warning", event="outage")
        store.await_answer(OUTAGE_S)
        with contextlib.suppress(*OUTAGES):  # it is away again, as the next attempt will find
            if not store.exists():
                raise deleted(store.place)

    retrying = Retrying(
        retry=retry_if_exception_type(OUTAGES),
        stop=stop_after_attempt(_ATTEMPTS_TO_TELL),
        wait=wait_fixed(1.0),  # a store that has just come back may answer one request and not yet the next
        before_sleep=await_store,
        reraise=True,
    )
    result = retrying(action)
    if retrying.statistics.get("attempt_number", 1) > 1:
        tell(f"{store.address} can be used again", event="outage-over")
    return result


def deleted(place: str) -> JobError:
    """Return the error that says that a part of the job is gone."""
    return JobError(f"{place} was deleted while the job ran", next_step="submit the request again")


def starts(manifest: Manifest) -> list[float]:
    """Return the times at which coordinators began since the job was queued last."""
    found: list[float] = []
    for change in manifest.changes:
        if change.state == "queued":
            found = []
        elif change.state == "running":
            found.append(change.time)
    return found


def check_progress(topic: str, manifest: Manifest) -> None:
    """Raise if the coordinators before this one died again and again, and no fragment was finished in between."""
    began = starts(manifest)
    last = max((done.time for done in list(manifest.fragments.values())), default=0.0)
    if len(began) > _MOST_DEATHS and began[-1 - _MOST_DEATHS] > last:
        raise JobError(
            f"the worker of the coordinator ended {_MOST_DEATHS} times with no fragment finished in between, "
            "most likely for lack of memory",
            next_step=_more_memory(topic),
        )
