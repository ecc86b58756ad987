"""The turns of a round of an experiment: each sends the same alerts into a topic of its own, and is counted there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import confluent_kafka
import distributed

import engine
from benchmarks.archives import Experiment, Nights
from benchmarks.ceilings import NUM_PARTITIONS, bare_parts
from benchmarks.first_alert import FirstAlert
from benchmarks.processes import MemoryPeaks, Taken, cpu_seconds, take
from benchmarks.spark import starting as spark
from engine.kafka import KafkaCluster

__all__ = ["Quantities", "Stage", "TransferError"]

Quantities = dict[str, float]
"""Name -> figure of one run, as benchmarks/figures.py names them."""


class TransferError(RuntimeError):
    """A side did not send what the others did."""


@dataclass(kw_only=True)
class Stage:
    """A broker on which an experiment is made."""

    experiment: Experiment
    nights: Nights
    folder: Path
    kafka: str
    broker_pid: int
    num_topics: int = 0
    num_sent: int | None = None
    """What the first side sent; each must send as many."""

    @classmethod
    @contextmanager
    def opened(cls, experiment: Experiment, nights: Nights, folder: Path) -> Iterator[Stage]:
        """Start the broker; what of topics is deleted leaves the disk at once."""
        with engine.start_broker(properties={"log.segment.delete.delay.ms": "100"}) as broker:
            yield cls(
                experiment=experiment, nights=nights, folder=folder, kafka=broker.bootstrap, broker_pid=broker.pid
            )

    def warm(self) -> Quantities:
        """Send by the engine, on a cluster that has sent the first night; it ends before others have their turn."""
        first_night = replace(self.nights, last=self.nights.first)
        with engine.local_cluster(num_workers=self.experiment.num_workers) as client:
            with self._topic() as topic:
                self._submit(self._request(first_night, topic), client)
            with self._topic() as topic, self._watched(topic) as first:
                peaks = MemoryPeaks(self.broker_pid, first.pid, own=True)
                peaks.start()
                beside = (self.broker_pid, first.pid)
                cpu, begun = cpu_seconds(*beside), time.monotonic()
                self._submit(self._request(self.nights, topic), client)
                seconds, cpu = time.monotonic() - begun, cpu_seconds(*beside) - cpu
                peaks.end()
                taken = Taken(
                    seconds=seconds,
                    cpu_s=cpu - peaks.cpu_s,
                    peak_mb=peaks.largest_mb,
                    peak_sum_mb=peaks.sum_mb,
                )
                return self._quantities(topic, taken, seconds, first.seconds_after(begun))

    def cold(self) -> Quantities:
        """Send by the engine's command, which starts a cluster of its own."""
        experiment = self.experiment
        with self._topic() as topic, self._watched(topic) as first:
            words = [Path(sys.executable).with_name("alert-transfer"), "submit", "--kafka", self.kafka]
            words += ["--archive", str(self.nights.root), "--nights", self.nights.text, "--topic", topic]
            words += ["--content", experiment.content]
            words += ["--where", experiment.where] if experiment.where else []
            words += [word for label in experiment.classes for word in ("--class", label)]
            variables = {"ALERT_TRANSFER_LOCAL_NUM_WORKERS": str(experiment.num_workers)}
            begun = time.monotonic()
            taken, _ = take(words, self.folder / "command", variables)
            found = self._quantities(topic, taken, taken.seconds, first.seconds_after(begun))
            return found | {"cold_s": taken.seconds}

    def spark(self, variant: spark.Variant) -> Quantities:
        """Send by Spark, as a whole process; its seconds and rates are those of its write alone."""
        with self._topic() as topic:
            KafkaCluster(bootstrap=self.kafka).create_job_topics(topic, NUM_PARTITIONS)
            with self._watched(topic) as first:
                begun = time.monotonic()
                taken, write_s = spark.transfer(
                    variant, self.experiment, self.nights, topic=topic, kafka=self.kafka, folder=self.folder / "spark"
                )
                found = self._quantities(topic, taken, write_s, first.seconds_after(begun))
                return found | {"write_s": write_s, "cold_s": taken.seconds}

    def bare(self) -> dict[str, Quantities]:
        """Return what the bare parts take, each and all together: what -> its figures."""
        with self._topic() as topic:
            KafkaCluster(bootstrap=self.kafka).create_job_topics(topic, NUM_PARTITIONS)
            plan = engine.plan(self._request(self.nights, topic), settings=engine.Settings())
            parts = bare_parts(self.kafka, plan, topic)
        found: dict[str, Quantities] = {}
        for what, part in parts.items():
            if not part.seconds:
                continue
            found[what] = {
                "seconds": part.seconds,
                "alerts_per_s": part.num_alerts / part.seconds,
                "cpu_us": 1e6 * part.cpu_s / part.num_alerts,
            }
            if part.nbytes:
                found[what] |= {"mb_per_s": part.nbytes / part.seconds / 1e6}
        seconds = sum(part.seconds for part in parts.values())
        (num_alerts,) = {part.num_alerts for part in parts.values()}
        found["bare parts"] = {
            "seconds": seconds,
            "alerts_per_s": num_alerts / seconds,
            "cpu_us": 1e6 * sum(part.cpu_s for part in parts.values()) / num_alerts,
        }
        return found

    def _request(self, nights: Nights, topic: str) -> engine.TransferRequest:
        experiment = self.experiment
        return engine.TransferRequest(
            archive=nights.root,
            nights=nights.text,
            where=experiment.where,
            classes=experiment.classes,
            content=experiment.content,
            topic=topic,
        )

    def _submit(self, request: engine.TransferRequest, client: distributed.Client) -> None:
        settings = engine.Settings()
        status = engine.submit(request, client=client, kafka=self.kafka, settings=settings).wait()
        if status.state != "complete":
            raise TransferError(f"the job ended {status.state}: {status}")

    @contextmanager
    def _topic(self) -> Iterator[str]:
        """Yield the name of a topic that is gone afterwards."""
        self.num_topics += 1
        topic = f"ftransfer_experiment_{os.getpid()}_{self.num_topics}"
        try:
            yield topic
        finally:
            KafkaCluster(bootstrap=self.kafka).delete_job_topics(topic)

    @contextmanager
    def _watched(self, topic: str) -> Iterator[FirstAlert]:
        with FirstAlert.watched(topic, self.kafka, NUM_PARTITIONS) as first:
            yield first

    def _quantities(self, topic: str, taken: Taken, seconds: float, first_s: float) -> Quantities:
        """Return the figures of a run, `seconds` of which count; raise unless it sent what the others did."""
        num_sent = self._count(topic)
        if self.num_sent is None:
            self.num_sent = num_sent
        if num_sent != self.num_sent:
            raise TransferError(f"{num_sent:,} alerts are in {topic}, where another side sent {self.num_sent:,}")
        return {
            "seconds": seconds,
            "alerts_per_s": self.nights.num_alerts / seconds,
            "sent_per_s": num_sent / seconds,
            "cpu_us": 1e6 * taken.cpu_s / self.nights.num_alerts,
            "cpu_s": taken.cpu_s,
            "peak_mb": taken.peak_mb,
            "peak_sum_mb": taken.peak_sum_mb,
            "first_alert_s": first_s,
            "num_alerts": num_sent,
        }

    def _count(self, topic: str) -> int:
        """Return how many messages are in a topic that nothing has been taken out of."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka, "group.id": topic, "log_level": 0})
        try:
            ends = [
                consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=10)[1]
                for partition in range(NUM_PARTITIONS)
            ]
        finally:
            consumer.close()
        return sum(ends)
