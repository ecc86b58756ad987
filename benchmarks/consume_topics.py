"""Topics of many alerts for consume.py, made in a minute: those of a sample again and again, with new identifiers."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

import engine
from consumer.decoding import Datums, Decoder
from consumer.kafka import Cluster, DataReader, ManifestFollower, Messages
from consumer.wire import FragmentDone, PlanPart, StateChange, digest_candids, encode_keys, partitions_of
from engine.kafka import FragmentSender, KafkaCluster, ManifestWriter
from engine.schema import encode

__all__ = ["NUM_LABELS", "make_topic", "send_sample", "write_archive"]

NIGHTS = [dt.date(2025, 7, day) for day in (28, 29, 30, 31)]
NUM_LABELS = 250
_FRAGMENT_NBYTES = 8_000_000


def write_archive(folder: Path, num_alerts: int, profile: str) -> Path:
    """Write a sample of four nights with the schema of a year, unless it is there; returns its root."""
    root = folder / f"consume-{profile}-{num_alerts}"
    if not (root / "science").exists():
        engine.write_sample(root, nights=NIGHTS, alerts_per_night=-(-num_alerts // len(NIGHTS)), profile=profile)
    return root / "science"


def send_sample(kafka: str, client: object, archive: Path, topic: str, content: str, num_alerts: int) -> None:
    """Submit a job that sends the first alerts of an archive, and see it end."""
    nights = f"{NIGHTS[0]}:{NIGHTS[-1]}"
    request = engine.TransferRequest(archive=archive, nights=nights, topic=topic, content=content, limit=num_alerts)
    status = engine.submit(request, client=client, kafka=kafka).wait()
    assert status.state == "complete", status


def make_topic(kafka: str, sample: str, topic: str, num_alerts: int, *, num_labels: int | None = None) -> int:
    """Write a job that sends so many alerts, those of another job's topic by turns; returns the bytes of its datums.

    Parameters
    ----------
    kafka
        Address of the Kafka that has the sample, and gets the topic.
    sample
        Topic of the other job.
    topic
        The new topic.
    num_alerts
        How many alerts it is to have.
    num_labels
        Give the alerts so many labels, one after the other.
    """
    cluster = KafkaCluster(bootstrap=kafka)
    plan, alerts, nbytes_each = _read(kafka, sample)
    size = max(1, min(alerts.num_rows, _FRAGMENT_NBYTES // nbytes_each))
    starts = range(0, num_alerts, size)
    sizes = [min(size, num_alerts - start) for start in starts]
    plan = replace(plan, job_id=uuid.uuid4().hex, topic=topic, num_fragments=len(sizes), num_parts=1)
    plan = replace(plan, num_files=1, num_alerts=num_alerts, created_at=time.time())
    cluster.create_job_topics(topic, plan.num_partitions)
    cluster.write_schema(topic, plan.schema)
    writer = ManifestWriter(cluster, topic)
    files = [{"index": 0, "path": "made", "size": 1, "etag": None, "night": NIGHTS[0].isoformat()}]
    fragments = [{"fragment": n, "file": 0, "row_groups": [n], "num_alerts": num} for n, num in enumerate(sizes)]
    writer.append(plan, PlanPart(job_id=plan.job_id, index=0, files=files, fragments=fragments))
    writer.append(StateChange(job_id=plan.job_id, state="running", time=time.time()))
    total = 0
    for fragment, (start, num) in enumerate(zip(starts, sizes, strict=True)):
        ids = start + np.arange(num) + 3_000_000_000_000_000_000
        at = (start + np.arange(num)) % alerts.num_rows
        batch = _with(alerts.take(pa.array(at)), plan.id_field, pa.array(ids))
        if num_labels:
            batch = _with(batch, "finkclass", pa.array([f"label {n % num_labels}" for n in (ids % 7919).tolist()]))
        datums = encode(batch, plan.schema)
        rows = np.arange(num)
        partitions = partitions_of(fragment, rows, plan.num_partitions)
        sender = FragmentSender(cluster, topic)
        sender.send(encode_keys(fragment, rows), datums.to_pylist(), partitions.tolist())
        sender.finish()
        nbytes = int(pa.compute.sum(pa.compute.binary_length(datums)).as_py())
        total += nbytes
        counts = np.bincount(partitions, minlength=plan.num_partitions)
        writer.append(
            FragmentDone(
                job_id=plan.job_id,
                fragment=fragment,
                num_alerts=num,
                num_selected=num,
                num_sent=num,
                nbytes=nbytes,
                partitions={p: int(n) for p, n in enumerate(counts) if n},
                digest=f"{digest_candids(ids):032x}",
                time=time.time(),
            )
        )
    writer.append(StateChange(job_id=plan.job_id, state="complete", time=time.time()))
    return total


def _read(kafka: str, topic: str) -> tuple[object, pa.RecordBatch, int]:
    """Return a job's plan, its alerts and the bytes of one."""
    cluster = Cluster(bootstrap=kafka)
    follower = ManifestFollower(cluster, topic)
    plan = follower.wait_for_plan(60).require_plan()
    follower.close()
    reader = DataReader(cluster, topic, plan.num_partitions, {})
    ends, parts = reader.ends(), []
    while reader.positions != ends:
        parts.append(reader.read(0.5))
    reader.close()
    messages = Messages.joined(parts)
    messages = messages.take(np.lexsort((messages.partitions, messages.offsets)))
    return plan, Decoder(plan.schema).decode(Datums.of(messages.values)).batch, messages.nbytes // len(messages)


def _with(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """Return a batch with other values in one column."""
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(at), values)
