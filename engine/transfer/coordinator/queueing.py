"""The queue of an owner's jobs: where only so many may run at once, the others wait for their place.

Each coordinator finds out by itself whether its job may run: by the list of all jobs, those count that run, and those
before it that wait, if they gave a sign of life lately. They wait in the order in which they were submitted. Nobody
hands out places, so two jobs that are submitted within the same moment may both run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from consumer.wire import HEARTBEAT_EVERY_S, Heartbeat, JobSummary, Manifest, Plan
from consumer.words import count_text
from engine.sinks import ManifestStore
from engine.telemetry import tell
from engine.transfer.coordinator.heartbeat import Replaced
from engine.transfer.coordinator.job_log import JobLog
from engine.transfer.coordinator.retries import through_outages
from engine.transfer.queue_place import place_text

__all__ = ["await_turn", "most_running", "place_among", "waits"]

_LOOK_EVERY_S = 1.0
_LOOK_AT_LEAST_EVERY_S = 5.0
_LISTEN_S = 0.5
_BEGUN, _MOVED = "queue", "queue-place"


def most_running(plan: Plan) -> int | None:
    """Return how many jobs of its owner may run at once for this one to run; None: any number."""
    limits = plan.details.get("limits")
    most = limits.get("max_running_jobs") if isinstance(limits, dict) else None
    return most if isinstance(most, int) and most > 0 and not plan.details.get("is_test") else None


def place_among(others: Sequence[JobSummary], plan: Plan, most: int) -> int | None:
    """Return a job's place, from 1, among those of its owner that wait; None if it may run.

    Parameters
    ----------
    others
        The owner's other jobs that have not ended.
    plan
        The job's.
    most
        How many may run at once.
    """
    num_running = sum(other.state == "running" for other in others)
    mine = (plan.created_at, plan.job_id)
    num_before = sum(other.state == "queued" and (other.created_at, other.job_id) < mine for other in others)
    return None if num_running + num_before < most else num_before + 1


def waits(manifest: Manifest) -> int:
    """Return how many coordinators of a job have begun to wait."""
    return sum(line.event == _BEGUN for line in manifest.log.lines)


def await_turn(
    store: ManifestStore, plan: Plan, coordinator: str, log: JobLog, clock: Callable[[], float] = time.monotonic
) -> None:
    """Return when a job may run, or is to be cancelled; until then its heartbeats say its place.

    Raises
    ------
    Replaced
        If another coordinator has the job.
    """
    most = most_running(plan)
    if most is None:
        return
    place: int | None = None
    told: int | None = None
    look_at = beat_at = clock()
    while True:
        if clock() >= look_at:
            others = through_outages(store, lambda: store.others(plan.owner))
            place = place_among(others, plan, most)
            if place is None:
                return
            look_at = clock() + min(_LOOK_EVERY_S * place, _LOOK_AT_LEAST_EVERY_S)
        assert place is not None
        if place != told:
            if told is None:
                through_outages(store, lambda: store.announce(plan, "queued", 0))
            tell(f"{place_text(place, plan.owner)}: {_at_once(most)}", event=_BEGUN if told is None else _MOVED)
        if place != told or clock() >= beat_at:
            told, beat_at = place, clock() + HEARTBEAT_EVERY_S
            beat = Heartbeat(job_id=plan.job_id, coordinator=coordinator, time=time.time(), queue_place=place)
            through_outages(store, partial(store.append, *log.take(), beat))
        manifest = through_outages(store, lambda: store.wait_for_more(_LISTEN_S))
        if manifest.stated != "queued":
            raise Replaced
        if manifest.cancel_requested:
            return


def _at_once(most: int) -> str:
    return f"{count_text(most, 'job')} of an owner may run at once, by limits.max_running_jobs"
