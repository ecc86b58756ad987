"""A small producer of jobs: topics, plan, alerts and manifest records, as the wire contract has them."""

import io
import logging
import time
import uuid
from dataclasses import replace

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
import fastavro
import numpy as np
import pytest

from consumer.wire import (
    FragmentDone,
    Heartbeat,
    Plan,
    PlanPart,
    StateChange,
    digest_candids,
    encode_keys,
    encode_record,
    manifest_topic,
    partitions_of,
)

ALERT = {
    "type": "record",
    "name": "topLevelRecord",
    "fields": [
        {"name": "objectId", "type": ["string", "null"]},
        {"name": "candid", "type": ["long", "null"]},
        {"name": "jd", "type": ["double", "null"]},
        {"name": "magpsf", "type": ["float", "null"]},
        {"name": "tracklet", "type": ["string", "null"]},
        {"name": "never", "type": ["double", "null"]},
        {"name": "year", "type": ["int", "null"]},
        {"name": "month", "type": ["int", "null"]},
        {"name": "day", "type": ["int", "null"]},
        {"name": "finkclass", "type": ["string", "null"]},
        {"name": "tnsclass", "type": ["string", "null"]},
    ],
}
# The broker ends before the producers do, of which librdkafka would complain on stderr.
_log = logging.getLogger("tests.consumer.kafka")
_log.disabled = True
CLASSES = ["SN candidate", "Galaxy", "galaxy", "C*", "a/b~cé"]


def alert(fragment: int, row: int) -> dict:
    candid = 3_367_463_101_415_010_000 + fragment * 100_000 + row
    return {
        "objectId": f"ZTF26aa{fragment:03d}{row:05d}",
        "candid": candid,
        "jd": 2459540.5 + (fragment // 2) + row / 10_000,
        "magpsf": float("nan") if row % 7 == 0 else 17.5 + row % 5,
        "tracklet": None if row % 3 else "TRCK",
        "never": None,
        "year": 2021,
        "month": 11,
        "day": 22,
        "finkclass": CLASSES[(row + fragment) % len(CLASSES)],
        "tnsclass": "Unknown" if row % 50 else "(TNS) SN Ia",
    }


class Job:
    """One job on a real Kafka, sent piece by piece."""

    def __init__(
        self, kafka: str, *, sizes=(40, 50, 60, 70), num_partitions=4, topic=None, plan_now=True, alerts=None, **plan
    ):
        self.kafka = kafka
        self.topic = topic or f"ftransfer_test_{uuid.uuid4().hex[:12]}"
        self.sizes = sizes
        self.num_partitions = num_partitions
        self._alerts = alerts or [[alert(n, row) for row in range(size)] for n, size in enumerate(sizes)]
        self._avro = fastavro.parse_schema(plan.get("schema", ALERT))
        self._admin = ck_admin.AdminClient({"bootstrap.servers": kafka}, logger=_log)
        self._producer = ck.Producer(
            {"bootstrap.servers": kafka, "linger.ms": 2, "enable.idempotence": True}, logger=_log
        )
        self.plan = replace(
            Plan(
                job_id=uuid.uuid4().hex,
                topic=self.topic,
                engine_version="0",
                created_at=time.time(),
                request={"archive": "somewhere", "nights": ["2021-11-22"]},
                num_partitions=num_partitions,
                num_files=1,
                num_fragments=len(sizes),
                num_parts=2,
                num_alerts=sum(sizes),
                schema=ALERT,
                time_field="jd",
                id_field="candid",
            ),
            **plan,
        )
        self._make_topics()
        if plan_now:
            self.write_plan()

    def _make_topics(self):
        topics = [
            ck_admin.NewTopic(self.topic, self.num_partitions, 1),
            ck_admin.NewTopic(manifest_topic(self.topic), 1, 1),
        ]
        for future in self._admin.create_topics(topics, operation_timeout=10).values():
            future.result()

    def write_plan(self):
        fragments = [
            {"fragment": n, "file": 0, "row_groups": [n], "num_alerts": size} for n, size in enumerate(self.sizes)
        ]
        files = [{"index": 0, "path": "a.parquet", "size": 1, "etag": None, "night": "2021-11-22"}]
        middle = len(fragments) // 2
        self.record(
            self.plan,
            PlanPart(job_id=self.plan.job_id, index=0, files=files, fragments=fragments[:middle]),
            PlanPart(job_id=self.plan.job_id, index=1, files=[], fragments=fragments[middle:]),
        )

    def record(self, *records):
        for record in records:
            key, value = encode_record(record)
            self._producer.produce(manifest_topic(self.topic), value, key, 0)
        assert self._producer.flush(20) == 0

    def raw(self, partition: int, key: bytes | None, value: bytes):
        self._producer.produce(self.topic, value, key, partition)
        assert self._producer.flush(20) == 0

    def datum(self, fragment: int, row: int) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self._avro, self._alerts[fragment][row])
        return out.getvalue()

    def send(self, fragment: int, rows=None, *, order=None):
        rows = np.arange(self.sizes[fragment]) if rows is None else np.asarray(rows)
        partitions = partitions_of(fragment, rows, self.num_partitions)
        keys = encode_keys(fragment, rows)
        for at in np.arange(len(rows)) if order is None else order:
            row, partition = int(rows[at]), int(partitions[at])
            self._producer.produce(self.topic, self.datum(fragment, row), keys[at], partition)
            self._producer.poll(0)
        assert self._producer.flush(20) == 0

    def done(self, fragment: int, rows=None):
        rows = np.arange(self.sizes[fragment]) if rows is None else np.asarray(rows)
        candids = np.array([self._alerts[fragment][int(row)]["candid"] for row in rows], dtype=np.int64)
        counts = np.bincount(partitions_of(fragment, rows, self.num_partitions), minlength=self.num_partitions)
        self.record(
            FragmentDone(
                job_id=self.plan.job_id,
                fragment=fragment,
                num_alerts=self.sizes[fragment],
                num_selected=len(rows),
                num_sent=len(rows),
                nbytes=0,
                partitions={p: int(n) for p, n in enumerate(counts) if n},
                digest=f"{digest_candids(candids):032x}",
                time=time.time(),
            )
        )

    def state(self, state: str, error=None):
        self.record(StateChange(job_id=self.plan.job_id, state=state, time=time.time(), error=error))

    def beat(self):
        self.record(Heartbeat(job_id=self.plan.job_id, coordinator="c", time=time.time()))

    def run(self, fragments=None, state="complete"):
        """Send whole fragments, and end the job."""
        self.state("running")
        for fragment in range(len(self.sizes)) if fragments is None else fragments:
            self.send(fragment)
            self.done(fragment)
        self.state(state)
        return self

    def delete(self, *names):
        for future in self._admin.delete_topics(list(names), operation_timeout=10).values():
            future.result()

    def expire(self, offsets):
        wanted = [ck.TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()]
        for future in self._admin.delete_records(wanted).values():
            future.result()

    def expected(self):
        """Identifiers of all alerts, sorted."""
        return sorted(alert["candid"] for alert in self.alerts())

    def alerts(self):
        """All alerts, fragment by fragment."""
        return [dict(alert) for alerts in self._alerts for alert in alerts]


@pytest.fixture
def make_job(kafka):
    def make(**kwargs) -> Job:
        return Job(kafka, **kwargs)

    return make
