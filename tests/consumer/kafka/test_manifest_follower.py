"""Following a manifest, and when a job reads as interrupted."""

import uuid

import confluent_kafka as ck
import pytest

from consumer.errors import InputError, KafkaError
from consumer.kafka import ManifestFollower
from consumer.wire import FragmentDone, Heartbeat, Plan, PlanPart, StateChange, encode_record, manifest_topic

TOPIC = "ftransfer_x"
# Where a job's clock may stand, as seen from ours.
CLOCKS = [-3600.0, -20.0, 0.0, 3600.0]


class Writer:
    """Writes a job's manifest, by a clock that may be wrong."""

    def __init__(self, fake, *, clock_s: float = 0.0):
        self.fake, self.clock_s, self.job_id = fake, clock_s, uuid.uuid4().hex
        (self.log,) = fake.create(manifest_topic(TOPIC))

    @property
    def now(self) -> float:
        return self.fake.clock.now + self.clock_s

    def write(self, *records) -> None:
        for record in records:
            self.log.append(*encode_record(record))

    def plan(self, num_parts: int = 0, num_fragments: int = 0) -> None:
        self.write(
            Plan(
                job_id=self.job_id,
                topic=TOPIC,
                engine_version="0",
                created_at=self.now,
                request={},
                num_partitions=1,
                num_files=1,
                num_fragments=num_fragments,
                num_parts=num_parts,
                num_alerts=None,
                schema={},
                time_field="jd",
                id_field="candid",
            )
        )

    def part(self, index: int, num_fragments: int = 0) -> None:
        files = [{"index": index, "path": "x", "size": 1, "etag": None, "night": "2021-11-22"}]
        planned = [{"fragment": n, "file": 0, "row_groups": [n], "num_alerts": 1} for n in range(num_fragments)]
        files = files if num_fragments else []
        self.write(PlanPart(job_id=self.job_id, index=index, files=files, fragments=planned))

    def state(self, state: str) -> None:
        self.write(StateChange(job_id=self.job_id, state=state, time=self.now, coordinator="c"))

    def beat(self) -> None:
        self.write(Heartbeat(job_id=self.job_id, coordinator="c", time=self.now))

    def done(self, fragment: int) -> None:
        counts = {"num_alerts": 1, "num_selected": 1, "num_sent": 1, "nbytes": 1, "partitions": {0: 1}}
        self.write(FragmentDone(job_id=self.job_id, fragment=fragment, digest="0", time=self.now, **counts))


def states_of(follower: ManifestFollower, fake, seconds: float) -> list[tuple[float, str]]:
    """Return, each second, how long was listened and how the job reads then."""
    begun, found = fake.clock.now, []
    while fake.clock.now < begun + seconds:
        follower.refresh(1.0)
        found.append((fake.clock.now - begun, follower.state()))
    return found


@pytest.fixture(params=CLOCKS)
def writer(request, fake) -> Writer:
    writer = Writer(fake, clock_s=request.param)
    writer.plan()
    writer.state("running")
    return writer


def test_a_job_that_writes_heartbeats_runs_whatever_its_clock_says(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    for number in range(1, 20):
        fake.clock.at(number * 5.0, writer.beat)
    assert {state for _, state in states_of(follower, fake, 95)} == {"running"}


def test_a_job_that_falls_silent_is_interrupted_after_two_heartbeats_or_the_full_time(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    found = states_of(follower, fake, 60)
    interrupted = [at for at, state in found if state == "interrupted"]
    # By the clocks alone where they say that it fell silent long ago, but never before two heartbeats were missed.
    earliest = max(11.0, 30.0 + min(0.0, writer.clock_s))
    assert earliest <= interrupted[0] <= earliest + 2
    assert {state for at, state in found if at < interrupted[0]} == {"running"}
    assert {state for at, state in found if at >= interrupted[0]} == {"interrupted"}


def test_a_job_is_not_interrupted_while_kafka_is_away_nor_just_after(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    follower.refresh()
    fake.is_away = True
    fake.clock.at(100, lambda: setattr(fake, "is_away", False))
    # It asks Kafka for as long as that may take; the time is counted anew once Kafka answers.
    found = [state for at, state in states_of(follower, fake, 100)]
    assert set(found) == {"running"}
    assert not fake.is_away
    assert {state for at, state in states_of(follower, fake, 10)} == {"running"}
    assert states_of(follower, fake, 65)[-1][1] == "interrupted"


def test_a_job_is_not_interrupted_while_records_are_unread(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    follower.refresh()
    writer.beat()
    fake.clock.sleep(100)
    assert follower.state() == "running"
    follower.refresh()
    assert follower.state() == "running"


@pytest.mark.parametrize("state", ["complete", "empty", "failed", "cancelled"])
def test_a_job_that_ended_stays_ended(fake, cluster, writer, state):
    writer.state(state)
    follower = ManifestFollower(cluster, TOPIC)
    follower.refresh()
    fake.clock.sleep(1000)
    assert follower.state() == state


def test_the_first_look_takes_in_all_that_is_there_and_later_ones_what_came_since(fake, cluster):
    writer = Writer(fake)
    writer.plan(num_parts=1, num_fragments=2501)
    writer.part(0, num_fragments=2501)
    for number in range(2500):
        writer.done(number)
    follower = ManifestFollower(cluster, TOPIC)
    assert len(follower.refresh().fragments) == 2500
    assert len(follower.take_lines()) == 2502
    writer.beat()
    writer.done(2500)
    fake.left_out = {(manifest_topic(TOPIC), 0, 2503)}
    follower.refresh(0.2)
    assert len(follower.refresh(0.2).fragments) == 2501
    assert [b'"fragment":2500' in line.replace(b" ", b"") for line in follower.take_lines()] == [True]
    assert follower.take_lines() == []


def test_a_plan_that_is_being_written_is_waited_for(fake, cluster):
    writer = Writer(fake)
    writer.plan(num_parts=2)
    follower = ManifestFollower(cluster, TOPIC)
    fake.clock.at(3, lambda: writer.part(0))
    fake.clock.at(6, lambda: writer.part(1))
    begun = fake.clock.now
    assert follower.wait_for_plan(30).is_planned
    assert fake.clock.now - begun < 7


def test_a_plan_that_is_never_complete_is_told_and_where_its_records_expired_that(fake, cluster):
    writer = Writer(fake)
    writer.plan(num_parts=2)
    writer.part(0)
    with pytest.raises(KafkaError, match="no complete plan, 30 s") as caught:
        ManifestFollower(cluster, TOPIC).wait_for_plan(30)
    assert caught.value.next_step.endswith(f"engine.job({TOPIC!r}).status()")
    writer.part(1)
    writer.log.expire(1)
    with pytest.raises(KafkaError, match="expired"):
        ManifestFollower(cluster, TOPIC).wait_for_plan(1)


def test_a_job_that_failed_before_its_plan_was_complete_is_not_waited_for(fake, cluster):
    writer = Writer(fake)
    writer.plan(num_parts=2)
    writer.state("running")
    writer.state("failed")
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="no complete plan"):
        ManifestFollower(cluster, TOPIC).wait_for_plan(30)
    assert fake.clock.now - begun < 2


def test_a_kafka_that_stops_sending_before_the_first_look_is_done_is_told_after_20_s(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    fake.is_away = True
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="stopped sending"):
        follower.refresh()
    assert 20 <= fake.clock.now - begun < 21


def test_a_manifest_that_is_deleted_is_told(fake, cluster, writer):
    follower = ManifestFollower(cluster, TOPIC)
    follower.refresh()
    del fake.topics[manifest_topic(TOPIC)]
    with pytest.raises(KafkaError, match=f"no longer has the topic {TOPIC}_manifest"):
        states_of(follower, fake, 60)


def test_a_topic_that_is_no_job_is_wrong_input_and_leaves_no_client_open(fake, cluster):
    fake.create("ftransfer_almost")
    fake.create(manifest_topic("ftransfer_almost"))
    fake.create("other")
    with pytest.raises(InputError, match="did you mean 'ftransfer_almost'"):
        ManifestFollower(cluster, "ftransfer_almos")
    with pytest.raises(InputError, match="'other' has no manifest"):
        ManifestFollower(cluster, "other")
    fake.fail("get_watermark_offsets", ck.KafkaError.UNKNOWN)
    with pytest.raises(KafkaError, match="no Kafka answers"):
        ManifestFollower(cluster, "ftransfer_almost")
    assert [client.is_closed for client in fake.clients] == [True] * 3
