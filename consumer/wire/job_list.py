"""A line of the list of jobs: what a job is called and how it stood when its state last changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from consumer.errors import InputError, WireError
from consumer.settings import shown
from consumer.wire.kinds import COUNT, LABEL, TIME, Kind, choice, matching, tells
from consumer.wire.manifest import STATES
from consumer.wire.reading import json_object
from consumer.wire.topics import check_topic

__all__ = ["JobSummary", "decode_summary", "encode_summary"]


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """How a job stood when its state last changed; how it stands, its manifest says."""

    topic: str
    job_id: str
    state: str
    created_at: float
    """Unix time, seconds."""
    num_alerts_sent: int
    owner: str = ""
    """As the plan has it."""


_KINDS: dict[str, Kind] = {
    "topic": matching(r"[A-Za-z0-9._-]{1,249}", "the name of a topic"),
    "job_id": matching(r"[ -~]{1,200}", "1 to 200 printable characters of ASCII"),
    "state": choice(*STATES),
    "created_at": TIME,
    "num_alerts_sent": COUNT,
}
_OPTIONAL = {"owner": LABEL}


def encode_summary(summary: JobSummary) -> tuple[bytes, bytes]:
    """Return a line of the list as message key (the data topic's name) and value (JSON, UTF-8)."""
    body = asdict(summary)
    if not summary.owner:
        del body["owner"]
    return summary.topic.encode(), json.dumps(body).encode()


def decode_summary(value: bytes, key: bytes | None) -> JobSummary:
    """Return the line of the list in a message.

    Raises
    ------
    WireError
        If it is none, or if its key is not the name of its data topic.
    """
    body = json_object(value, "a message of the list of jobs")
    if lacking := [name for name in _KINDS if name not in body]:
        raise WireError(f"a message of the list of jobs lacks {lacking[0]}")
    kinds = _KINDS | _OPTIONAL
    if wrong := tells(kinds, body):
        name, accepted = wrong
        raise WireError(f"a message of the list of jobs has {name} = {_shown(body[name])}; it has to be {accepted}")
    if key != body["topic"].encode():
        raise WireError(f"a message of the list of jobs is of {shown(body['topic'])}, its key is {shown(key)}")
    try:
        check_topic(body["topic"])
    except InputError as exc:
        raise WireError(f"the list of jobs names {shown(body['topic'])}, which no job can have") from exc
    return JobSummary(**{name: body[name] for name in kinds if name in body})


def _shown(value: Any) -> str:
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else shown(value)
