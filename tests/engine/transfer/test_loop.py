"""The coordinator's loop, in memory: each way that a job can go, without a broker and without a cluster."""

from types import SimpleNamespace

import pytest
from distributed.scheduler import KilledWorker

from consumer.wire import CancelRequest, Heartbeat, decode_record
from engine.errors import ArchiveError, JobError, KafkaError, UnreadableError
from engine.transfer.coordinator.loop import Coordinator
from engine.transfer.manifest_plan import fragments_of
from tests.engine.transfer.fake_cluster import FakeCluster, totals
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, TOPIC, done, says


def run(store: FakeStore, cluster: FakeCluster, sink=None) -> str:
    return Coordinator(store.manifest.plan, store, sink or there(), cluster).run()


def killed() -> KilledWorker:
    worker = SimpleNamespace(address="tcp://10.0.0.7:4000", nthreads=2, memory_limit=3_000_000_000)
    return KilledWorker("a task", worker, 3)


def test_a_job_sends_each_fragment_once_and_is_complete():
    store, cluster = planned([3, 0, 5] * 30), FakeCluster(choose=lambda n: n - 1)
    assert run(store, cluster) == "complete"
    assert sorted(cluster.sent) == [(number, [3, 0, 5][number % 3]) for number in range(90)]
    assert store.refresh().num_sent == 8 * 30
    assert store.states() == ["queued", "running", "complete"]
    assert [state for state, _ in store.log.announced] == ["running", "complete"]
    assert store.log.announced[-1] == ("complete", 8 * 30)
    assert cluster.cancelled == []
    assert len(cluster.released) == 90 + 1, "fragments, and the night: nothing that has ended is held on to"


def test_a_job_that_selects_nothing_is_empty():
    cluster = FakeCluster(selected={0: 0, 1: 0})
    store = planned([4, 4])
    assert run(store, cluster) == "empty"
    assert store.refresh().stated == "empty"


def test_windows_keep_the_cluster_busy_and_do_not_flood_it():
    cluster = FakeCluster(num_threads=20)
    run(planned([1] * 400), cluster)
    assert len(cluster.submitted[0]) == 40, "two for each thread, before anything is known of how long they take"
    assert cluster.most_in_flight <= 80
    assert [number for window in cluster.submitted for number in window] == list(range(400)), "the archive's order"


def test_a_night_is_counted_once_all_its_fragments_are_submitted():
    store, cluster = planned([2] * 50, per_night=10), FakeCluster()
    run(store, cluster)
    assert sorted(cluster.counted) == [(f"2021-11-0{day}", 20) for day in range(1, 6)]
    assert sorted(store.refresh().nights) == [night for night, _ in sorted(cluster.counted)]


def test_what_others_have_finished_is_not_done_again():
    first = fragments_of(planned([5] * 6, per_night=3).manifest)
    store = planned([5] * 6, *(done(fragment, num_selected=5, num_sent=5) for fragment in first[:4]), per_night=3)
    run(store, FakeCluster())  # counts the nights
    cluster = FakeCluster(limit=27)
    store.append(says("queued"))
    assert run(store, cluster) == "complete"
    assert cluster.sent == []
    store = planned([5] * 6, *(done(fragment, num_selected=5, num_sent=5) for fragment in first[:4]))
    assert run(store, cluster) == "complete"
    assert cluster.sent == [(4, 5), (5, 2)], "what was sent before counts for the limit"


@pytest.mark.parametrize("failure", [KafkaError("away"), ArchiveError("the store is away"), UnreadableError("a bit")])
def test_what_may_succeed_later_is_tried_three_times(failure):
    cluster = FakeCluster()
    cluster.failures["send", 1] = [failure, failure]
    store = planned([4] * 3)
    assert run(store, cluster) == "complete"
    assert sorted(cluster.sent) == [(0, 4), (1, 4), (2, 4)]
    cluster = FakeCluster()
    cluster.failures["send", 1] = [failure] * 3
    store = planned([4] * 3)
    assert run(store, cluster) == "failed"
    assert store.refresh().error["message"] == failure.message


def test_what_can_not_be_read_is_left_out_where_that_is_allowed():
    cluster = FakeCluster(skip_unreadable=True)
    cluster.failures["send", 1] = [UnreadableError("row group 0 of part-1 is damaged")] * 3
    store = planned([4] * 3)
    assert run(store, cluster) == "complete"
    (left_out,) = store.refresh().left_out
    assert (left_out.path, left_out.num_alerts) == (fragments_of(store.manifest)[1].file.path, 4)
    assert "part-1 is damaged" in left_out.reason
    assert store.manifest.num_sent == 8


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (killed(), ["fragment 1", "part-1", "4 times", "memory", "10.0.0.7:4000", "3.0 GB", "2 threads"]),
        (ZeroDivisionError("by zero"), ["fragment 1", "part-1", "ZeroDivisionError", "by zero"]),
        (JobError("stopped on the way"), ["stopped on the way"]),
    ],
    ids=["killed", "unknown", "ours"],
)
def test_what_would_fail_again_fails_the_job_at_once(failure, words):
    cluster = FakeCluster()
    cluster.failures["send", 1] = [failure]
    store = planned([4] * 3)
    assert run(store, cluster) == "failed"
    assert all(word in store.refresh().error["message"] for word in words)
    assert totals(cluster)[1] == 0
    assert [future.work.number for future in cluster.cancelled if not isinstance(future.work, str)] == [1, 2]


def test_a_night_that_can_not_be_counted_fails_the_job():
    cluster = FakeCluster(skip_unreadable=True)
    cluster.failures["count", "2021-11-01"] = [killed()]
    store = planned([4])
    assert run(store, cluster) == "failed"
    assert "2021-11-01" in store.refresh().error["message"]
    assert "6 GB" in store.manifest.error["next"], "twice of what did not suffice"
    assert store.manifest.error["next"].endswith(f"resume {TOPIC}")


def test_a_result_that_is_lost_with_its_worker_is_waited_for():
    cluster = FakeCluster()
    cluster.failures["send", 0] = ["lost"]
    cluster.failures["send", 2] = ["lost"]
    store = planned([4] * 3)
    assert run(store, cluster) == "complete"
    assert store.refresh().num_sent == 12


def test_a_coordinator_whose_cluster_is_lost_says_nothing():
    cluster = FakeCluster()
    cluster.failures["send", 1] = ["cancelled"]

    def lose() -> None:
        cluster.is_connected = False

    cluster.before_each = lose
    store = planned([4] * 3)
    assert run(store, cluster) == "interrupted"
    assert store.states() == ["queued", "running"]


def write_midway(cluster: FakeCluster, store: FakeStore, record) -> None:
    """Have a record written by somebody else when ten fragments are sent; what is in flight then takes for ever."""

    def look() -> None:
        if len(cluster.sent) == 10 and not cluster.is_busy:
            cluster.is_busy = True
            FakeStore(store.log).append(record)

    cluster.before_each = look


def test_a_cancelled_job_stops_and_what_is_in_flight_is_stopped_too():
    store, cluster = planned([4] * 200), FakeCluster()
    write_midway(cluster, store, CancelRequest(job_id=JOB, time=1.0))
    assert run(store, cluster) == "cancelled"
    assert store.states()[-1] == "cancelled"
    assert store.refresh().num_sent == 40, "what was sent is told"
    assert {future.work.number for future in cluster.cancelled} == set(range(10, 42))


def test_a_job_that_was_cancelled_while_it_waited_sends_nothing():
    store, cluster = planned([4] * 3, CancelRequest(job_id=JOB, time=1.0)), FakeCluster()
    assert run(store, cluster) == "cancelled"
    assert cluster.submitted == []


def test_a_coordinator_that_another_one_replaced_stops_without_a_word():
    store, cluster = planned([4] * 200), FakeCluster()
    write_midway(cluster, store, says("running", "another"))
    assert run(store, cluster) == "replaced"
    assert store.states() == ["queued", "running", "running"]
    assert store.refresh().coordinator == "another"
    assert cluster.cancelled, "its tasks are not needed: the other one has its own"


def test_of_two_coordinators_that_begin_at_once_the_later_one_goes_on():
    store, cluster = planned([4]), FakeCluster()
    first = Coordinator(store.manifest.plan, store, there(), cluster)
    announce = store.announce

    def late(*of) -> None:
        FakeStore(store.log).append(says("running", "later"))
        store.announce = announce
        announce(*of)

    store.announce = late
    assert first.run() == "replaced"
    assert store.states()[-1] == "running", "a coordinator replaced at its last step writes no final state"


def test_an_outage_of_the_manifest_is_waited_for():
    store, cluster = planned([4] * 3), FakeCluster()
    away = []

    def go_away() -> None:
        if not away:
            away.append(True)
            store.log.outages = 1

    cluster.before_each = go_away
    assert run(store, cluster) == "complete"
    assert store.refresh().num_sent == 12
    assert sorted(cluster.sent) == [(0, 4), (1, 4), (2, 4)]


def test_a_job_whose_manifest_is_deleted_ends_with_an_error():
    store, cluster = planned([4] * 3), FakeCluster()
    append = store.append

    def gone(*records) -> None:
        if any(not isinstance(record, Heartbeat) for record in records):
            store.log.is_there = False
            raise KafkaError("unknown topic")
        append(*records)

    store.append = gone
    with pytest.raises(JobError, match=f"{TOPIC}_manifest was deleted"):
        run(store, cluster)


def test_a_job_whose_data_are_deleted_fails_in_plain_words():
    store, sink, cluster = planned([4] * 3), there(), FakeCluster()
    cluster.failures["send", 1] = [KafkaError("unknown topic")]
    sink.is_there = False
    assert run(store, cluster, sink) == "failed"
    assert f"{TOPIC} was deleted" in store.refresh().error["message"]
    assert "submit" in store.manifest.error["next"]


def test_a_job_is_not_complete_while_the_sink_holds_less_than_it_acknowledged():
    first = fragments_of(planned([5] * 3).manifest)[0]
    store, sink = planned([5] * 3, done(first, num_selected=5, num_sent=5)), there()
    sink.num_held = 10
    assert run(store, FakeCluster(), sink) == "failed"
    assert "5 alerts are not there" in store.refresh().error["message"]
    sink.num_held = 15
    store.append(says("queued"))
    assert run(store, FakeCluster(), sink) == "complete"


def test_what_the_sink_holds_is_told_by_the_sink_that_the_plan_describes():
    sink, described = there(), there()
    sink.take_up, described.num_held = lambda plan: described, 5
    store = planned([4, 4])
    assert run(store, FakeCluster(), sink) == "failed"
    assert "3 alerts" in store.refresh().error["message"]


def test_coordinators_that_die_again_and_again_fail_the_job_unless_something_was_finished():
    deaths = [says("running", f"dead {number}", time=100.0 + number) for number in range(4)]
    store, cluster = planned([4] * 3, *deaths), FakeCluster()
    assert run(store, cluster) == "failed"
    assert "4 times" in store.refresh().error["message"]
    assert cluster.submitted == []
    store.append(says("queued"))
    assert run(store, FakeCluster()) == "complete", "queued again, it counts from zero"
    first = fragments_of(store.manifest)[0]
    store = planned([4] * 3, *deaths, done(first, num_selected=4, num_sent=4, time=102.5))
    assert run(store, cluster) == "complete"


def test_a_plan_that_this_version_can_not_go_on_with_fails_the_job():
    store = planned([4])
    assert run(store, FakeCluster(refuses=JobError("planned by version 0.0.1"))) == "failed"
    assert "0.0.1" in store.refresh().error["message"]


def test_an_error_that_nobody_thought_of_fails_the_job_rather_than_silence_it():
    store = planned([4])
    assert run(store, FakeCluster(refuses=RuntimeError("odd"))) == "failed"
    assert store.refresh().error["message"] == "RuntimeError: odd"


def test_records_of_fragments_are_written_before_the_final_state():
    store = planned([4] * 40)
    run(store, FakeCluster())
    kinds = [record.type for record in map(decode_record, store.log.values) if record.type != "beat"]
    assert kinds.index("fragment") < len(kinds) - 1
    assert kinds[-1] == "state"
    assert kinds.count("fragment") == 40
