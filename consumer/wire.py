"""The wire contract: topic names, message keys and the records of the manifest.

The engine writes what stands here, the consumer reads it; both import this file, so the contract stands once.
Nothing in it touches Kafka, a file or a clock. `docs/wire-contract.md` describes the same for other programs.

A job is three topics. `<topic>` holds the alerts, one Avro datum a message. `<topic>_schema` holds copies of the
Avro schema in message keys. `<topic>_manifest` (one partition, so its records have one order) holds JSON records:
the plan and its parts, one record per finished fragment and one per night whose alerts were counted, heartbeats,
changes of state, requests to cancel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from consumer.errors import AlertTransferError, InputError
from consumer.values import shown

__all__ = [
    "FINAL_STATES",
    "INTERRUPTED_AFTER_S",
    "JOBS_TOPIC",
    "STATES",
    "TOPIC_PREFIX",
    "WIRE_VERSION",
    "CancelRequest",
    "FragmentDone",
    "Heartbeat",
    "LeftOut",
    "Manifest",
    "NightDone",
    "Plan",
    "PlanPart",
    "Record",
    "StateChange",
    "WireError",
    "check_topic",
    "decode_key",
    "decode_record",
    "digest_candids",
    "encode_keys",
    "encode_record",
    "manifest_topic",
    "partitions_of",
    "schema_topic",
]

WIRE_VERSION = 1
TOPIC_PREFIX = "ftransfer_"
JOBS_TOPIC = "alert_transfer_jobs"
HEARTBEAT_EVERY_S = 5.0
INTERRUPTED_AFTER_S = 30.0
FINAL_STATES = frozenset({"complete", "empty", "failed", "cancelled"})
STATES = FINAL_STATES | {"queued", "running", "interrupted"}

# Kafka's own rule for topic names, less the room that our two suffixes need.
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,230}")


class WireError(AlertTransferError):
    """A message that does not follow the wire contract."""


def check_topic(topic: str) -> str:
    """Return a data topic's name if it is a valid one.

    Raises
    ------
    InputError
        If it does not begin with `ftransfer_`, ends like a companion topic, or has characters Kafka refuses.
    """
    accepted = f"a name that begins with {TOPIC_PREFIX!r}, of letters, digits and ._- (230 at most), and does not "
    accepted += "end in _schema or _manifest"
    if not isinstance(topic, str) or not topic.startswith(TOPIC_PREFIX) or topic == TOPIC_PREFIX:
        raise InputError(
            f"{shown(topic)} is not the name of a transfer topic",
            accepted=accepted,
            next_step="copy the name that submit printed, or list them with: alert-transfer jobs --all",
        )
    for suffix in ("_schema", "_manifest"):
        if topic.endswith(suffix):
            data_topic = topic.removesuffix(suffix)
            raise InputError(
                f"{shown(topic, 230)} can't be the name of a data topic: it ends like one that goes with a data topic",
                accepted=accepted,
                next_step=f"name the data topic, {shown(data_topic, 230)}; for a new one choose another, or none",
            )
    if not _TOPIC.fullmatch(topic):
        raise InputError(
            f"{shown(topic, 230)} can't be the name of a data topic",
            accepted=accepted,
            next_step="choose another name, or leave it out to have one made",
        )
    return topic


def schema_topic(topic: str) -> str:
    """Return the name of the topic that holds the Avro schema of `topic`."""
    return f"{topic}_schema"


def manifest_topic(topic: str) -> str:
    """Return the name of the topic that holds the manifest of `topic`."""
    return f"{topic}_manifest"


def encode_keys(fragment: int, rows: np.ndarray) -> list[bytes]:
    """Return the message keys `<fragment>:<row>` of rows of one fragment.

    Parameters
    ----------
    fragment
        Number of the fragment in the plan.
    rows
        Positions of the alerts in the fragment, counted in its source (so a filter leaves gaps), shape (n,).
    """
    prefix = f"{fragment}:"
    return [(prefix + str(row)).encode() for row in rows.tolist()]


def decode_key(key: bytes | None) -> tuple[int, int]:
    """Return (fragment, row) of a message key.

    Raises
    ------
    WireError
        If the key is not of the form `<fragment>:<row>`.
    """
    try:
        fragment, _, row = (key or b"").decode("ascii").partition(":")
        if not (fragment.isdecimal() and row.isdecimal()):
            raise ValueError("not two numbers")
        return int(fragment), int(row)
    except ValueError as exc:
        raise WireError(f"{key!r} is not a message key of this contract", accepted="<fragment>:<row>") from exc


def partitions_of(fragment: int, rows: np.ndarray, num_partitions: int) -> np.ndarray:
    """Return the Kafka partition of each row: `(fragment + row) mod num_partitions`.

    A fixed function of the key, so that a fragment that is run twice sends each alert to the same partition.

    Parameters
    ----------
    fragment
        Number of the fragment in the plan.
    rows
        Positions in the fragment, shape (n,).
    num_partitions
        Number of partitions of the data topic.
    """
    return (np.asarray(rows, dtype=np.int64) + fragment) % num_partitions


def _mix(x: np.ndarray) -> np.ndarray:
    # The finaliser of splitmix64 (Steele, Lea, Flood 2014), vectorised over uint64.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def digest_candids(candids: np.ndarray) -> int:
    """Return the sum modulo 2^128 of a 128-bit hash of each candid.

    The order of the candids plays no part, sums of parts add up, and an alert that is there twice counts twice.

    Parameters
    ----------
    candids
        Alert identifiers, int64, shape (n,).
    """
    ids = np.ascontiguousarray(candids, dtype=np.int64).view(np.uint64)
    high = _mix(ids + np.uint64(0x9E3779B97F4A7C15))
    low = _mix(high ^ (ids * np.uint64(0xD1342543DE82EF95) + np.uint64(1)))
    total = 0
    for shift, words in ((64, high), (0, low)):
        # Halves of 32 bits, so that the sum of up to 2^32 of them cannot overflow uint64.
        total += int((words >> np.uint64(32)).sum(dtype=np.uint64)) << (shift + 32)
        total += int((words & np.uint64(0xFFFFFFFF)).sum(dtype=np.uint64)) << shift
    return total % 2**128


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The head of a job's plan; its files and fragments follow in `num_parts` records of type PlanPart."""

    type: ClassVar[str] = "plan"
    job_id: str
    """Random identity of the job: tells a recreated topic of the same name from the first."""
    topic: str
    version: int = WIRE_VERSION
    engine_version: str
    created_at: float
    """Unix time, seconds."""
    request: dict[str, Any]
    num_partitions: int
    num_files: int
    num_fragments: int
    num_parts: int
    num_alerts: int | None
    """Alerts that will be sent, where the plan knows it already (no filter), else None."""
    schema: dict[str, Any]
    """Avro schema of every datum of the topic."""
    time_field: str
    """Path of the field (Julian date, UTC, days) that puts an alert into its night: `jd` or `candidate.jd`."""
    id_field: str
    """Path of the alert's identifier (int64) that the digests are made of: `candid`."""
    nights_without_data: list[str] = field(default_factory=list)
    """Nights of the request (`2021-11-22`) for which the archive has no file."""
    unreadable_files: list[dict[str, Any]] = field(default_factory=list)
    """Files whose footers can't be read, left out because the request allows it. Each: path, size, etag, night,
    reason."""
    labels: list[str] = field(default_factory=list)
    """Names of the classes that the request chooses, each with its other names, as `finkclass` and `tnsclass` hold
    them; finished fragments count the alerts of each."""
    details: dict[str, Any] = field(default_factory=dict)
    """What only the engine needs to go on with the job."""


@dataclass(frozen=True, kw_only=True)
class PlanPart:
    """A chunk of the plan's files and fragments (40,000 files exceed one message)."""

    type: ClassVar[str] = "part"
    job_id: str
    index: int
    files: list[dict[str, Any]]
    """Each: index, path, size (bytes), etag (or null), footer_crc (CRC-32 of the Parquet footer), night
    (`2021-11-22`)."""
    fragments: list[dict[str, Any]]
    """Each: fragment (number), file (index), row_groups (list of int), num_alerts."""


@dataclass(frozen=True, kw_only=True)
class FragmentDone:
    """Every message of one fragment is acknowledged by Kafka."""

    type: ClassVar[str] = "fragment"
    job_id: str
    fragment: int
    num_alerts: int
    """Alerts in the fragment of the archive."""
    num_selected: int
    """Alerts that fulfil the conditions."""
    num_sent: int
    """Alerts sent: num_selected, or fewer where the request has a limit."""
    nbytes: int
    """Bytes of the datums."""
    partitions: dict[int, int]
    """Alerts sent per Kafka partition."""
    digest: str
    """`digest_candids` of the alerts sent, 32 hexadecimal digits."""
    time: float
    unreadable: str | None = None
    """Why the fragment could not be read, where the request allows to leave such out. Nothing of it was sent, unless an
    attempt before had sent a part."""
    labels: dict[str, int] = field(default_factory=dict)
    """Alerts sent that bear each of the plan's labels; those that none bears are left out."""


@dataclass(frozen=True, kw_only=True)
class NightDone:
    """The identifiers of all alerts that the archive holds of one night have been counted."""

    type: ClassVar[str] = "night"
    job_id: str
    night: str
    num_alerts: int
    """Alerts of the night whose identifiers could be read."""
    num_duplicates: int
    """Alerts whose identifier an alert before them in the same night has already."""
    time: float


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """The job's state from here on."""

    type: ClassVar[str] = "state"
    job_id: str
    state: str
    time: float
    error: dict[str, Any] | None = None
    """message, accepted, next; only where the state is failed."""
    coordinator: str | None = None
    """The coordinator that writes this; None for whoever submits, resumes or cancels."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The coordinator lives."""

    type: ClassVar[str] = "beat"
    job_id: str
    coordinator: str
    time: float


@dataclass(frozen=True, kw_only=True)
class CancelRequest:
    """Somebody asks the coordinator to stop; the one record that it does not write itself."""

    type: ClassVar[str] = "cancel"
    job_id: str
    time: float


Record = Plan | PlanPart | FragmentDone | NightDone | StateChange | Heartbeat | CancelRequest
_TYPES: dict[str, type] = {
    cls.type: cls for cls in (Plan, PlanPart, FragmentDone, NightDone, StateChange, Heartbeat, CancelRequest)
}


def encode_record(record: Record) -> tuple[bytes, bytes]:
    """Return a manifest record as message key (its type) and value (JSON, UTF-8)."""
    body = {"type": record.type, **asdict(record)}
    return record.type.encode(), json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def decode_record(value: bytes | None) -> Record | None:
    """Return the record in a manifest message, or None for a type that a later version added.

    Raises
    ------
    WireError
        If it is not JSON, lacks a field, or is of a version that this program can't read.
    """
    try:
        body = json.loads(value or b"")
        cls = _TYPES.get(body.pop("type"))
        if cls is Plan and body.get("version", 0) > WIRE_VERSION:
            raise WireError(
                f"the topic follows version {body['version']} of the wire contract",
                accepted=f"version {WIRE_VERSION} or earlier",
                next_step="install a newer alert-transfer, from a clone of it: pip install .",
            )
        if cls is FragmentDone and isinstance(body.get("partitions"), Mapping):
            body["partitions"] = {int(p): n for p, n in body["partitions"].items()}  # JSON has text keys only
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as exc:
        raise WireError(f"a manifest message is not a record of this contract: {value!r:.200}") from exc
    if cls is None:
        return None
    try:
        return cls(**{name: body[name] for name in cls.__dataclass_fields__ if name in body})
    except TypeError as exc:
        raise WireError(f"a manifest record of type {cls.type} lacks a field: {exc}") from exc


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
        """Name of the coordinator that sees the job through; whoever says `running` last."""
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
                    return  # it was thought dead, and another sees the job through now
                elif self.stated in FINAL_STATES:
                    return
                if record.coordinator is None and record.state in ("queued", "cancelled"):
                    # Not a coordinator's: whoever takes the job up, or ends it in the place of one that fell silent.
                    self.paused_s += max(0.0, record.time - self.last_sign_at)
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
        lost = {number: done for number, done in self.fragments.items() if done.unreadable}
        if not lost:
            return found
        paths = {file["index"]: file["path"] for part in self.parts.values() for file in part.files}
        for _, part in sorted(self.parts.items()):
            found += [
                LeftOut(
                    path=paths[planned["file"]],
                    row_groups=planned["row_groups"],
                    num_alerts=planned["num_alerts"],
                    reason=lost[planned["fragment"]].unreadable,
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
