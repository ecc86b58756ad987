"""Kafka as a sink: topics made or taken back, partitions and keys that stay the same, messages that are too large."""

import datetime as dt
import gc
import io
import pickle
import tracemalloc
import weakref

import fastavro
import numpy as np
import pyarrow as pa
import pytest

import engine
from consumer.wire import FragmentDone, Plan, decode_key, manifest_topic, partitions_of, schema_topic
from engine.archive import ArchiveFile, Fragment
from engine.errors import EncodeError, InputError, JobError, KafkaError, MessageSizeError, RequestError
from engine.kafka import KafkaCluster
from engine.sinks import FragmentFigures, KafkaManifestStore, KafkaSink

TOPIC = "ftransfer_fake"
SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [{"name": "candid", "type": ["long", "null"]}, {"name": "stamp", "type": ["bytes", "null"]}],
}
FILE = ArchiveFile(path="/science/part-0.parquet", night=dt.date(2021, 11, 1), nbytes=1, etag=None)
FRAGMENT = Fragment(number=7, file=FILE, row_groups=(2, 3), row_group_alerts=(20, 20))


class FakeKafka:
    """What a KafkaSink asks of a KafkaCluster, and what its senders bring there."""

    def __init__(self, max_message_nbytes: int = 100_000):
        self.all_topics: set[str] = set()
        self.most_nbytes = max_message_nbytes
        self.messages: list[tuple[bytes, bytes, int]] = []
        self.fails: dict[str, Exception] = {}
        self.room: int | None = None
        """How many more messages a sender's queue takes; None: all."""

    def _step(self, name: str) -> None:
        if name in self.fails:
            raise self.fails[name]

    def create_job_topics(self, topic, num_partitions) -> None:
        if topic in self.all_topics:
            raise RequestError(f"the topic {topic!r} exists already")
        self.all_topics |= {topic, schema_topic(topic), manifest_topic(topic)}

    def delete_job_topics(self, topic) -> None:
        self._step("delete")
        self.all_topics -= {topic, schema_topic(topic), manifest_topic(topic)}

    def max_message_nbytes(self, topic) -> int:
        self._step("limits")
        return self.most_nbytes

    def write_schema(self, topic, schema) -> None:
        self._step("schema")

    def ends(self, topic, num_partitions) -> dict[int, int]:
        return {p: sum(partition == p for *_, partition in self.messages) for p in range(num_partitions)}


class FakeSender:
    """A FragmentSender into a FakeKafka, which refuses what is too large for it when it is flushed."""

    def __init__(self, kafka, topic, is_wanted, beside=None):
        self._kafka, self._queued = kafka, []

    def send(self, keys, datums, partitions) -> int:
        taken = list(zip(keys, map(bytes, datums), partitions, strict=True))[: self._kafka.room]
        self._queued += taken
        if self._kafka.room is not None:
            self._kafka.room -= len(taken)
        return len(taken)

    def wait(self) -> None:
        self._kafka.room += 1

    def finish(self) -> None:
        if any(len(datum) > self._kafka.most_nbytes for _, datum, _ in self._queued):
            raise MessageSizeError("a message was not delivered")
        self._kafka.messages += self._queued


@pytest.fixture
def kafka(monkeypatch) -> FakeKafka:
    monkeypatch.setattr("engine.sinks.kafka_sink.FragmentSender", FakeSender)
    return FakeKafka()


def sink_of(kafka, num_partitions: int = 4) -> KafkaSink:
    return KafkaSink(
        kafka=kafka,
        topic=TOPIC,
        num_partitions=num_partitions,
        max_message_nbytes=kafka.most_nbytes,
        schema=SCHEMA,
    )


def block(candids: list[int | None], nbytes: int = 10) -> pa.RecordBatch:
    stamps = pa.array([bytes(nbytes)] * len(candids), pa.binary())
    return pa.RecordBatch.from_arrays([pa.array(candids, pa.int64()), stamps], ["candid", "stamp"])


def writer(sink: KafkaSink, num_selected: int = 40):
    figures = FragmentFigures(
        job_id="a", fragment=FRAGMENT, num_selected=num_selected, id_field="source.candid", id_path="candid"
    )
    return sink.open(FRAGMENT, figures, lambda: True), figures


def write(sink: KafkaSink, written, rows: np.ndarray, alerts: pa.RecordBatch) -> None:
    written.write(rows, alerts, sink.encode(alerts))


def send(sink: KafkaSink, rows: np.ndarray, cut: int) -> FragmentDone:
    written, figures = writer(sink)
    for some in (rows[:cut], rows[cut:]):
        if len(some):
            alerts = block([1000 + int(row) for row in some])
            write(sink, written, some, alerts)
            figures.add(alerts)
    assert sink.kafka.messages == [] or cut, "nothing leaves before the end"
    return written.finish()


def test_a_fragment_that_is_sent_twice_has_the_same_messages(kafka):
    rows = np.array([0, 3, 4, 17, 39])
    first = send(sink_of(kafka), rows, 0)
    once, kafka.messages = kafka.messages, []
    second = send(sink_of(kafka), rows, 2)
    assert kafka.messages == once
    assert [decode_key(key) for key, *_ in once] == [(7, row) for row in rows]
    assert [partition for *_, partition in once] == partitions_of(7, rows, 4).tolist()
    assert sum(first.partitions.values()) == first.num_sent == 5
    assert first.nbytes == sum(len(datum) for _, datum, _ in once)
    assert (first.digest, first.partitions) == (second.digest, second.partitions)
    parsed = fastavro.parse_schema(SCHEMA)
    datum = fastavro.schemaless_reader(io.BytesIO(once[1][1]), parsed)
    assert datum == {"candid": 1003, "stamp": bytes(10)}


@pytest.mark.parametrize("nbytes", [10, 5_000])
def test_what_the_queue_has_no_room_for_is_sent_on_later(kafka, nbytes):
    sink, rows = sink_of(kafka), np.arange(40)
    written, figures = writer(sink)
    for some in (rows[:25], rows[25:]):
        alerts = block(some.tolist(), nbytes=nbytes)
        write(sink, written, some, alerts)
        figures.add(alerts)
    kafka.room = 7
    written.send()
    assert kafka.room == 0, "it did not wait"
    for room in (0, 4, 16):
        kafka.room = room
        written.send_on()
        assert kafka.room == 0
    done = written.finish()
    assert [decode_key(key) for key, *_ in kafka.messages] == [(7, row) for row in rows]
    assert [partition for *_, partition in kafka.messages] == partitions_of(7, rows, 4).tolist()
    assert done.num_sent == sum(done.partitions.values()) == 40


def test_what_is_not_sent_to_its_end_is_let_go_at_once(kafka):
    sink = sink_of(kafka)
    written, _ = writer(sink)
    write(sink, written, np.arange(40), block(list(range(40))))
    kafka.room = 7
    written.send()
    left = weakref.ref(written)
    gc.disable()  # it may hold a hundred megabytes, for which nobody looks
    try:
        del written
        assert left() is None
    finally:
        gc.enable()


def test_stamps_are_copied_into_their_datum_and_no_more(kafka, monkeypatch):
    class Dropping(FakeSender):
        def send(self, keys, datums, partitions) -> int:
            kafka.messages += [(key, len(memoryview(datum)), 0) for key, datum in zip(keys, datums, strict=True)]
            return len(keys)

        def finish(self) -> None:
            pass

    monkeypatch.setattr("engine.sinks.kafka_sink.FragmentSender", Dropping)
    alerts = block(list(range(40)), nbytes=50_000)
    counted = pa.proxy_memory_pool(pa.default_memory_pool())
    pool = pa.default_memory_pool()
    pa.set_memory_pool(counted)
    try:
        sink = sink_of(kafka)
        written, figures = writer(sink)
        write(sink, written, np.arange(40), alerts)
        figures.add(alerts)
    finally:
        pa.set_memory_pool(pool)
    assert alerts.nbytes < counted.total_bytes_allocated() < 1.1 * alerts.nbytes
    tracemalloc.start()
    try:
        done = written.finish()
        _, peak_nbytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.nbytes == sum(nbytes for _, nbytes, _ in kafka.messages) > 2_000_000
    assert peak_nbytes < 500_000, "librdkafka takes them from where they lie"


def test_an_alert_that_no_message_holds_is_named(kafka):
    sink = sink_of(kafka)
    written, _ = writer(sink)
    write(sink, written, np.array([0, 1]), block([11, 12]))
    with pytest.raises(EncodeError) as raised:
        write(sink, written, np.array([5]), block([13], nbytes=99_500))
    for part in ("13 ", FILE.path, "row 5 ", "[2, 3]", "99,5"):
        assert part in raised.value.message
    assert TOPIC in raised.value.accepted
    assert "source.candid != 13" in raised.value.next_step
    assert kafka.messages == []


def test_it_is_named_too_where_the_limit_was_lowered_since(kafka):
    sink = sink_of(kafka)
    written, _ = writer(sink)
    write(sink, written, np.array([0, 1]), block([11, None], nbytes=5_000))
    kafka.most_nbytes = 4_000
    with pytest.raises(EncodeError, match=r"the alert (11|0) .* takes 5,0\d\d bytes") as raised:
        written.finish()
    assert f"{4_000 - 1024:,} bytes" in raised.value.accepted
    kafka.fails["limits"] = KafkaError("away")
    with pytest.raises(KafkaError, match="away"):
        written.finish()


def test_a_refusal_for_size_that_no_alert_explains_is_told_as_it_is(kafka, monkeypatch):
    sink = sink_of(kafka)
    written, _ = writer(sink)
    write(sink, written, np.array([0]), block([11]))

    def refuse(self) -> None:
        raise MessageSizeError("a batch is too large")

    monkeypatch.setattr(FakeSender, "finish", refuse)
    with pytest.raises(MessageSizeError, match="a batch"):
        written.finish()


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), alerts_per_night=3, seed=1)
    return engine.plan(engine.TransferRequest(archive=made.archive, nights=made.nights), settings=engine.Settings())


def test_a_sink_is_prepared_and_found_again_by_its_plan(kafka, plan):
    prepared = KafkaSink(kafka=kafka, topic=TOPIC).prepare(plan)
    assert kafka.all_topics == {TOPIC, schema_topic(TOPIC), manifest_topic(TOPIC)}
    terms = prepared.terms()
    record = Plan(
        job_id="a",
        topic=TOPIC,
        engine_version="0",
        created_at=0.0,
        request={},
        num_partitions=terms["num_partitions"],
        num_files=0,
        num_fragments=0,
        num_parts=0,
        num_alerts=None,
        schema=plan.schema,
        time_field="jd",
        id_field=plan.selection.survey.id_field,
        details={"max_message_nbytes": terms["max_message_nbytes"]},
    )
    assert KafkaSink(kafka=kafka, topic=TOPIC).take_up(record) == prepared


@pytest.mark.parametrize("step", ["limits", "schema"])
def test_topics_are_taken_back_where_something_fails(kafka, plan, step):
    kafka.fails[step] = KafkaError("away")
    with pytest.raises(KafkaError, match="away"):
        KafkaSink(kafka=kafka, topic=TOPIC).prepare(plan)
    assert kafka.all_topics == set()
    kafka.fails["delete"] = KafkaError("still away")
    with pytest.raises(KafkaError, match=r"away.*still away"):
        KafkaSink(kafka=kafka, topic=TOPIC).prepare(plan)


def test_alerts_that_are_too_large_on_average_are_refused(kafka, plan):
    kafka.most_nbytes = plan.alert_nbytes - 1
    with pytest.raises(InputError, match=f"{plan.alert_nbytes:,} bytes on average"):
        KafkaSink(kafka=kafka, topic=TOPIC).prepare(plan)
    assert kafka.all_topics == set()


def test_the_topics_of_another_job_are_left_alone(kafka, plan):
    kafka.create_job_topics(TOPIC, 4)
    before = set(kafka.all_topics)
    with pytest.raises(RequestError):
        KafkaSink(kafka=kafka, topic=TOPIC).prepare(plan)
    assert kafka.all_topics == before


def test_less_than_was_acknowledged_is_noticed_for_each_partition(kafka):
    sink = sink_of(kafka)
    done = send(sink, np.arange(40), 0)
    sink.check_holds(done.partitions)
    kafka.messages += kafka.messages[:1]  # a fragment that ran twice
    sink.check_holds(done.partitions)
    kafka.messages = [message for message in kafka.messages if message[2] != 3]
    with pytest.raises(JobError, match=r"10 alerts .*\[3\]"):
        sink.check_holds(done.partitions)


def test_workers_get_copies_of_sink_and_store():
    cluster = KafkaCluster(bootstrap="nowhere:9092", options={"security.protocol": "PLAINTEXT"})
    sink = KafkaSink(kafka=cluster, topic=TOPIC)
    assert pickle.loads(pickle.dumps(sink)) == sink
    store = pickle.loads(pickle.dumps(KafkaManifestStore(cluster, TOPIC)))
    assert (store.topic, store.address) == (TOPIC, "Kafka at nowhere:9092")
    assert manifest_topic(TOPIC) in store.place
    store.close()  # nothing is open yet
