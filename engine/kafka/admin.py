"""The topics of a Kafka: which there are, their limits and ends, making and deleting them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.kafka import NOT_ALLOWED, Cluster, Reports, code_of, first_answer, missing_right, reason_of, unknown_ends
from consumer.settings import Topics
from consumer.wire import JOBS_TOPIC, manifest_topic, schema_topic
from engine.errors import KafkaError, RequestError
from engine.kafka.kept_clients import kept
from engine.kafka.limits import MAX_MESSAGE_NBYTES

__all__ = ["TopicAdmin"]

_ANSWER_S = 10.0
# Shorter than a consumer's: `submit` and `jobs` have imported more by then, and tell it within 10 s, too.
_FIRST_ANSWER_S = 6.0
_CREATED_S = 30.0
_KNOWN_S = 5.0
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, kw_only=True)
class TopicAdmin(Cluster):
    """A Kafka whose topics are looked at, made and deleted."""

    topics_made: Topics = field(default_factory=Topics)
    """What topics are made with."""

    def check(self) -> None:
        """Raise if no broker answers within 10 s.

        Raises
        ------
        KafkaError
            Naming the address.
        """
        self._metadata()

    def await_answer(self, timeout_s: float) -> None:
        """Return once a broker answers.

        Raises
        ------
        KafkaError
            If none does within `timeout_s`.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(KafkaError),
            stop=stop_after_delay(timeout_s),
            wait=wait_fixed(1),
            reraise=True,
        )
        retrying(self.check)

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._metadata().topics)

    def has_topic(self, topic: str) -> bool:
        """Return whether Kafka has a topic; a broker that was just started is given 5 s to know it again.

        Raises
        ------
        KafkaError
            If no broker answers.
        """
        deadline = time.monotonic() + _KNOWN_S
        while topic not in self.topics():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def check_visible(self, *topics: str) -> None:
        """Raise if Kafka has one of these topics or not, and does not let us know which.

        Metadata of all topics leave out those that the user may not see; asked for by name, Kafka says so.

        Raises
        ------
        KafkaError
            Naming the right that is missing.
        """
        asked = self._admin().describe_topics(ck.TopicCollection(list(topics)), request_timeout=_ANSWER_S)
        for name, future in asked.items():
            try:
                future.result()
            except ck.KafkaException as exc:
                self._check_allowed("look up", name, exc)

    def create_job_topics(self, topic: str, num_partitions: int) -> None:
        """Create the three topics of a job, or none of them.

        Raises
        ------
        RequestError
            If one of them exists.
        KafkaError
            If Kafka refuses or does not answer.
        """
        self._metadata()
        failure = self._create_all_or_none(*self._job_topics(topic, num_partitions))
        if failure is not None:
            raise self._job_not_created(topic, *failure) from failure[1]

    def check_creatable(self, topic: str, num_partitions: int) -> None:
        """Raise what `create_job_topics` would raise, as far as Kafka knows before; nothing is created."""
        self._metadata()
        wanted = self._job_topics(topic, num_partitions)
        futures = self._admin().create_topics(wanted, validate_only=True, request_timeout=_CREATED_S)
        for name, future in futures.items():
            try:
                future.result()
            except ck.KafkaException as exc:
                raise self._job_not_created(topic, name, exc) from exc

    def create_jobs_topic(self) -> None:
        """Create the compacted list of jobs, unless there is one.

        Raises
        ------
        KafkaError
            If Kafka refuses or does not answer.
        """
        if JOBS_TOPIC in self.topics():
            return
        wanted = self._new_topic(JOBS_TOPIC, 1, {"cleanup.policy": "compact"})
        try:
            self._admin().create_topics([wanted], operation_timeout=_ANSWER_S)[JOBS_TOPIC].result()
        except ck.KafkaException as exc:
            if code_of(exc) != ck.KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._not_created(JOBS_TOPIC, exc) from exc

    def max_message_nbytes(self, topic: str) -> int:
        """Return the size of the largest message that a topic takes, key and framing included.

        Raises
        ------
        KafkaError
            If Kafka does not tell.
        """
        resource = ck_admin.ConfigResource(ck_admin.ResourceType.TOPIC, topic)
        # A broker learns of a topic a moment after the controller has created it.
        retrying = Retrying(
            retry=retry_if_exception(_is_unknown_topic),
            stop=stop_after_delay(_ANSWER_S),
            wait=wait_fixed(0.1),
            reraise=True,
        )
        try:
            found = retrying(
                lambda: self._admin().describe_configs([resource], request_timeout=_ANSWER_S)[resource].result()
            )
        except ck.KafkaException as exc:
            self._check_allowed("read the limits of", topic, exc)
            raise KafkaError(f"Kafka does not tell the limits of the topic {topic!r}: {reason_of(exc)}") from exc
        return min(int(found["max.message.bytes"].value), MAX_MESSAGE_NBYTES)

    def ends(self, topic: str, num_partitions: int, *, timeout_s: float = _ANSWER_S) -> dict[int, int]:
        """Return, per partition, the offset that the next message sent to it will have.

        Raises
        ------
        KafkaError
            If Kafka does not tell, for the moment or because it has no such topic.
        """
        latest = {ck.TopicPartition(topic, p): ck_admin.OffsetSpec.latest() for p in range(num_partitions)}
        try:
            found = self._admin().list_offsets(latest, request_timeout=timeout_s)
            ends = {partition.partition: future.result().offset for partition, future in found.items()}
        except ck.KafkaException as exc:
            self._check_allowed("look up", topic, exc)
            raise unknown_ends(topic, reason_of(exc)) from exc
        # librdkafka gives "invalid" (-1001) for an offset, and no error, where the connection broke on the way.
        if unknown := [partition for partition, end in ends.items() if end < 0]:
            raise unknown_ends(topic, "the connection broke", unknown)
        return ends

    def delete_topics(self, topics: Sequence[str]) -> None:
        """Delete topics; those that are not there are no error."""
        for name, future in self._admin().delete_topics(list(topics), operation_timeout=_ANSWER_S).items():
            try:
                future.result()
            except ck.KafkaException as exc:
                if not _is_unknown_topic(exc):
                    self._check_allowed("delete", name, exc)
                    raise KafkaError(f"Kafka refuses to delete the topic {name!r}: {reason_of(exc)}") from exc

    def _check_allowed(self, action: str, topic: str, exc: ck.KafkaException) -> None:
        """Raise if the user lacks a right."""
        if code_of(exc) in NOT_ALLOWED:
            raise missing_right(self.bootstrap, action, topic, exc.args[0]) from exc

    def _job_not_created(self, topic: str, name: str, exc: ck.KafkaException) -> RequestError | KafkaError:
        """Return the error that says that one of a job's topics, `name`, can't be created."""
        if code_of(exc) == ck.KafkaError.TOPIC_ALREADY_EXISTS:
            return RequestError(
                f"the topic {name!r} exists already",
                accepted="a name that no job has had yet",
                next_step=f"choose another name, or follow that job: alert-transfer status {topic}",
            )
        if code_of(exc) == ck.KafkaError._TIMED_OUT:
            named = ", ".join(f"{broker.host}:{broker.port}" for broker in self._metadata().brokers.values())
            return KafkaError(
                f"Kafka at {self.bootstrap} does not create the topic {name!r}: {reason_of(exc)}",
                accepted=f"brokers that can be reached from here at the addresses that they give: {named}",
                next_step="check the brokers' advertised.listeners, and whether they are well",
            )
        return self._not_created(name, exc)

    def _not_created(self, topic: str, exc: ck.KafkaException) -> KafkaError:
        """Return the error that says that a topic can't be created."""
        if code_of(exc) in NOT_ALLOWED:
            return missing_right(self.bootstrap, "create", topic, exc.args[0])
        next_step = {
            ck.KafkaError.INVALID_REPLICATION_FACTOR: "have Kafka's operator start more brokers, or set "
            "default.replication.factor or our setting topics.replication_factor to no more than there are",
            ck.KafkaError.POLICY_VIOLATION: "have Kafka's operator say what new topics may be like there, or except "
            "those from the policy that begin with ftransfer_ and alert_transfer_jobs",
        }
        return KafkaError(
            f"Kafka at {self.bootstrap} refuses to create the topic {topic!r}: {reason_of(exc)}",
            next_step=next_step.get(code_of(exc) or 0),
        )

    def _job_topics(self, topic: str, num_partitions: int) -> list[ck_admin.NewTopic]:
        largest = {"max.message.bytes": str(MAX_MESSAGE_NBYTES)}
        # The schema outlives the data, too: a user who starts on the last day still needs it.
        data_days, manifest_days = self.topics_made.data_retention_days, self.topics_made.manifest_retention_days
        return [
            self._new_topic(topic, num_partitions, _kept(data_days) | largest),
            self._new_topic(schema_topic(topic), 1, _kept(manifest_days) | {"compression.type": "zstd"}),
            self._new_topic(manifest_topic(topic), 1, _kept(manifest_days) | largest),
        ]

    def _new_topic(self, name: str, num_partitions: int, config: dict[str, str]) -> ck_admin.NewTopic:
        # To Kafka -1 is its own default.
        return ck_admin.NewTopic(name, num_partitions, self.topics_made.replication_factor or -1, config=config)

    def _create_all_or_none(self, *wanted: ck_admin.NewTopic) -> tuple[str, ck.KafkaException] | None:
        """Return which topic could not be created, and why; those that were created are deleted again then."""
        created, failure = [], None
        futures = self._admin().create_topics(list(wanted), operation_timeout=_ANSWER_S, request_timeout=_CREATED_S)
        for name, future in futures.items():
            try:
                future.result()
                created.append(name)
            except ck.KafkaException as exc:
                failure = failure or (name, exc)
        if failure is not None and created:
            self.delete_topics(created)
        return failure

    def _admin(self) -> ck_admin.AdminClient:
        return self._admin_and_reports()[0]

    def _admin_and_reports(self) -> tuple[ck_admin.AdminClient, Reports]:
        def make() -> tuple[ck_admin.AdminClient, Reports]:
            reports = Reports(self.bootstrap)
            return self.make(ck_admin.AdminClient, {}, reports), reports

        return kept("admin", self, make)

    def _metadata(self) -> ck_admin.ClusterMetadata:
        admin, reports = self._admin_and_reports()
        reports.clear()  # the client is the thread's for long, and what ailed it then may be mended
        try:
            poll = partial(admin.poll, 0)
            return first_answer(lambda wait_s: admin.list_topics(timeout=wait_s), poll, reports, _FIRST_ANSWER_S)
        except ck.KafkaException as exc:
            admin.poll(0)  # librdkafka tells only so why: refused, a name that is nobody's, another protocol
            raise reports.silence(exc) from exc


def _kept(days: float) -> dict[str, str]:
    return {"retention.ms": str(round(days * _DAY_MS))}


def _is_unknown_topic(exc: BaseException) -> bool:
    return code_of(exc) == ck.KafkaError.UNKNOWN_TOPIC_OR_PART
