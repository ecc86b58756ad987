"""Following a job's manifest as it grows, and the rule by which a job reads as interrupted."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence

import confluent_kafka as ck

from consumer.errors import InputError, KafkaError
from consumer.kafka.cluster import Cluster
from consumer.kafka.failures import stopped, wrong_partitions
from consumer.kafka.gapless_reader import GaplessReader
from consumer.wire import (
    FINAL_STATES,
    HEARTBEAT_EVERY_S,
    INTERRUPTED_AFTER_S,
    Heartbeat,
    Manifest,
    Plan,
    manifest_topic,
)

__all__ = ["ManifestFollower"]

# As long as a partition may be without a leader (cluster.py).
_STOPPED_S = 20.0
_NO_PLAN_S = 10.0
# A topic that others make grow is another one than the plan's; brokers learn of a new one at different times.
_APPEARS_S = 5.0


class ManifestFollower:
    """Reads a topic's manifest from its beginning and goes on as it grows.

    Parameters
    ----------
    cluster
        The Kafka that has it.
    topic
        The data topic's name.

    Raises
    ------
    InputError
        If Kafka has no such topic.
    KafkaError
        If Kafka does not answer within 10 s.
    """

    def __init__(self, cluster: Cluster, topic: str):
        self.manifest = Manifest(topic=topic)
        self._lines: list[bytes] = []
        self._topic = manifest_topic(topic)
        self._connection = cluster.open({})
        self._silent_since = time.monotonic()
        self._at_end = False
        self._is_kafka_away = False
        try:
            if not self._connection.num_partitions(self._topic):
                raise self._missing(topic)
            first, self._first_end = self._connection.watermarks(self._topic, 0)
            self._reader = GaplessReader(self._connection, self._topic, {0: first})
            self._first = first
        except BaseException:
            self.close()
            raise

    def _missing(self, topic: str) -> InputError:
        names = self._connection.topics()
        if topic in names:
            return InputError(
                f"{topic!r} has no manifest: there is no topic {self._topic!r} at {self._connection.bootstrap}",
                accepted="a topic that alert-transfer sent in the last 30 days",
                next_step="fetch a topic of another service with that service's own client",
            )
        jobs = [name for name in names if manifest_topic(name) in names]
        nearest = difflib.get_close_matches(topic, jobs, n=1, cutoff=0.8)
        return InputError(
            f"there is no topic {topic!r} at {self._connection.bootstrap}"
            + (f"; did you mean {nearest[0]!r}?" if nearest else ""),
            accepted="a topic of the last 30 days; its alerts are kept for 4 days",
            next_step="check the name, or list the topics with: alert-transfer jobs --all",
        )

    def refresh(self, timeout_s: float = 0.0) -> Manifest:
        """Take in the records that are there, waiting `timeout_s` for the first of them.

        At the first call, all records that Kafka has now.
        """
        deadline = time.monotonic() + _STOPPED_S
        while True:
            messages = self._reader.consume(1000, timeout_s if self._at_end else 0.1)
            self._take(messages)
            # Kafka says only after a while that there is no more.
            self._at_end = self._at_end or self._reader.positions[0] >= self._first_end
            if self._at_end:
                return self.manifest
            if time.monotonic() > deadline and not messages:
                raise stopped(self._connection.bootstrap, self._topic)

    def wait_for_plan(self, timeout_s: float) -> Manifest:
        """Return the manifest once its plan is complete.

        Raises
        ------
        KafkaError
            If it is not after `timeout_s`, or if the plan expired; or if the data topic has other partitions than it
            says.
        WireError
            If it can't be read.
        """
        begun = time.monotonic()
        while not self.refresh(0.2).is_planned and self.manifest.stated not in FINAL_STATES:
            self.manifest.check_readable()
            # Where others have written what can't be read, no plan may ever come.
            patience_s = min(timeout_s, _NO_PLAN_S) if self.manifest.passed_over.count else timeout_s
            if time.monotonic() > begun + patience_s:
                break
        self.manifest.check_readable()
        if not self.manifest.is_planned:
            listened_s = time.monotonic() - begun
            since = f", {listened_s:.0f} s after it was looked for" if listened_s > 1 else ""
            wrong = self.manifest.passed_over.text("it")
            raise KafkaError(
                f"{self._topic} holds no complete plan"
                + (": its first records expired" if self._first else since)
                + (f". {wrong}" if wrong else ""),
                next_step="see how the job fares with: alert-transfer status " + self._topic.removesuffix("_manifest"),
            )
        self._check_partitions(self.manifest.require_plan())
        return self.manifest

    def _check_partitions(self, plan: Plan) -> None:
        """Raise unless Kafka has as many partitions as the plan says, before anything is kept for each of them."""
        deadline = time.monotonic() + _APPEARS_S
        # None is no contradiction: a topic may be deleted after it was fetched.
        while (found := self._connection.num_partitions(plan.topic)) not in (0, plan.num_partitions):
            if time.monotonic() > deadline:
                raise wrong_partitions(plan.topic, found, plan.num_partitions)
            time.sleep(0.5)

    def state(self) -> str:
        """Return the job's state now.

        Other machines' clocks may be wrong by minutes. So a job reads as interrupted only if it is silent while we
        read: for two heartbeats where the clocks say that it fell silent long ago, else for the full time.
        """
        listened_s = time.monotonic() - self._silent_since
        if self.manifest.stated in FINAL_STATES or listened_s < 2 * HEARTBEAT_EVERY_S + 1:
            return self.manifest.stated
        state = "interrupted" if listened_s > INTERRUPTED_AFTER_S else self.manifest.state_at(time.time())
        return state if state != "interrupted" or self._is_read_to_its_end() else self.manifest.stated

    def _is_read_to_its_end(self) -> bool:
        """Whether Kafka answers, and has no record that we have not read: only then is silence the job's."""
        try:
            _, end = self._connection.watermarks(self._topic, 0)
            was_away, self._is_kafka_away = self._is_kafka_away, False
        except KafkaError:
            was_away = self._is_kafka_away = True
        if was_away:
            # Kafka is silent, or was until now, and the job need not be: its silence counts from here.
            self._silent_since = time.monotonic()
            return False
        return self._reader.positions[0] >= end

    def take_lines(self) -> list[bytes]:
        """Return the records, as JSON texts, that came since the last call; heartbeats are left out."""
        lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        """Leave Kafka."""
        self._connection.close()

    def _take_one(self, value: bytes | None, key: bytes) -> None:
        num_passed_over = self.manifest.passed_over.count
        record = self.manifest.take(value, key)
        if self.manifest.passed_over.count > num_passed_over:
            return  # neither a sign of life nor for the copy, whose lines can all be read
        self._silent_since = time.monotonic()
        if value and not isinstance(record, Heartbeat):
            # A record may be written over several lines, and the copy has one for each.
            self._lines.append(b" ".join(value.splitlines()))

    def _take(self, messages: Sequence[ck.Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self._take_one(message.value(), message.key() or b"")
            elif error.code() == ck.KafkaError._PARTITION_EOF:
                self._at_end = True
        self._reader.check(messages)
