"""The Kafka that jobs are sent to: its topics, the schema copies, the list of jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer.errors import WireError
from consumer.wire import JOBS_TOPIC, JobSummary, PassedOver, Plan, decode_summary, encode_summary, schema_topic
from engine.kafka.producer import Producer, send_all
from engine.kafka.ready_producers import get_ready, on_loan
from engine.kafka.rights import TopicRights
from engine.kafka.topic_reader import TopicReader

__all__ = ["KafkaCluster"]


@dataclass(frozen=True, kw_only=True)
class KafkaCluster(TopicRights):
    """A Kafka to send to."""

    def get_ready(self, num_producers: int = 1) -> None:
        """Have producers stand ready in this process, so that no first message waits for one; returns at once.

        Raises
        ------
        ConfigError
            If librdkafka doesn't take the properties, or a secret of them can't be read here.
        """
        get_ready(self, Producer, num_producers)

    def write_schema(self, topic: str, schema: Mapping[str, Any]) -> None:
        """Write the copies of the Avro schema that existing clients poll, one for each of their runs."""
        key = json.dumps(schema).encode()
        first, *others = [(key, b"")] * self.topics_made.num_schema_copies
        with on_loan(self, Producer) as producer:
            # In the first ms of a topic its broker may say that it does not lead it: librdkafka would compress all of
            # them anew each time that it tries again.
            send_all(producer, schema_topic(topic), [first])
            send_all(producer, schema_topic(topic), others)

    def announce_job(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        """Put how a job stands into the compacted list of jobs."""
        self.create_jobs_topic()
        summary = JobSummary(
            topic=plan.topic,
            job_id=plan.job_id,
            state=state,
            created_at=plan.created_at,
            num_alerts_sent=num_alerts_sent,
            owner=plan.owner,
        )
        with on_loan(self, Producer) as producer:
            send_all(producer, JOBS_TOPIC, [encode_summary(summary)])

    def take_off_list(self, topic: str) -> None:
        """Have the list of jobs name a job no longer."""
        with on_loan(self, Producer) as producer:
            send_all(producer, JOBS_TOPIC, [(topic.encode(), None)])

    def list_jobs(self, passed_over: PassedOver | None = None) -> list[JobSummary]:
        """Return the summaries of all jobs, oldest first.

        Parameters
        ----------
        passed_over
            Counts what stands in the list and is no summary; it hides no other.
        """
        if JOBS_TOPIC not in self.topics():
            self.check_visible(JOBS_TOPIC)
            return []
        found: dict[bytes | None, JobSummary] = {}
        with contextlib.closing(TopicReader(self, JOBS_TOPIC, is_compacted=True)) as reader:
            for message in reader.read_to_end():
                key, value = message.key(), message.value()
                if value is None:
                    found.pop(key, None)  # somebody took the job off the list
                    continue
                try:
                    found[key] = decode_summary(value, key)
                except WireError as exc:
                    if passed_over is not None:
                        passed_over.add(exc.as_told)
        return sorted(found.values(), key=lambda job: job.created_at)
