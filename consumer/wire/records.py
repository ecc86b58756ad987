"""The records of a manifest, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from consumer.errors import WireError
from consumer.wire.time_scales import FIRST_TIME_SCALE, check_time_scale

__all__ = [
    "WIRE_VERSION",
    "CancelRequest",
    "FragmentDone",
    "Heartbeat",
    "NightDone",
    "Plan",
    "PlanPart",
    "Record",
    "StateChange",
    "decode_record",
    "encode_record",
    "version_for",
]

WIRE_VERSION = 2
"""The latest version of the contract, which this program reads, with all before it."""


def version_for(time_scale: str) -> int:
    """Return the version of a plan with a time scale: 1 of that which readers of version 1 take for granted, else 2.

    A reader of version 1 would file alerts of another time scale under wrong dates, so it has to refuse them.
    """
    return 1 if time_scale == FIRST_TIME_SCALE else 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The head of a job's plan; its files and fragments follow in `num_parts` records of type PlanPart."""

    type: ClassVar[str] = "plan"
    job_id: str
    """Random identity of the job: tells a recreated topic of the same name from the first."""
    topic: str
    version: int = 1
    """Of the wire contract: `version_for` its time scale."""
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
    """Path of the time (days) that puts an alert into its night: `jd`, `candidate.jd`, `diaSource.midpointMjdTai`."""
    id_field: str
    """Path of the alert's identifier (int64) that the digests are made of: `candid`, `diaSourceId`."""
    time_scale: str = FIRST_TIME_SCALE
    """How the time is counted: one of `TIME_SCALES`. Plans of version 1 leave it out."""
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
    """The coordinator that writes this; None where a user submits, resumes or cancels."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The coordinator still runs."""

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


_TYPES: dict[str, type[Record]] = {
    cls.type: cls for cls in (Plan, PlanPart, FragmentDone, NightDone, StateChange, Heartbeat, CancelRequest)
}


def encode_record(record: Record) -> tuple[bytes, bytes]:
    """Return a manifest record as message key (its type) and value (JSON, UTF-8)."""
    body = {"type": record.type, **asdict(record)}
    if isinstance(record, Plan) and record.version == 1:
        del body["time_scale"]  # as version 1 has it, to the byte
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
        if cls is Plan:
            check_time_scale(body.get("time_scale", FIRST_TIME_SCALE))
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
