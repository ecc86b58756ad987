"""Topics that lie, in a Kafka in memory: a sound job of one fragment, and what is changed of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np

from consumer.wire import JOBS_TOPIC, digest_candids, encode_keys, manifest_topic
from engine.transfer.versions import engine_version
from tests.kafka_fake import FakeKafka

__all__ = ["GARBAGE", "JOB", "NUM_ALERTS", "TOPIC", "alert", "bodies", "make_topic"]

TOPIC = "ftransfer_lies"
JOB = "0123456789abcdef"
NUM_ALERTS = 5
NUM_PARTITIONS = 2
SCHEMA = {
    "type": "record",
    "name": "topLevelRecord",
    "fields": [
        {"name": "objectId", "type": ["string", "null"]},
        {"name": "candid", "type": "long"},
        {"name": "jd", "type": ["double", "null"]},
        {"name": "finkclass", "type": ["string", "null"]},
    ],
}

GARBAGE: list[tuple[bytes | None, bytes | None]] = [
    (b"x", b"not json"),
    (None, None),
    (b"state", None),
    (b"state", b""),
    (b"beat", b"null"),
    (b"plan", b"[]"),
    (b"plan", b'{"type":"plan"}'),
    (b"fragment", b'{"type":["fragment"]}'),
    (b"fragment", b'{"type":"fragment","job_id":"0123456789abcdef","fragment":0}'),
    (b"state", b'{"type":"state","job_id":"0123456789abcdef","state":"failed","time":NaN}'),
    (b"state", b'{"type":"state","job_id":"0123456789abcdef","state":"failed","time":1e999}'),
    (b"state", b'{"type":"state","job_id":"0123456789abcdef","state":"failed","time":true}'),
    (b"state", b'{"type":"state","job_id":"0123456789abcdef","state":"failed","time":1,"error":"just text"}'),
    (b"state", b'{"type":"state","job_id":"0123456789abcdef","state":"nonsense","time":1}'),
    (b"foreign", b'{"type":"state","job_id":"0123456789abcdef","state":"cancelled","time":1}'),
    (b"plan", b'{"type":"plan","version":' + b"9" * 5000 + b"}"),
    (b"beat", b"[" * 100_000),
    (b"part", b'{"type":"part","job_id":"0123456789abcdef","index":7,"files":[],"fragments":[]}'),
    (b"fragment", b'{"type":"fragment",\n"job_id":\x1b[2J}'),
    (b"\xff\xfe", b"\xff\xfe\x00"),
]
"""Keys and values of messages that are no records of the job."""


def alert(row: int, **values: Any) -> dict[str, Any]:
    """Return an alert."""
    return {"objectId": "ZTF1", "candid": row, "jd": 2459540.5, "finkclass": "SN"} | values


def bodies(num_sent: int = NUM_ALERTS, state: str = "complete") -> list[dict[str, Any]]:
    """Return the records of a sound job, as JSON has them: plan, part, running, fragment, the final state."""
    head = {"job_id": JOB}
    file = {"index": 0, "path": "x/a.parquet", "size": 1, "etag": None, "footer_crc": None, "night": "2021-11-22"}
    return [
        head
        | {
            "type": "plan",
            "topic": TOPIC,
            "version": 1,
            "engine_version": engine_version(),
            "created_at": 1000.0,
            "request": {"nights": ["2021-11-22"], "topic": TOPIC},
            "num_partitions": NUM_PARTITIONS,
            "num_files": 1,
            "num_fragments": 1,
            "num_parts": 1,
            "num_alerts": None,
            "schema": SCHEMA,
            "time_field": "jd",
            "id_field": "candid",
            "nights_without_data": [],
            "unreadable_files": [],
            "labels": [],
            "details": {},
        },
        head
        | {
            "type": "part",
            "index": 0,
            "files": [file],
            "fragments": [{"fragment": 0, "file": 0, "row_groups": [0], "num_alerts": 1000}],
        },
        head | {"type": "state", "state": "running", "time": 1001.0, "error": None, "coordinator": "c"},
        head
        | {
            "type": "fragment",
            "fragment": 0,
            "num_alerts": 1000,
            "num_selected": num_sent,
            "num_sent": num_sent,
            "nbytes": 10,
            "partitions": {"0": (num_sent + 1) // 2, "1": num_sent // 2},
            "digest": f"{digest_candids(np.arange(num_sent)):032x}",
            "time": 1002.0,
        },
        head | {"type": "state", "state": state, "time": 1003.0, "error": None, "coordinator": "c"},
    ]


def make_topic(
    fake: FakeKafka,
    change: Callable[[list[dict[str, Any]]], object] = lambda bodies: None,
    *,
    garbage: list[tuple[bytes | None, bytes | None]] | None = None,
    alerts: list[dict[str, Any]] | None = None,
    datums: list[tuple[bytes | None, int, bytes]] | None = None,
    state: str = "complete",
) -> None:
    """Make the topics of a job.

    Parameters
    ----------
    fake
        The Kafka.
    change
        Changes the bodies of the records in place.
    garbage
        Keys and values that come between all records, in turn.
    alerts
        What was sent, in the order of rows; default: `NUM_ALERTS` sound ones.
    datums
        Further messages: key, partition, value.
    state
        The final state.
    """
    alerts = [alert(row) for row in range(NUM_ALERTS)] if alerts is None else alerts
    data = fake.create(TOPIC, NUM_PARTITIONS)
    rows = np.arange(len(alerts))
    for row, (key, values) in enumerate(zip(encode_keys(0, rows), alerts, strict=True)):
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, fastavro.parse_schema(SCHEMA), values)
        data[row % NUM_PARTITIONS].append(key, datum.getvalue())
    for key, partition, value in datums or []:
        data[partition].append(key, value)
    (manifest,) = fake.create(manifest_topic(TOPIC))
    made = bodies(len(alerts), state)
    change(made)
    for body in made:
        for key, value in garbage or []:
            manifest.append(key, value)
        manifest.append(body["type"].encode(), json.dumps(body).encode())
    for key, value in garbage or []:
        manifest.append(key, value)
    (listed,) = fake.create(JOBS_TOPIC)
    listed.append(b"x", b"not json")
    summary = {"topic": TOPIC, "job_id": JOB, "state": state, "created_at": 1000.0, "num_alerts_sent": 0}
    listed.append(TOPIC.encode(), json.dumps(summary).encode())
