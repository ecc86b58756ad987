"""Writing a job's manifest and following it."""

import time
import uuid

import confluent_kafka as ck
import pytest

from consumer.wire import FragmentDone, Heartbeat, Plan, PlanPart, StateChange, encode_record
from engine.errors import KafkaError, RequestError
from engine.kafka import ManifestReader, ManifestWriter

JOB = uuid.uuid4().hex
NUM_FRAGMENTS = 3000


def plan_of(topic: str = "ftransfer_t", job_id: str = JOB) -> Plan:
    return Plan(
        job_id=job_id,
        topic=topic,
        engine_version="0",
        created_at=1.0,
        request={},
        num_partitions=1,
        num_files=1,
        num_fragments=NUM_FRAGMENTS,
        num_parts=1,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )


def part_of(job_id: str = JOB) -> PlanPart:
    files = [{"index": 0, "path": "x", "size": 1, "etag": None, "night": "2021-11-22"}]
    fragments = [{"fragment": n, "file": 0, "row_groups": [n], "num_alerts": 1} for n in range(NUM_FRAGMENTS)]
    return PlanPart(job_id=job_id, index=0, files=files, fragments=fragments)


def done(number: int) -> FragmentDone:
    counts = {"num_alerts": 1, "num_selected": 1, "num_sent": 1, "nbytes": 1, "partitions": {0: 1}}
    return FragmentDone(job_id=JOB, fragment=number, digest="0", time=2.0, **counts)


def readers(fake) -> list:
    return [client for client in fake.clients if hasattr(client, "consume")]


@pytest.fixture
def log(fake):
    (log,) = fake.create("ftransfer_t_manifest")
    for record in (plan_of(), part_of()):
        log.append(*encode_record(record))
    return log


def test_records_are_written_in_order_and_read_back(fake, cluster):
    cluster.create_job_topics("ftransfer_t", 1)
    writer = ManifestWriter(cluster, "ftransfer_t")
    writer.append(plan_of(), part_of(), StateChange(job_id=JOB, state="running", time=1.0, coordinator="c"), done(0))
    reader = ManifestReader(cluster, "ftransfer_t")
    manifest = reader.refresh()
    assert (manifest.plan, manifest.stated, manifest.num_sent) == (plan_of(), "running", 1)
    writer.append(done(1), StateChange(job_id=JOB, state="complete", time=3.0, coordinator="c"))
    assert (reader.refresh().stated, reader.manifest.num_sent) == ("complete", 2)
    reader.close()
    assert all(client.is_closed for client in readers(fake))


def test_nothing_is_asked_by_the_client_that_fetches(fake, cluster, log, monkeypatch):
    reader = ManifestReader(cluster, "ftransfer_t")
    monkeypatch.delattr(type(readers(fake)[-1]), "get_watermark_offsets")  # it would wait for the fetch to return
    assert reader.refresh().plan == plan_of()
    log.append(*encode_record(done(0)))
    assert reader.refresh().num_sent == 1


def test_an_end_that_kafka_does_not_tell_at_once_is_waited_for(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    fake.fail("list_offsets", ck.KafkaError.LEADER_NOT_AVAILABLE)
    fake.fail("get_watermark_offsets", ck.KafkaError.LEADER_NOT_AVAILABLE)
    assert reader.refresh().plan == plan_of()


def test_a_record_that_was_not_acknowledged_may_be_written_again_by_a_fresh_producer(fake, cluster, log):
    writer = ManifestWriter(cluster, "ftransfer_t")
    key, _ = encode_record(done(0))
    fake.undelivered = {key: ck.KafkaError._FATAL}
    with pytest.raises(KafkaError, match="not delivered to ftransfer_t_manifest"):
        writer.append(done(0))
    fake.undelivered = {}
    num_clients = len(fake.clients)
    writer.append(done(0))
    assert len(fake.clients) == num_clients, "it was made when the other one failed"
    assert len(log.messages) == 3


def test_a_topic_without_a_manifest_is_no_job(fake, cluster):
    fake.create("other")
    with pytest.raises(RequestError, match="no job 'other'") as caught:
        ManifestReader(cluster, "other")
    assert "engine.jobs(" in caught.value.next_step


def test_all_that_is_there_is_read_whatever_librdkafka_leaves_out(fake, cluster, log):
    for number in range(1500):
        log.append(*encode_record(done(number)))
    log.skip()
    reader = ManifestReader(cluster, "ftransfer_t")
    fake.left_out = {("ftransfer_t_manifest", 0, offset) for offset in (0, 1, 700, 1499, 1500)}
    assert len(reader.refresh().fragments) == 1500
    assert fake.left_out == set()
    assert reader.refresh().plan == plan_of()


def test_a_manifest_whose_first_records_expired_is_read_from_what_is_left(fake, cluster, log):
    log.append(*encode_record(done(0)))
    log.expire(1)
    reader = ManifestReader(cluster, "ftransfer_t")
    assert reader.refresh().plan is None
    log.append(*encode_record(done(1)))
    log.append(*encode_record(plan_of()))
    log.expire(3)
    assert reader.refresh().plan == plan_of(), "also where it expires meanwhile"


def test_who_waits_is_told_as_soon_as_a_record_comes(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    reader.refresh()
    begun = fake.clock.now
    assert reader.wait_for_more(0.5).fragments == {}
    assert fake.clock.now - begun == pytest.approx(0.5)

    def write() -> None:
        log.append(*encode_record(done(0)))
        log.append(*encode_record(done(1)))

    fake.clock.at(0.1, write)
    begun = fake.clock.now
    assert len(reader.wait_for_more(10).fragments) == 2, "and takes in what came with it"
    assert fake.clock.now - begun == pytest.approx(0.1)


def test_after_20_s_of_silence_it_is_found_that_something_does_not_come(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    reader.refresh()
    log.append(*encode_record(done(0)))
    # Something ails the client, and it does not say so.
    readers(fake)[-1].pause([ck.TopicPartition("ftransfer_t_manifest", 0)])
    begun = fake.clock.now
    while fake.clock.now - begun < 19:
        assert reader.wait_for_more(0.5).fragments == {}
    with pytest.raises(KafkaError, match="stopped sending"):
        reader.wait_for_more(1.0)
    assert fake.clock.now - begun >= 20
    assert len(reader.wait_for_more(0.5).fragments) == 1


def test_who_could_not_read_reads_on_with_a_fresh_client(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    reader.refresh()
    log.append(*encode_record(done(0)))
    fake.is_away = True
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="no Kafka answers"):
        reader.refresh()
    # A coordinator that reads writes no heartbeat meanwhile.
    assert fake.clock.now - begun < 30
    fake.is_away = False
    assert len(reader.refresh().fragments) == 1
    assert [client.is_closed for client in readers(fake)] == [True, False]


@pytest.mark.parametrize("method", ["refresh", "wait_for_more"])
def test_a_refusal_ends_one_attempt_and_not_the_reader(fake, cluster, log, method):
    """Brokers that start refuse passwords now and then, before they have read them."""
    reader = ManifestReader(cluster, "ftransfer_t")
    reader.refresh()
    fake.is_away = True
    fake.report(ck.KafkaError.SASL_AUTHENTICATION_FAILED)
    arguments = [1.0] if method == "wait_for_more" else []
    with pytest.raises(KafkaError, match="refuses us"):
        getattr(reader, method)(*arguments)
    fake.is_away = False
    log.append(*encode_record(done(0)))
    assert len(getattr(reader, method)(*arguments).fragments) == 1


def test_what_came_together_with_a_refusal_is_not_passed_over(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    log.append(*encode_record(done(0)))
    fake.report(ck.KafkaError.SASL_AUTHENTICATION_FAILED)
    reader.refresh()
    with pytest.raises(KafkaError, match="refuses us"):
        reader.wait_for_more(1.0)
    assert (reader.refresh().plan, len(reader.manifest.fragments)) == (plan_of(), 1)


def test_messages_that_are_there_and_do_not_come_are_told_after_10_s(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    readers(fake)[-1].pause([ck.TopicPartition("ftransfer_t_manifest", 0)])
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="stopped sending ftransfer_t_manifest"):
        reader.refresh()
    assert 10 <= fake.clock.now - begun < 12
    assert reader.refresh().plan == plan_of()


@pytest.mark.parametrize("code", [ck.KafkaError.NOT_LEADER_FOR_PARTITION, ck.KafkaError._TRANSPORT])
def test_a_leader_that_moves_is_waited_for(fake, cluster, log, code):
    reader = ManifestReader(cluster, "ftransfer_t")
    fake.fail("get_watermark_offsets", code, code)
    fake.fail("consume", code, code)
    assert reader.refresh().plan == plan_of()


def test_a_manifest_that_was_deleted_is_told(fake, cluster, log):
    reader = ManifestReader(cluster, "ftransfer_t")
    reader.refresh()
    del fake.topics["ftransfer_t_manifest"]
    for read in (reader.refresh, lambda: reader.wait_for_more(5)):
        with pytest.raises(KafkaError, match="no longer has the topic ftransfer_t_manifest"):
            read()


@pytest.mark.parametrize("key", [b"fragment", b"x", None, b""])
@pytest.mark.parametrize("value", [None, b"", b"not json", b"{}", b'{"type":"fragment"}', b"[" * 10_000, b"\xff"])
def test_a_record_that_cannot_be_read_is_passed_over(cluster, log, key, value):
    log.append(*encode_record(done(0)))
    log.append(key, value)
    reader = ManifestReader(cluster, "ftransfer_t")
    assert reader.refresh().passed_over.count == 1
    log.append(key, value)
    log.append(*encode_record(done(1)))
    for _ in range(2):
        reader.wait_for_more(0.1)
    assert list(reader.manifest.fragments) == [0, 1]
    assert reader.manifest.passed_over.count == 2


def test_a_record_under_a_foreign_key_is_none(cluster, log):
    log.append(b"state", encode_record(done(0))[1])
    manifest = ManifestReader(cluster, "ftransfer_t").refresh()
    assert (manifest.fragments, manifest.passed_over.count) == ({}, 1)
    assert "'state'" in manifest.passed_over.first


def test_a_reader_of_a_manifest_that_cannot_be_opened_leaves_no_client_open(fake, cluster, log):
    fake.fail("get_watermark_offsets", ck.KafkaError.UNKNOWN)
    with pytest.raises(KafkaError, match="no Kafka answers"):
        ManifestReader(cluster, "ftransfer_t")
    assert all(client.is_closed for client in readers(fake))


def test_heartbeats_of_a_coordinator_are_read_as_signs_of_life(fake, cluster, log):
    log.append(*encode_record(StateChange(job_id=JOB, state="running", time=2.0, coordinator="c")))
    log.append(*encode_record(Heartbeat(job_id=JOB, coordinator="c", time=time.time())))
    manifest = ManifestReader(cluster, "ftransfer_t").refresh()
    assert manifest.state_at(manifest.last_sign_at + 1) == "running"
