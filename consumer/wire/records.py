"""The records of a manifest, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

from consumer.errors import WireError
from consumer.settings import shown
from consumer.wire.kinds import (
    COUNT,
    DATE,
    DIGEST,
    LABEL,
    MOST_PARTITIONS,
    PARTITION,
    SCHEMA,
    TEXT,
    TIME,
    TREE,
    Kind,
    choice,
    list_of,
    mapping_of,
    matching,
    optional,
    record_of,
    tells,
    whole,
)
from consumer.wire.log_lines import LINES
from consumer.wire.reading import json_object
from consumer.wire.time_scales import FIRST_TIME_SCALE, TIME_SCALES, check_time_scale

__all__ = [
    "WIRE_VERSION",
    "CancelRequest",
    "FragmentDone",
    "Heartbeat",
    "LogLines",
    "NewerVersionError",
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
    owner: str = ""
    """Whose job it is: a user of Kafka's, else of the system. Empty where nobody said, and then left out."""


@dataclass(frozen=True, kw_only=True)
class PlanPart:
    """A chunk of the plan's files and fragments (40,000 files exceed one message)."""

    type: ClassVar[str] = "part"
    job_id: str
    index: int
    files: list[dict[str, Any]]
    """Each: index, path, size (bytes), etag (or null), footer_crc (CRC-32 of the Parquet footer), footer_nbytes
    (its length, left out where it is not known), night (`2021-11-22`)."""
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
    worker: str | None = None
    """Address of the worker that sent it."""
    seconds: float | None = None
    """How long that worker took to read, encode and send what was selected."""


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
    by: str | None = None
    """That user, if known."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The coordinator still runs."""

    type: ClassVar[str] = "beat"
    job_id: str
    coordinator: str
    time: float
    num_workers: int | None = None
    """Workers of the cluster."""
    num_looked_at: int | None = None
    """Alerts of the archive that the filter has looked at, those of fragments that are not finished included."""
    num_found: int | None = None
    """Those of them that are selected."""
    queue_place: int | None = None
    """Place of a job that waits, among those of its owner, from 1."""


@dataclass(frozen=True, kw_only=True)
class CancelRequest:
    """Somebody asks the coordinator to stop; the one record that it does not write itself."""

    type: ClassVar[str] = "cancel"
    job_id: str
    time: float
    by: str | None = None
    """Who asks, if known."""


@dataclass(frozen=True, kw_only=True)
class LogLines:
    """What happened to the job besides: lines of its log, from the coordinator and the workers."""

    type: ClassVar[str] = "log"
    job_id: str
    coordinator: str
    index: int
    """The how manieth such record of this coordinator, from 0: one that was appended twice counts once."""
    lines: list[dict[str, Any]]
    """Each: time, source (`coordinator`, or a worker's address), level, event, text."""
    num_left_out: int = 0
    """Lines since the last such record that were not written, since the job has so many already."""


Record = Plan | PlanPart | FragmentDone | NightDone | StateChange | Heartbeat | CancelRequest | LogLines


_TYPES: dict[str, type[Record]] = {
    cls.type: cls for cls in (Plan, PlanPart, FragmentDone, NightDone, StateChange, Heartbeat, CancelRequest, LogLines)
}


def encode_record(record: Record) -> tuple[bytes, bytes]:
    """Return a manifest record as message key (its type) and value (JSON, UTF-8)."""
    body = {"type": record.type, **vars(record)}  # `asdict` would copy all lists of files, to their last number
    if isinstance(record, Plan) and record.version == 1:
        del body["time_scale"]  # as version 1 has it, to the byte
    if isinstance(record, Plan) and not record.owner:
        del body["owner"]  # likewise
    return record.type.encode(), json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


_JOB_ID = matching(r"[ -~]{1,200}", "1 to 200 printable characters of ASCII")
_FILE = {"path": matching(r"(?s).+", "a path"), "size": COUNT, "etag": optional(TEXT), "night": DATE}
_FOOTER = {"footer_crc": optional(matching(r"[0-9a-f]{8}", "8 hexadecimal digits")), "footer_nbytes": COUNT}
_FRAGMENT = {"fragment": COUNT, "file": COUNT, "row_groups": list_of(COUNT), "num_alerts": COUNT}
_FOR_THE_ENGINE = {"row_group_alerts": list_of(COUNT), "lacking": list_of(TEXT)}
_ERROR = record_of({"message": TEXT, "accepted": optional(TEXT), "next": optional(TEXT)})
_WRITTEN_STATES = choice("queued", "running", "complete", "empty", "failed", "cancelled")


def _is_request(value: Any) -> bool:
    limit = value.get("limit") if TREE.holds(value) else 0
    return limit is None or _LIMIT.holds(limit)


_LIMIT = whole(1, 2**63 - 1)

# What each field of a record may be: docs/manifest.schema.json says the same to other programs.
_KINDS: dict[type[Record], dict[str, Kind]] = {
    Plan: {
        "job_id": _JOB_ID,
        "topic": LABEL,
        "version": whole(1, WIRE_VERSION),
        "engine_version": LABEL,
        "created_at": TIME,
        "request": Kind(f"{TREE.accepted}, and with a limit of 1 or more, or none", _is_request),
        "num_partitions": whole(1, MOST_PARTITIONS),
        "num_files": COUNT,
        "num_fragments": COUNT,
        "num_parts": COUNT,
        "num_alerts": optional(COUNT),
        "schema": SCHEMA,
        "time_field": LABEL,
        "id_field": LABEL,
        "time_scale": choice(*TIME_SCALES),
        "nights_without_data": list_of(DATE),
        "unreadable_files": list_of(record_of({**_FILE, "reason": TEXT}, _FOOTER)),
        "labels": list_of(LABEL),
        "details": TREE,
        "owner": LABEL,
    },
    PlanPart: {
        "job_id": _JOB_ID,
        "index": COUNT,
        "files": list_of(record_of({"index": COUNT, **_FILE}, _FOOTER)),
        "fragments": list_of(record_of(_FRAGMENT, _FOR_THE_ENGINE)),
    },
    FragmentDone: {
        "job_id": _JOB_ID,
        "fragment": COUNT,
        "num_alerts": COUNT,
        "num_selected": COUNT,
        "num_sent": COUNT,
        "nbytes": COUNT,
        "partitions": mapping_of(PARTITION, COUNT),
        "digest": DIGEST,
        "time": TIME,
        "unreadable": optional(TEXT),
        "labels": mapping_of(LABEL, COUNT),
        "worker": optional(LABEL),
        "seconds": optional(TIME),
    },
    NightDone: {"job_id": _JOB_ID, "night": DATE, "num_alerts": COUNT, "num_duplicates": COUNT, "time": TIME},
    StateChange: {
        "job_id": _JOB_ID,
        "state": _WRITTEN_STATES,
        "time": TIME,
        "error": optional(_ERROR),
        "coordinator": optional(LABEL),
        "by": optional(LABEL),
    },
    Heartbeat: {
        "job_id": _JOB_ID,
        "coordinator": LABEL,
        "time": TIME,
        "num_workers": optional(COUNT),
        "num_looked_at": optional(COUNT),
        "num_found": optional(COUNT),
        "queue_place": optional(whole(1, 2**53)),
    },
    CancelRequest: {"job_id": _JOB_ID, "time": TIME, "by": optional(LABEL)},
    LogLines: {"job_id": _JOB_ID, "coordinator": LABEL, "index": COUNT, "lines": LINES, "num_left_out": COUNT},
}
_NEEDED = {
    cls: [item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
    for cls in _KINDS
}


class NewerVersionError(WireError):
    """The plan follows a version of the contract that this program does not know."""


def decode_record(value: bytes | None, key: bytes | None = None) -> Record | None:
    """Return the record in a manifest message, or None for a type that a later version added.

    Parameters
    ----------
    value
        The message's value.
    key
        Its key, which repeats the record's type; None: not known.

    Raises
    ------
    WireError
        If it is not JSON, lacks a field, or has a value that no such record has: of another type, or out of bounds.
    NewerVersionError
        If it is a plan of a version, or of a time scale, that this program can't read.
    """
    body = json_object(value, "a manifest message")
    kind = body.get("type")
    if not isinstance(kind, str):
        raise WireError(f"a manifest message has no type: {_shown(body)}")
    if key is not None and key != kind.encode("utf-8", "replace"):
        raise WireError(f"the key of a manifest message is {shown(key)}, its type {shown(kind)}")
    cls = _TYPES.get(kind)
    if cls is None:
        return None
    if cls is Plan:
        _check_version(body)
    if lacking := [name for name in _NEEDED[cls] if name not in body]:
        raise WireError(f"a manifest record of type {kind} lacks {lacking[0]}")
    kinds = _KINDS[cls]
    if wrong := tells(kinds, body):
        name, accepted = wrong
        raise WireError(f"a manifest record of type {kind} has {name} = {_shown(body[name])}; it has to be {accepted}")
    if cls is FragmentDone:
        body["partitions"] = {int(p): n for p, n in body["partitions"].items()}  # JSON has text keys only
    return cls(**{name: body[name] for name in kinds if name in body})


def _check_version(body: Mapping[str, Any]) -> None:
    version, time_scale = body.get("version", 1), body.get("time_scale", FIRST_TIME_SCALE)
    if type(version) is int and WIRE_VERSION < version < 1_000_000:
        raise NewerVersionError(
            f"the topic follows version {version} of the wire contract",
            accepted=f"version {WIRE_VERSION} or earlier",
            next_step="install a newer alert-transfer, from a clone of it: pip install .",
        )
    if isinstance(time_scale, str) and len(time_scale) < 100:
        try:
            check_time_scale(time_scale)
        except WireError as exc:
            raise NewerVersionError(exc.as_told, accepted=exc.accepted, next_step=exc.next_step) from exc


def _shown(value: Any) -> str:
    # The type alone of what may be nested: to write it out could take as long as it is deep.
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else shown(value)
