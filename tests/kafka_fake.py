"""A Kafka in memory, behind the one place that makes librdkafka's clients (`consumer.kafka.Cluster.make`).

It keeps offsets, gaps, watermarks, errors and back-pressure as Kafka and librdkafka have them; what it answers is held
against a real Kafka in tests/engine/kafka/test_fake.py. Errors and messages are of confluent_kafka's own types.
Time is its own as well: a caller who waits for it moves its clock, and nobody sleeps.
"""

import functools
import itertools
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin

from consumer.kafka import Cluster

_numbers = itertools.count(1)


class Clock:
    """Stands in for the module `time` in the rooms of Kafka; what is due `at` a time is done when that has come."""

    def __init__(self):
        self.now, self._due = 1_000_000.0, []

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def at(self, delay_s: float, action: Callable[[], object]) -> None:
        self._due = sorted([*self._due, (self.now + delay_s, next(_numbers), action)])

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.step(end)

    def step(self, end: float) -> None:
        """Go to what is due next, or to the end."""
        due = self._due.pop(0) if self._due and self._due[0][0] <= end else (end, 0, lambda: None)
        self.now = max(self.now, due[0])
        due[2]()


class Log:
    """One partition: messages by offset, and which offsets there are."""

    def __init__(self):
        self.messages, self.first, self.end = {}, 0, 0
        self.written_at = -1.0
        """Time of the newest message, Unix time in seconds."""

    def append(self, key: bytes | None, value: bytes | None) -> None:
        self.messages[self.end] = (key, value)
        self.end += 1

    def skip(self) -> None:
        """Leave an offset without a message, as a transaction's marker does."""
        self.end += 1

    def expire(self, first: int) -> None:
        self.first = first
        self.messages = {offset: message for offset, message in self.messages.items() if offset >= first}


class FakeKafka:
    """A Kafka in memory."""

    def __init__(self):
        self.bootstrap = f"fake-{next(_numbers)}:9092"
        self.clock = Clock()
        self.topics: dict[str, list[Log]] = {}
        self.configs: dict[str, dict[str, str]] = {}
        self.is_away = False
        self.left_out: set[tuple[str, int, int]] = set()
        """Topic, partition and offset of messages that clients leave out, once each."""
        self.undelivered: dict[bytes | None, int] = {}
        """Keys of messages that Kafka does not take, and why."""
        self.queue_size = 100_000
        self.taken_per_poll = 100_000
        self.clients: list[FakeClient] = []
        self.committed: dict[tuple[str, int], int] = {}
        self.rights: set[ck_admin.AclBinding] | None = None
        """Rights that were set; None: it has no users."""
        self._failures: dict[str, deque[int]] = defaultdict(deque)

    def install(self, monkeypatch) -> None:
        """Be the Kafka at `bootstrap`, from now on until the test ends."""
        real, fakes = Cluster.make, {ck.Consumer: FakeConsumer, ck.Producer: FakeProducer}
        fakes[ck_admin.AdminClient] = FakeAdmin

        def make(cluster, kind, *args, **kwargs):
            if cluster.bootstrap == self.bootstrap:
                kind = functools.partial(fakes[kind], self)
            return real(cluster, kind, *args, **kwargs)

        monkeypatch.setattr(Cluster, "make", make)
        for name, module in list(sys.modules.items()):
            if name.startswith(("consumer.kafka.", "engine.kafka.")) and getattr(module, "time", None) is time:
                monkeypatch.setattr(module, "time", self.clock)

    def create(self, topic: str, num_partitions: int = 1, **config: str) -> list[Log]:
        self.topics[topic] = [Log() for _ in range(num_partitions)]
        self.configs[topic] = {"max.message.bytes": "1048588", **config}
        return self.topics[topic]

    def fail(self, request: str, *codes: int) -> None:
        """Answer the next calls of a method with errors, one each."""
        self._failures[request] += codes

    def report(self, code: int) -> None:
        """Have all clients told of an error by their `error_cb`, once they are polled."""
        for client in self.clients:
            client.reports.append(ck.KafkaError(code))

    def failure(self, request: str) -> ck.KafkaError | None:
        return ck.KafkaError(self._failures[request].popleft()) if self._failures[request] else None


class FakeClient:
    def __init__(self, kafka: FakeKafka, properties, logger):
        self.kafka, self.properties, self.reports = kafka, properties, deque()
        self.is_closed, self.made_at = False, kafka.clock.now
        kafka.clients.append(self)

    def _serve(self) -> None:
        while self.reports:
            self.properties["error_cb"](self.reports.popleft())

    def _ask(self, request: str, timeout: float) -> None:
        if self.kafka.is_away:
            self.kafka.clock.sleep(timeout)
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError._TRANSPORT))
        if error := self.kafka.failure(request):
            raise ck.KafkaException(error)

    def _log_of(self, partition: ck.TopicPartition) -> Log:
        logs = self.kafka.topics.get(partition.topic, [])
        if partition.partition >= len(logs):
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError._UNKNOWN_PARTITION))
        return logs[partition.partition]

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ck_admin.ClusterMetadata:
        self._ask("list_topics", timeout)
        found = ck_admin.ClusterMetadata()
        found.brokers = {1: SimpleNamespace(id=1, host="fake", port=9092)}
        for name in self.kafka.topics if topic is None else [topic]:
            found.topics[name] = of = ck_admin.TopicMetadata()
            of.topic, of.partitions = name, dict(enumerate(self.kafka.topics.get(name, [])))
            if name not in self.kafka.topics:
                of.error = ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART)
        return found

    def close(self) -> None:
        self.is_closed = True


class FakeConsumer(FakeClient):
    def __init__(self, kafka: FakeKafka, properties, logger):
        super().__init__(kafka, properties, logger)
        self.paused: set[tuple[str, int]] = set()
        self._at: dict[tuple[str, int], int | None] = {}
        self._ends_told: dict[tuple[str, int], int] = {}

    def assign(self, partitions: list[ck.TopicPartition]) -> None:
        self._at = {(p.topic, p.partition): p.offset for p in partitions}
        self._ends_told, self.paused = {}, set()

    def pause(self, partitions: list[ck.TopicPartition]) -> None:
        self.paused |= {(p.topic, p.partition) for p in partitions}

    def resume(self, partitions: list[ck.TopicPartition]) -> None:
        self.paused -= {(p.topic, p.partition) for p in partitions}

    def poll(self, timeout: float = -1) -> ck.Message | None:
        return next(iter(self.consume(1, timeout)), None)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[ck.Message]:
        """Wait for as many as were asked for, or the time: librdkafka does not return earlier with fewer."""
        found, clock = [], self.kafka.clock
        end = clock.now + timeout
        while True:
            self._serve()
            while len(found) < num_messages and (message := self._next()) is not None:
                found.append(message)
            if len(found) == num_messages or clock.now >= end:
                return found
            clock.step(end)

    def _next(self) -> ck.Message | None:
        if self.kafka.is_away:
            return None
        if error := self.kafka.failure("consume"):
            return ck.Message(error=error)
        # A message's truth is its length, which may be 0.
        found = (self._next_of(place) for place in self._at if place not in self.paused)
        return next((message for message in found if message is not None), None)

    def _next_of(self, place: tuple[str, int]) -> ck.Message | None:
        where, at = {"topic": place[0], "partition": place[1]}, self._at[place]
        logs = self.kafka.topics.get(place[0])
        if at is None:
            return None
        if logs is None:
            # librdkafka does not take the first word for it, and then it says so only here, not among the messages.
            waits_s = self.properties.get("topic.metadata.propagation.max.ms", 30_000) / 1000
            if self.kafka.clock.now >= self.made_at + waits_s:
                self._at[place] = None
                self.reports.append(ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))
            return None
        log = logs[place[1]]
        if not log.first <= at <= log.end:
            if self.properties["auto.offset.reset"] == "error":
                self._at[place] = None
                return ck.Message(error=ck.KafkaError(ck.KafkaError._AUTO_OFFSET_RESET), offset=at, **where)
            at = log.first
        for offset in range(at, log.end):
            self._at[place] = offset + 1
            if (*place, offset) in self.kafka.left_out:
                self.kafka.left_out.remove((*place, offset))
            elif offset in log.messages:
                key, value = log.messages[offset]
                return ck.Message(offset=offset, key=key, value=value, **where)
        if not self.properties.get("enable.partition.eof") or self._ends_told.get(place) == log.end:
            return None
        self._ends_told[place] = log.end
        return ck.Message(error=ck.KafkaError(ck.KafkaError._PARTITION_EOF), offset=log.end, **where)

    def get_watermark_offsets(self, partition: ck.TopicPartition, timeout: float = -1) -> tuple[int, int]:
        self._ask("get_watermark_offsets", timeout)
        log = self._log_of(partition)
        return log.first, log.end

    def offsets_for_times(self, partitions: list[ck.TopicPartition], timeout: float = -1) -> list[ck.TopicPartition]:
        self._ask("offsets_for_times", timeout)
        assert all(p.offset == ck.OFFSET_END for p in partitions), "no other time is known here"
        unknown = self.kafka.failure("offset")
        return [
            ck.TopicPartition(p.topic, p.partition, ck.OFFSET_INVALID if unknown else self._log_of(p).end)
            for p in partitions
        ]

    def commit(self, offsets: list[ck.TopicPartition], asynchronous: bool) -> None:
        self.kafka.committed |= {(p.topic, p.partition): p.offset for p in offsets}


class FakeProducer(FakeClient):
    def __init__(self, kafka: FakeKafka, properties, logger):
        super().__init__(kafka, properties, logger)
        self.queue: deque[tuple[int | None, ck.Message, Callable]] = deque()

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, partition: int, on_delivery: Callable
    ) -> None:
        if len(self.queue) >= self.kafka.queue_size:
            raise BufferError("Local: Queue full")
        if len(value or b"") > self.properties["message.max.bytes"]:
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError.MSG_SIZE_TOO_LARGE))
        value = None if value is None else bytes(value)  # librdkafka copies whatever holds bytes
        self.queue.append((None, ck.Message(topic=topic, partition=partition, key=key, value=value), on_delivery))

    def poll(self, timeout: float = -1) -> int:
        self._serve()
        if self.kafka.is_away:
            self.kafka.clock.sleep(timeout)
        num = 0
        while self.queue and num < self.kafka.taken_per_poll and (not self.kafka.is_away or self.queue[0][0]):
            code, message, on_delivery = self.queue.popleft()
            if code := code or self._append(message):
                on_delivery(ck.KafkaError(code), message)
            num += 1
        return num

    def _append(self, message: ck.Message) -> int | None:
        topic = message.topic()
        if code := self.kafka.undelivered.get(message.key()):
            return code
        if topic not in self.kafka.topics:
            return ck.KafkaError._UNKNOWN_TOPIC
        if len(message.value() or b"") > int(self.kafka.configs[topic]["max.message.bytes"]):
            return ck.KafkaError.MSG_SIZE_TOO_LARGE
        log = self.kafka.topics[topic][message.partition()]
        log.append(message.key(), message.value())
        log.written_at = self.kafka.clock.now
        return None

    def flush(self, timeout: float = -1) -> int:
        end = self.kafka.clock.now + timeout
        while self.queue and self.kafka.clock.now < end:
            if not self.poll(end - self.kafka.clock.now):
                self.kafka.clock.step(end)
        return len(self.queue)

    def purge(self) -> None:
        """Drop what is queued; who sent it is told at the next poll."""
        self.queue = deque((ck.KafkaError._PURGE_QUEUE, *rest) for _, *rest in self.queue)


class FakeAdmin(FakeClient):
    def poll(self, timeout: float = -1) -> int:
        self._serve()
        return 0

    def _answer(self, request: str, timeout: float, answers: dict) -> dict:
        futures = {}
        for key, answer in answers.items():
            futures[key] = future = Future()
            try:
                self._ask(request, timeout)
                future.set_result(answer())
            except ck.KafkaException as exc:
                future.set_exception(exc)
        return futures

    def create_topics(
        self, topics, operation_timeout: float = 0, request_timeout: float = 60, validate_only: bool = False
    ) -> dict:
        def create(new: ck_admin.NewTopic) -> None:
            if new.topic in self.kafka.topics:
                raise ck.KafkaException(ck.KafkaError(ck.KafkaError.TOPIC_ALREADY_EXISTS))
            if not validate_only:
                self.kafka.create(new.topic, new.num_partitions, **new.config)

        wanted = {new.topic: functools.partial(create, new) for new in topics}
        return self._answer("create_topics", request_timeout, wanted)

    def describe_topics(self, topics, request_timeout: float = 60) -> dict:
        def describe(topic: str) -> SimpleNamespace:
            if topic not in self.kafka.topics:
                raise ck.KafkaException(ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))
            return SimpleNamespace(name=topic)

        wanted = {name: functools.partial(describe, name) for name in topics.topic_names}
        return self._answer("describe_topics", request_timeout, wanted)

    def delete_topics(self, topics, operation_timeout: float = 0, request_timeout: float = 60) -> dict:
        def delete(topic: str) -> None:
            if self.kafka.topics.pop(topic, None) is None:
                raise ck.KafkaException(ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))

        return self._answer(
            "delete_topics", request_timeout, {name: functools.partial(delete, name) for name in topics}
        )

    def create_acls(self, bindings, request_timeout: float = 60) -> dict:
        wanted = {binding: functools.partial(self._rights().add, binding) for binding in bindings}
        return self._answer("create_acls", request_timeout, wanted)

    def delete_acls(self, filters, request_timeout: float = 60) -> dict:
        def delete(name: str) -> None:
            self._rights().difference_update([right for right in self._rights() if right.name == name])

        wanted = {each: functools.partial(delete, each.name) for each in filters}
        return self._answer("delete_acls", request_timeout, wanted)

    def _rights(self) -> set[ck_admin.AclBinding]:
        if self.kafka.rights is None:
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError.SECURITY_DISABLED))
        return self.kafka.rights

    def describe_configs(self, resources, request_timeout: float = 60) -> dict:
        def describe(topic: str) -> dict:
            if topic not in self.kafka.topics:
                raise ck.KafkaException(ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))
            return {name: SimpleNamespace(value=value) for name, value in self.kafka.configs[topic].items()}

        wanted = {resource: functools.partial(describe, resource.name) for resource in resources}
        return self._answer("describe_configs", request_timeout, wanted)

    def list_offsets(self, partitions, request_timeout: float = 60) -> dict:
        def end_of(partition: ck.TopicPartition, which: ck_admin.OffsetSpec) -> SimpleNamespace:
            if self.kafka.failure("offset"):
                return SimpleNamespace(offset=ck.OFFSET_INVALID, timestamp=-1)
            log = self._log_of(partition)
            newest = max(log.messages, default=-1)
            kind = type(which).__name__
            offset = {"EarliestSpec": log.first, "MaxTimestampSpec": newest}.get(kind, log.end)
            is_told = kind == "MaxTimestampSpec" and newest >= 0
            return SimpleNamespace(offset=offset, timestamp=round(log.written_at * 1000) if is_told else -1)

        wanted = {partition: functools.partial(end_of, partition, which) for partition, which in partitions.items()}
        return self._answer("list_offsets", request_timeout, wanted)
