"""Names of a job's topics."""

from __future__ import annotations

import re

from consumer.errors import InputError
from consumer.settings import shown

__all__ = ["JOBS_TOPIC", "TOPIC_PREFIX", "check_topic", "manifest_topic", "schema_topic"]

TOPIC_PREFIX = "ftransfer_"
JOBS_TOPIC = "alert_transfer_jobs"


# Kafka's own rule for topic names, less the room that our two suffixes need.
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,230}")


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
