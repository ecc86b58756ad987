"""The Kafka that jobs are sent to: its topics, the schema copies, the list of jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer.wire import JOBS_TOPIC, Plan, schema_topic
from engine.kafka.admin import TopicAdmin
from engine.kafka.producer import own_producer, send_all
from engine.kafka.topic_reader import TopicReader

__all__ = ["KafkaCluster"]


@dataclass(frozen=True, kw_only=True)
class KafkaCluster(TopicAdmin):
    """A Kafka to send to."""

    def write_schema(self, topic: str, schema: Mapping[str, Any]) -> None:
        """Write the copies of the Avro schema that existing clients poll, one for each of their runs."""
        key = json.dumps(schema).encode()
        send_all(own_producer(self), schema_topic(topic), [(key, b"")] * self.topics_made.num_schema_copies)

    def announce_job(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        """Put how a job stands into the compacted list of jobs."""
        self.create_jobs_topic()
        summary = {
            "topic": plan.topic,
            "job_id": plan.job_id,
            "state": state,
            "created_at": plan.created_at,
            "num_alerts_sent": num_alerts_sent,
        }
        send_all(own_producer(self), JOBS_TOPIC, [(plan.topic.encode(), json.dumps(summary).encode())])

    def list_jobs(self) -> list[dict[str, Any]]:
        """Return the summaries of all jobs, oldest first."""
        if JOBS_TOPIC not in self.topics():
            return []
        found = {}
        with contextlib.closing(TopicReader(self, JOBS_TOPIC, is_compacted=True)) as reader:
            for message in reader.read_to_end():
                if (value := message.value()) is not None:
                    found[message.key()] = json.loads(value)
        return sorted(found.values(), key=lambda job: job["created_at"])
