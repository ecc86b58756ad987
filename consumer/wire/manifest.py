"""A manifest: what its records, read in order, say of a job, and whether that still runs."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from consumer.errors import WireError
from consumer.settings import shown
from consumer.wire.log_lines import KeptLines
from consumer.wire.reading import PassedOver
from consumer.wire.records import (
    CancelRequest,
    FragmentDone,
    Heartbeat,
    LogLines,
    NewerVersionError,
    NightDone,
    Plan,
    PlanPart,
    Record,
    StateChange,
    decode_record,
)

__all__ = ["FINAL_STATES", "INTERRUPTED_AFTER_S", "STATES", "LeftOut", "Manifest"]

HEARTBEAT_EVERY_S = 5.0
INTERRUPTED_AFTER_S = 30.0
FINAL_STATES = frozenset({"complete", "empty", "failed", "cancelled"})
STATES = FINAL_STATES | {"queued", "running", "interrupted"}
_MOST_CANCELS = 100  # anybody may write them


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

    Records of another job id than the plan's are ignored: they come from an earlier topic of the same name. Whoever may
    write to the topic may write anything into it: what can't be read, or can't be by the plan, is counted and passed
    over. It proves nothing then: a fragment whose record is passed over is not finished.

    Parameters
    ----------
    records
        The first records, in order.
    topic
        The data topic that it is the manifest of: a plan of another one is passed over. None: whichever the plan names.
    """

    def __init__(self, records: Iterable[Record | None] = (), *, topic: str | None = None):
        self._topic = topic
        self.plan: Plan | None = None
        self.refusal: WireError | None = None
        """Why the job can't be read at all: its plan is of a version that this program does not know."""
        self.passed_over = PassedOver()
        """What was passed over."""
        self.parts: dict[int, PlanPart] = {}
        self._sizes: dict[int, int] = {}
        """Alerts of the archive, per fragment, of the parts that are there."""
        self._files: set[int] = set()
        self._early: list[FragmentDone] = []
        """Finished fragments of which no part of the plan that is there tells."""
        self.fragments: dict[int, FragmentDone] = {}
        self.nights: dict[str, NightDone] = {}
        self.stated: str = "queued"
        """The last state that was written; `state_at` also knows of interruption."""
        self.error: dict[str, Any] | None = None
        self.changes: list[StateChange] = []
        self.cancel_requested = False
        self.cancels: list[CancelRequest] = []
        """Requests to cancel, the first hundred of them."""
        self.log = KeptLines()
        """What coordinators and workers told besides."""
        self.beat: Heartbeat | None = None
        """The last heartbeat of the coordinator in charge."""
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

    def take(self, value: bytes | None, key: bytes | None = None) -> Record | None:
        """Take in one message of the manifest topic, whatever it holds.

        Parameters
        ----------
        value, key
            The message's; the key repeats the record's type. Without one it is not compared.

        Returns
        -------
        record
            What was understood, or None: of a type that a later version added, or passed over.
        """
        try:
            record = decode_record(value, key)
        except NewerVersionError as exc:
            if self.plan is None and self.refusal is None:
                self.refusal = exc
            else:
                self.passed_over.add(exc.as_told)
            return None
        except WireError as exc:
            self.passed_over.add(exc.as_told)
            return None
        self.apply(record)
        return record

    def apply(self, record: Record | None) -> None:
        """Take one more record in."""
        if record is None or self.refusal is not None:
            return
        if isinstance(record, Plan):
            self._apply_plan(record)
            return
        if self.plan is None or record.job_id != self.plan.job_id:
            return
        match record:
            case PlanPart():
                self._apply_part(record, self.plan)
            case FragmentDone():
                if record.fragment in self._sizes or self.is_planned:
                    self._apply_done(record, self.plan)
                else:
                    self._early.append(record)
            case NightDone():
                self.nights.setdefault(record.night, record)
                self.last_sign_at = record.time
            case StateChange():
                self._apply_state(record)
            case Heartbeat():
                if self.coordinator in (None, record.coordinator):
                    self.last_sign_at = record.time
                    self.beat = record
            case CancelRequest():
                self.cancel_requested = True
                if len(self.cancels) < _MOST_CANCELS:
                    self.cancels.append(record)
            case LogLines():
                self.log.add(record.coordinator, record.index, record.lines, record.num_left_out)

    def _apply_plan(self, record: Plan) -> None:
        if self._topic is not None and record.topic != self._topic:
            self.passed_over.add(f"a plan of another topic, {shown(record.topic)}")
        elif self.plan is None:
            self.plan = record
            self.last_sign_at = record.created_at
        elif record != self.plan:
            self.passed_over.add("a second plan, which says something else; the first holds")

    def _apply_part(self, record: PlanPart, plan: Plan) -> None:
        held = self.parts.get(record.index)
        if held is not None:
            if held != record:
                self.passed_over.add(
                    f"a second part {record.index} of the plan, which says something else; the first holds"
                )
            return
        numbers = [item["fragment"] for item in record.fragments]
        indices = [file["index"] for file in record.files]
        if (
            record.index >= plan.num_parts
            or not _are_new(numbers, plan.num_fragments, self._sizes)
            or not _are_new(indices, plan.num_files, self._files)
            or any(item["file"] >= plan.num_files for item in record.fragments)
        ):
            self.passed_over.add(f"part {record.index} of the plan is at odds with the plan")
            return
        self.parts[record.index] = record
        self._sizes.update((item["fragment"], item["num_alerts"]) for item in record.fragments)
        self._files.update(indices)
        early, self._early = self._early, []
        for done in early:
            self.apply(done)

    def _apply_done(self, record: FragmentDone, plan: Plan) -> None:
        size = self._sizes.get(record.fragment)
        if size is None:
            self.passed_over.add(f"fragment {record.fragment} is in no part of the plan")
        elif max(record.num_selected, record.num_sent) > size:
            self.passed_over.add(f"fragment {record.fragment} says it sent more alerts than it has, {size:,}")
        elif any(partition >= plan.num_partitions for partition in record.partitions):
            self.passed_over.add(f"fragment {record.fragment} names partitions that the topic does not have")
        else:
            self.fragments.setdefault(record.fragment, record)
            if record.num_sent and self.first_alert_s is None:
                self.first_alert_s = max(0.0, record.time - plan.created_at - self.paused_s)
            self.last_sign_at = record.time

    def _apply_state(self, record: StateChange) -> None:
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

    def require_plan(self) -> Plan:
        """Return the plan of a manifest that holds one by now.

        Raises
        ------
        LookupError
            If it holds none.
        WireError
            If its plan can't be read by this program.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.plan is None:
            raise LookupError("the manifest holds no plan yet")
        return self.plan

    def check_readable(self) -> None:
        """Raise if this program can't read the job, as far as its plan is there.

        Raises
        ------
        WireError
            If its plan is of a later version, or contradicts itself.
        """
        if self.refusal is not None:
            raise self.refusal
        if not self.is_planned:
            return
        lost = {item["file"] for part in self.parts.values() for item in part.fragments} - self._files
        if lost:
            raise WireError(f"the plan has fragments of a file that no part of it names: number {min(lost)}")

    @property
    def is_planned(self) -> bool:
        """Whether the plan and all its parts are there."""
        return self.plan is not None and len(self.parts) == self.plan.num_parts

    @property
    def num_unproven(self) -> int:
        """Fragments of the plan that are not finished though the job has ended well; none if a limit was reached."""
        if self.plan is None or self.stated not in ("complete", "empty") or self._is_limit_reached(self.plan):
            return 0
        return self.plan.num_fragments - len(self.fragments)

    def _is_limit_reached(self, plan: Plan) -> bool:
        limit = plan.request.get("limit")
        return limit is not None and self.num_sent >= limit

    @property
    def num_archive_alerts(self) -> int:
        """Alerts of the plan's fragments, selected or not, as far as its parts are there."""
        return sum(self._sizes.values())

    @property
    def num_looked_at(self) -> int:
        """Alerts of the archive of finished fragments."""
        return sum(done.num_alerts for done in self.fragments.values())

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
        if self.stated in ("complete", "empty") and not self.num_unproven:
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


def _are_new(numbers: list[int], end: int, known: Container[int]) -> bool:
    """Whether numbers are below an end, differ, and are not known."""
    return len(set(numbers)) == len(numbers) and all(n < end and n not in known for n in numbers)
