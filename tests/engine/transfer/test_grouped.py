"""Tasks of several fragments: each is recorded, fails, is tried again and is left out by itself."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from consumer.wire import CancelRequest, FragmentDone, decode_record
from engine.errors import KafkaError, UnreadableError
from engine.transfer.coordinator.nights import Nights
from engine.transfer.manifest_plan import fragments_of
from tests.engine.transfer.fake_cluster import FakeCluster, totals
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, done, says
from tests.engine.transfer.test_loop import killed, run

FAST = 0.01


def grouped(**more) -> FakeCluster:
    return FakeCluster(seconds=lambda fragment: FAST, **more)


def sizes(cluster: FakeCluster) -> list[int]:
    return [len(load.fragments) for load in cluster.loads]


def with_number(cluster: FakeCluster, number: int) -> list[int]:
    """Return the sizes of the tasks that sent a fragment, one after another."""
    return [len(load.fragments) for load in cluster.loads if number in [f.number for f in load.fragments]]


def test_small_fragments_share_tasks_and_records_are_theirs():
    store, cluster = planned([4] * 1_000), grouped()
    assert run(store, cluster) == "complete"
    assert totals(cluster) == dict.fromkeys(range(1_000), 1)
    assert len(store.refresh().fragments) == 1_000
    assert len(sizes(cluster)) < 60
    assert len(cluster.released) == len(sizes(cluster)) + 1, "and the night"
    assert sum(decode_record(value).type == "fragment" for value in store.log.values) == 1_000


def test_the_records_of_a_task_are_written_at_once():
    store, cluster = planned([4] * 1_000), grouped()
    written, append = [], store.append

    def counted(*records) -> None:
        written.append(sum(isinstance(record, FragmentDone) for record in records))
        append(*records)

    store.append = counted
    assert run(store, cluster) == "complete"
    assert sum(written) == 1_000
    assert len([count for count in written if count]) <= len(cluster.loads), "Kafka is waited for once a task"


@pytest.mark.parametrize("failure", [KafkaError("away"), UnreadableError("a bit")])
def test_what_fails_in_a_task_is_sent_again_alone_and_its_neighbours_are_not(failure):
    store, cluster = planned([4] * 500), grouped()
    cluster.failures["send", 400] = [failure, failure]
    assert run(store, cluster) == "complete"
    assert set(totals(cluster).values()) == {1}
    first, *again = with_number(cluster, 400)
    assert first > 1
    assert again == [1, 1]


def test_what_can_not_be_read_is_left_out_alone():
    store, cluster = planned([4] * 500), grouped(skip_unreadable=True)
    cluster.failures["send", 400] = [UnreadableError("damaged")] * 3
    assert run(store, cluster) == "complete"
    assert [number for number, record in store.refresh().fragments.items() if record.unreadable] == [400]
    assert store.manifest.num_sent == 4 * 499


def test_what_was_sent_beside_a_failure_that_ends_the_job_is_told():
    store, cluster = planned([4] * 500), grouped()
    cluster.failures["send", 400] = [ZeroDivisionError("by zero")]
    assert run(store, cluster) == "failed"
    assert "fragment 400" in store.refresh().error["message"]
    assert {number for number, _ in cluster.sent} == set(store.manifest.fragments)
    assert 399 in store.manifest.fragments


def test_fragments_of_a_task_that_ended_its_worker_go_alone():
    store, cluster = planned([4] * 500), grouped()
    cluster.failures["send", 400] = [killed()]
    assert run(store, cluster) == "complete"
    assert with_number(cluster, 400)[1:] == [1]
    assert with_number(cluster, 401)[1:] in ([], [1])
    store, cluster = planned([4] * 500), grouped()
    cluster.failures["send", 400] = [killed(), killed()]
    assert run(store, cluster) == "failed"
    assert "fragment 400" in store.refresh().error["message"], "now it is known which one it was"
    assert "4 times" in store.manifest.error["message"]


def test_fragments_of_a_task_whose_worker_died_go_alone_at_once():
    store, cluster = planned([4] * 500), grouped()
    parted = []

    def look() -> None:
        large = [future for future in cluster.pending if len(future.works) > 10]
        if large and not parted:
            parted.append(large[0])
            cluster.dead.append(large[0])

    cluster.before_each = look
    assert run(store, cluster) == "complete"
    assert parted[0] in cluster.cancelled
    numbers = [fragment.number for fragment in parted[0].works]
    assert all(with_number(cluster, number)[-1] == 1 for number in numbers)
    assert set(totals(cluster)) == set(range(500))
    assert len(store.refresh().fragments) == 500
    assert [line.event for line in store.manifest.log.lines].count("parted") == 1


def test_a_group_that_is_lost_with_its_worker_is_waited_for():
    store, cluster = planned([4] * 500), grouped()
    cluster.failures["send", 400] = ["lost"]
    assert run(store, cluster) == "complete"
    assert store.refresh().num_sent == 2_000


def test_a_cancelled_job_stops_groups_too():
    store, cluster = planned([4] * 5_000), grouped()

    def look() -> None:
        if len(cluster.sent) > 100 and not cluster.is_busy:
            cluster.is_busy = True
            FakeStore(store.log).append(CancelRequest(job_id=JOB, time=1.0))

    cluster.before_each = look
    assert run(store, cluster) == "cancelled"
    assert any(len(future.works) > 1 for future in cluster.cancelled)
    assert set(store.refresh().fragments) == {number for number, _ in cluster.sent}


@given(st.data(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_each_fragment_is_finished_once_whatever_fails(data, chance):
    number = st.integers(0, 199)
    failures = data.draw(st.dictionaries(number, st.lists(st.sampled_from([KafkaError("away"), "lost"]), max_size=2)))
    store, cluster = planned([3] * 200, per_night=50), grouped(choose=lambda n: chance.randrange(n))
    cluster.identifiers = lambda fragment: np.arange(3)
    for fragment, planned_failures in failures.items():
        cluster.failures["send", fragment] = list(planned_failures)
    assert run(store, cluster) == "complete"
    assert store.refresh().num_sent == 600
    assert len(store.manifest.nights) == 4


def test_nights_are_counted_by_what_comes_with_the_fragments():
    store, cluster = planned([3] * 60, per_night=20), grouped()
    cluster.identifiers = lambda fragment: np.array([1, 2, fragment.number])
    assert run(store, cluster) == "complete"
    assert cluster.counted == [], "no task reads them once more"
    assert {night: (one.num_alerts, one.num_duplicates) for night, one in store.refresh().nights.items()} == {
        "2021-11-01": (60, 2 * 19 + 2),
        "2021-11-02": (60, 2 * 19),
        "2021-11-03": (60, 2 * 19),
    }


def test_nights_whose_identifiers_are_not_all_there_are_counted_by_tasks():
    store, cluster = planned([3] * 60, per_night=20), grouped()
    cluster.identifiers = lambda fragment: None if fragment.number == 25 else np.arange(3)
    assert run(store, cluster) == "complete"
    assert cluster.counted == [("2021-11-02", 60)]
    first = fragments_of(store.manifest)[0]
    store = planned([3] * 60, done(first, num_selected=3, num_sent=3), per_night=20)
    cluster = grouped(identifiers=lambda fragment: np.arange(3))
    assert run(store, cluster) == "complete"
    assert cluster.counted == [("2021-11-01", 60)], "another coordinator has begun it"
    assert len(store.refresh().nights) == 3


def test_a_night_of_too_many_alerts_is_counted_by_a_task():
    fragments = fragments_of(planned([10] * 6, per_night=3).manifest)
    nights = Nights(JOB, fragments, finished=(), counted=(), most_alerts=29)
    assert not nights.gathered
    assert not nights.wants(fragments)
    nights = Nights(JOB, fragments, finished=(), counted={"2021-11-01"}, most_alerts=30)
    assert nights.gathered == {"2021-11-02"}
    assert [nights.wants([fragment]) for fragment in fragments] == [False] * 3 + [True] * 3


def test_a_job_of_few_alerts_sends_its_first_fragment_before_any_task():
    store, cluster = planned([100] * 50), FakeCluster(limit=10, has_thread=True, selected=dict.fromkeys(range(50), 20))
    assert run(store, cluster) == "complete"
    assert cluster.here == [0]
    assert cluster.sent == [(0, 10)]
    assert (cluster.submitted, cluster.num_counted, cluster.counted) == ([], 0, []), "nothing waits for a worker"
    store, cluster = planned([100] * 50), FakeCluster(limit=10, has_thread=True, selected=dict.fromkeys(range(50), 4))
    assert run(store, cluster) == "complete"
    assert cluster.sent == [(0, 4), (1, 4), (2, 2)]
    assert not cluster.has_thread, "it was left to others before anything was waited for"


def test_one_that_begins_again_sends_nothing_in_its_own_thread():
    first = fragments_of(planned([100] * 5).manifest)[0]
    records = [says("running", "dead"), done(first, num_selected=4, num_sent=4)]
    store, cluster = planned([100] * 5, *records), FakeCluster(limit=10, has_thread=True)
    assert run(store, cluster) == "complete"
    assert cluster.here == []
    assert not cluster.has_thread


def test_no_count_of_a_night_delays_the_end_of_a_job_whose_limit_is_reached():
    store, cluster = planned([10]), FakeCluster(limit=10)
    assert run(store, cluster) == "complete"
    assert cluster.counted == []
