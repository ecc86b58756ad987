"""The flow: tasks of about a second, a few seconds in flight, and one task of each large job with the common rank."""

import itertools
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from engine.transfer.coordinator.flow import Flow
from engine.transfer.coordinator.in_flight import InFlight
from engine.transfer.coordinator.nights import Nights
from engine.transfer.coordinator.sizing import Sizing
from engine.transfer.coordinator.window import Backlog
from engine.transfer.manifest_plan import fragments_of
from tests.engine.transfer.fake_cluster import FakeCluster
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import JOB, done


class Simulated:
    """A job on a cluster whose fragments take as long as they are said to."""

    def __init__(self, sizes, seconds, threads=2, **window):
        fragments = fragments_of(planned(sizes).manifest)
        self.backlog = Backlog(fragments, finished=(), counted=(), num_threads=threads, **window)
        self.flow, self.threads, self.seconds = Flow(self.backlog), threads, seconds
        self.in_flight, self.ended = [], []

    def submit(self):
        loads = self.flow.next_loads(self.threads)
        self.in_flight += loads
        return loads

    def end_first(self):
        load = self.in_flight.pop(0)
        self.flow.ended(load)
        for fragment in load.fragments:
            record = done(fragment, num_selected=1, num_sent=1)
            self.flow.learn(replace(record, seconds=self.seconds(fragment)))
        self.ended.append(load)

    def run(self):
        self.submit()
        while self.in_flight:
            self.end_first()
            self.submit()
        return [[fragment.number for fragment in load.fragments] for load in self.ended]

    def in_flight_s(self):
        return sum(self.seconds(fragment) for load in self.in_flight for fragment in load.fragments)


def test_the_first_tasks_have_one_fragment_each_and_then_they_grow_to_a_second():
    job = Simulated([5_000] * 3_000, lambda fragment: 0.01)
    first = job.submit()
    assert [len(load.fragments) for load in first] == [1, 1, 1, 1], "two for each thread"
    sizes = list(map(len, job.run()))
    assert sizes[:4] == [1, 1, 1, 1]
    assert all(later <= 4 * max(sizes[:at]) for at, later in enumerate(sizes) if at), "four times as large at most"
    assert max(sizes) == pytest.approx(100, abs=1), "a second's worth"
    assert len(sizes) < 60
    assert sizes[-1] < 10, "towards the end they get shorter"


def test_where_one_thread_runs_them_tasks_do_not_get_shorter_towards_the_end():
    sizes = {threads: list(map(len, Simulated([10_000] * 25, lambda _: 0.07, threads).run())) for threads in (1, 2)}
    assert len(sizes[1]) <= len(sizes[2]) / 2
    assert sizes[1] == sorted(sizes[1])


def test_what_is_in_flight_lasts_a_few_seconds():
    job = Simulated([5_000] * 3_000, lambda fragment: 0.01)
    job.submit()
    while job.in_flight:
        job.end_first()
        job.submit()
        assert job.in_flight_s() <= 2 * 3.0 + 1.0 + 1.0, "and a task that has the turn"
    for seconds, most in ((2.0, 4), (20.0, 4)):
        slow = Simulated([5_000] * 60, lambda fragment, seconds=seconds: seconds)
        slow.submit()
        for _ in range(10):
            slow.end_first()
            slow.submit()
            assert len(slow.in_flight) <= most
            assert len(slow.in_flight) > slow.threads, "one waits, so that no thread does"


def test_the_settings_bound_the_tasks_in_flight():
    job = Simulated([5_000] * 400, lambda fragment: 0.9, threads=20, min_fragments=5, fragments_per_thread=1)
    job.submit()
    for _ in range(30):
        job.end_first()
        job.submit()
        assert len(job.in_flight) <= 20


def test_it_follows_the_threads_as_workers_come_and_go():
    job = Simulated([5_000] * 400, lambda fragment: 1.0)
    job.submit()
    job.end_first()
    job.submit()
    few = len(job.in_flight)
    job.threads = 10
    job.submit()
    assert len(job.in_flight) == 5 * few
    job.threads = 1
    for _ in range(60):
        job.end_first()
        job.submit()
    assert len(job.in_flight) <= few


def test_large_fragments_go_alone_and_small_ones_together():
    job = Simulated([10, 10, 10, 10, *[100_000, 10, 10] * 20], lambda fragment: 0.001 + fragment.num_alerts * 1e-5)
    loads = job.run()
    large = set(range(4, 64, 3))
    assert all(len(large & set(load)) <= 1 for load in loads)
    assert [5, 6] in loads


@given(
    st.lists(st.integers(0, 200_000), min_size=1, max_size=200),
    st.integers(0, 9),
    st.floats(0, 3),
    st.floats(0, 1e-3),
)
def test_each_fragment_is_sent_once_and_in_order(sizes, threads, fixed, each):
    job = Simulated(sizes, lambda fragment: fixed + each * fragment.num_alerts, threads)
    assert [number for load in job.run() for number in load] == list(range(len(sizes)))


def test_one_task_of_a_large_job_has_the_common_rank_and_all_tasks_of_a_small_one():
    job = Simulated([5_000] * 300, lambda fragment: 2.0)
    job.submit()
    for _ in range(200):
        assert sum(not load.is_extra for load in job.in_flight) == 1, "it always has its turn, and one at a time"
        job.end_first()
        job.submit()
    small = Simulated([5_000] * 3, lambda fragment: 1.0)
    assert [load.is_extra for load in small.submit()] == [False] * 3


def test_a_stream_of_small_jobs_does_not_stop_a_large_one():
    # As the cluster has it: those of the common rank first, and of one rank the one that was submitted first.
    large, order, whose = Simulated([5_000] * 40, lambda fragment: 2.0), itertools.count(), []
    queue = [(load.is_extra, next(order), load) for load in large.submit()]
    for _ in range(100):
        while sum(load is None for _, _, load in queue) < 3:
            queue.append((False, next(order), None))
        queue.sort(key=lambda one: one[:2])
        load = queue.pop(0)[2]
        whose.append("small" if load is None else "large")
        if load is not None:
            large.in_flight.sort(key=lambda one: one is not load)
            large.end_first()
            queue += [(load.is_extra, next(order), load) for load in large.submit()]
    assert 20 <= whose.count("large") <= 30, "a turn in four"


def test_seconds_are_a_line_through_what_was_sent():
    fragments, sizing = fragments_of(planned([100, 200, 300, 400]).manifest), Sizing()
    assert not sizing.is_known
    for fragment in fragments[:3]:
        sizing.learn(replace(done(fragment, num_selected=0, num_sent=0), seconds=0.5 + fragment.num_alerts / 100))
    assert sizing.seconds(1, 400) == pytest.approx(4.5)
    assert sizing.seconds(10, 400) == pytest.approx(9.0), "what each fragment takes is counted for each"
    unreadable = replace(done(fragments[3], num_selected=0, num_sent=0), seconds=None, unreadable="damaged")
    sizing.learn(unreadable)
    assert sizing.seconds(1, 400) == pytest.approx(4.5)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e3)), min_size=1, max_size=20))
def test_no_estimate_is_negative_or_falls_with_the_alerts(sent):
    fragments, sizing = fragments_of(planned([alerts for alerts, _ in sent]).manifest), Sizing()
    for fragment, (_, seconds) in zip(fragments, sent, strict=True):
        sizing.learn(replace(done(fragment, num_selected=0, num_sent=0), seconds=seconds))
    assert -1e-6 <= sizing.seconds(1, 0) <= sizing.seconds(1, 10**6) + 1e-6
    assert sizing.seconds(1, 10**6) <= sizing.seconds(2, 2 * 10**6) + 1e-6


def test_what_other_jobs_would_pass_for_ever_is_submitted_anew_with_the_turn():
    now, cluster = [0.0], FakeCluster()
    backlog = Backlog(fragments_of(planned([100] * 8).manifest), finished=(), counted=("2021-11-01",), num_threads=4)
    flow = Flow(backlog, clock=lambda: now[0])
    in_flight = InFlight(cluster, None, flow, Nights(JOB, (), finished=(), counted=()), lambda: None)
    in_flight.send(flow.next_loads(4))
    assert not backlog
    assert [load.is_extra for load in cluster.loads] == [False, *[True] * 7]
    finished = []
    turn, *extras = cluster.pending
    turn.end()
    now[0] = 5.0
    in_flight.take_in([turn], finished)
    assert len(finished) == 1
    cluster.loads.clear()
    now[0] = 16.0
    in_flight.take_in([], finished)
    assert cluster.loads == [], "they may run"
    now[0] = 17.5
    in_flight.take_in([], finished)
    assert [(load.fragments[0].number, load.is_extra) for load in cluster.loads] == [(7, False)]
    assert cluster.cancelled == [extras[-1]], "the last: those before it may run"
    now[0] = 100.0
    in_flight.take_in([], finished)
    assert len(cluster.loads) == 1, "one has the turn now"
    assert sorted(work.number for work in in_flight.works) == list(range(1, 8))
