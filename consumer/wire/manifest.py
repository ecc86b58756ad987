"""A manifest: what its records, read in order, say of a job, and whether that still runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from consumer.wire.records import CancelRequest, FragmentDone, Heartbeat, NightDone, Plan, PlanPart, Record, StateChange

__all__ = ["FINAL_STATES", "INTERRUPTED_AFTER_S", "STATES", "LeftOut", "Manifest"]

HEARTBEAT_EVERY_S = 5.0
INTERRUPTED_AFTER_S = 30.0
FINAL_STATES = frozenset({"complete", "empty", "failed", "cancelled"})
STATES = FINAL_STATES | {"queued", "running", "interrupted"}


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Part of the archive that could not be read and that the job went on without."""

    path: str
    row_groups: list[int] | None
    """None: the whole file."""
    num_alerts: int | None
    """None where not even their number is known."""
    reason: str


class Manifest:
    """What the records of a manifest, read from the beginning and in order, say of the job.

    Records of another job id than the plan's are ignored: they come from an earlier topic of the same name.
    """

    def __init__(self, records: Iterable[Record | None] = ()):
        self.plan: Plan | None = None
        self.parts: dict[int, PlanPart] = {}
        self.fragments: dict[int, FragmentDone] = {}
        self.nights: dict[str, NightDone] = {}
        self.stated: str = "queued"
        """The last state that was written; `state_at` also knows of interruption."""
        self.error: dict[str, Any] | None = None
        self.changes: list[StateChange] = []
        self.cancel_requested = False
        self.coordinator: str | None = None
        """Name of the coordinator in charge: the one that wrote `running` last."""
        self.started_at: float | None = None
        self.first_alert_s: float | None = None
        """Seconds from submit until the first alerts were acknowledged, less what `paused_s` was by then."""
        self.paused_s = 0.0
        """Seconds in which nobody worked on the job: from an end, or its last sign of life, until it was taken up again
        or was called cancelled."""
        self.last_sign_at: float | None = None
        """Time of the coordinator's last sign of life."""
        for record in records:
            self.apply(record)

    def apply(self, record: Record | None) -> None:
        """Take one more record in."""
        if record is None:
            return
        if isinstance(record, Plan):
            if self.plan is None:
                self.plan = record
                self.last_sign_at = record.created_at
            return
        if self.plan is None or record.job_id != self.plan.job_id:
            return
        match record:
            case PlanPart():
                self.parts[record.index] = record
            case FragmentDone():
                self.fragments.setdefault(record.fragment, record)
                if record.num_sent and self.first_alert_s is None:
                    self.first_alert_s = max(0.0, record.time - self.plan.created_at - self.paused_s)
                self.last_sign_at = record.time
            case NightDone():
                self.nights.setdefault(record.night, record)
                self.last_sign_at = record.time
            case StateChange():
                if record.state in ("queued", "running"):
                    self.coordinator = record.coordinator
                elif record.coordinator not in (None, self.coordinator):
                    return  # it was thought dead, and another one is in charge now
                elif self.stated in FINAL_STATES:
                    return
                if record.coordinator is None and record.state in ("queued", "cancelled"):
                    # Not a coordinator's: a user takes the job up, or ends it in the place of one that fell silent.
                    self.paused_s += max(0.0, record.time - (self.last_sign_at or record.time))
                # A final state stands unless the job is taken up again, which begins with `queued`.
                self.stated, self.error, self.last_sign_at = record.state, record.error, record.time
                self.changes.append(record)
                if record.state == "queued":
                    # Not at `running`: a coordinator that begins, or begins again elsewhere, is to answer the request.
                    self.cancel_requested = False
                if record.state == "running":
                    self.started_at = self.started_at or record.time
            case Heartbeat():
                if self.coordinator in (None, record.coordinator):
                    self.last_sign_at = record.time
            case CancelRequest():
                self.cancel_requested = True

    def require_plan(self) -> Plan:
        """Return the plan of a manifest that holds one by now.

        Raises
        ------
        LookupError
            If it holds none.
        """
        if self.plan is None:
            raise LookupError("the manifest holds no plan yet")
        return self.plan

    @property
    def is_planned(self) -> bool:
        """Whether the plan and all its parts are there."""
        return self.plan is not None and len(self.parts) == self.plan.num_parts

    @property
    def num_sent(self) -> int:
        """Alerts of finished fragments."""
        return sum(done.num_sent for done in self.fragments.values())

    @property
    def nbytes(self) -> int:
        """Bytes of the datums of finished fragments."""
        return sum(done.nbytes for done in self.fragments.values())

    @property
    def num_alerts(self) -> int | None:
        """Alerts that the job sends in all, or None while that is not known."""
        if self.stated in ("complete", "empty"):
            return self.num_sent
        if self.plan is None or self.plan.num_alerts is None:
            return None
        lost = {number for number, done in self.fragments.items() if done.unreadable}
        if not lost or not self.is_planned:
            return self.plan.num_alerts
        # Known beforehand is the number only where all alerts are sent, or the first of them up to a limit.
        sizes = {item["fragment"]: item["num_alerts"] for part in self.parts.values() for item in part.fragments}
        return min(self.plan.num_alerts, sum(size for number, size in sizes.items() if number not in lost))

    @property
    def num_left_out(self) -> int:
        """Alerts of the archive, selected or not, that could not be read, as far as their number is known."""
        return sum(part.num_alerts or 0 for part in self.left_out)

    @property
    def num_files_left_out(self) -> int:
        """Files of which not even the number of alerts could be read."""
        return len(self.plan.unreadable_files) if self.plan else 0

    @property
    def left_out(self) -> list[LeftOut]:
        """What of the archive could not be read and was left out, as the request allows."""
        found = [
            LeftOut(path=file["path"], row_groups=None, num_alerts=None, reason=file["reason"])
            for file in (self.plan.unreadable_files if self.plan else [])
        ]
        lost = {number: done.unreadable for number, done in self.fragments.items() if done.unreadable}
        if not lost:
            return found
        paths = {file["index"]: file["path"] for part in self.parts.values() for file in part.files}
        for _, part in sorted(self.parts.items()):
            found += [
                LeftOut(
                    path=paths[planned["file"]],
                    row_groups=planned["row_groups"],
                    num_alerts=planned["num_alerts"],
                    reason=lost[planned["fragment"]],
                )
                for planned in part.fragments
                if planned["fragment"] in lost
            ]
        return found

    def state_at(self, now: float) -> str:
        """Return the job's state at `now` (Unix time, seconds).

        A state that isn't final and gave no sign of life for `INTERRUPTED_AFTER_S` reads as `interrupted`.
        """
        if self.stated in FINAL_STATES:
            return self.stated
        if self.last_sign_at is not None and now - self.last_sign_at > INTERRUPTED_AFTER_S:
            return "interrupted"
        return self.stated
