"""A limit: exactly the first so many selected alerts in the archive's order, whatever ends first and whatever fails."""

import time
from collections import Counter, defaultdict

import hypothesis.strategies as st
from hypothesis import given, settings

from consumer.wire import Heartbeat
from engine.errors import UnreadableError
from engine.transfer.coordinator.limit import count_selected, share_out
from engine.transfer.coordinator.loop import Coordinator
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.submitted_job import JobStatus
from tests.engine.transfer.fake_cluster import FakeCluster
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import JOB, says

BAD = UnreadableError("damaged")
FOR_EVER = 100


def first_selected(selected: dict[int, int], left_out: set[int], limit: int | None) -> dict[int, int]:
    """Return how many alerts of each fragment are among the first `limit`; the others are left out of it."""
    left, expected = sum(selected.values()) if limit is None else limit, {}
    for number, count in sorted(selected.items()):
        if number not in left_out and (take := min(count, left)):
            expected[number] = take
            left -= take
    return expected


@st.composite
def archives(draw):
    """Draw sizes of fragments, how many alerts of each are selected, which fragments are unreadable, and a limit."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=90))
    is_filtered = draw(st.booleans())
    selected = {number: draw(st.integers(0, size)) if is_filtered else size for number, size in enumerate(sizes)}
    numbers = st.sampled_from(range(len(sizes)))
    kinds = st.sampled_from(["filter", "send"] if is_filtered else ["send"])
    # How often each can't be read: twice is tried once more, and whatever waits behind another is tried anew.
    bad = draw(st.dictionaries(numbers, st.tuples(kinds, st.sampled_from([1, 2, FOR_EVER])), max_size=5))
    # Most limits cut somewhere: that is where an error would be.
    limit = draw(st.integers(1, sum(selected.values()) + 3) | st.none())
    return sizes, selected, is_filtered, bad, limit


def cluster_of(archive, chance, **more) -> FakeCluster:
    _, selected, is_filtered, bad, limit = archive
    failures = defaultdict(list, {(kind, number): [BAD] * times for number, (kind, times) in bad.items()})
    return FakeCluster(
        selected=selected if is_filtered else None,
        limit=limit,
        choose=lambda n: chance.randrange(n),
        failures=failures,
        **more,
    )


def held(*clusters: FakeCluster) -> dict[int, int]:
    """Return how many alerts of each fragment a topic holds, those that were sent again dropped."""
    found: Counter[int] = Counter()
    for cluster in clusters:
        for number, count in cluster.sent:
            found[number] = max(found[number], count)
    return {number: count for number, count in found.items() if count}


@given(archives(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_first_selected_alerts_are_sent_each_fragment_once(archive, chance):
    sizes, selected, _, bad, limit = archive
    cluster = cluster_of(archive, chance, skip_unreadable=True)
    store = planned(sizes, per_night=20)
    left_out = {number for number, (_, times) in bad.items() if times == FOR_EVER}
    expected = first_selected(selected, left_out, limit)
    assert Coordinator(store.manifest.plan, store, there(), cluster).run() == ("complete" if expected else "empty")
    assert held(cluster) == expected
    assert set(Counter(number for number, _ in cluster.sent).values()) <= {1}
    assert store.refresh().num_sent == sum(expected.values())
    assert {number for number, done in store.manifest.fragments.items() if done.unreadable} <= left_out


@given(archives(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_job_that_failed_sends_the_same_alerts_once_its_files_are_mended(archive, chance):
    sizes, selected, is_filtered, bad, limit = archive
    cluster = cluster_of(archive, chance)
    store = planned(sizes, per_night=20)
    state = Coordinator(store.manifest.plan, store, there(), cluster).run()
    expected = first_selected(selected, set(), limit)
    mended = cluster_of((sizes, selected, is_filtered, {}, limit), chance)
    if state == "failed":
        assert any(times == FOR_EVER for _, times in bad.values())
        state = Coordinator(store.manifest.plan, store, there(), mended).run()
    assert state == ("complete" if expected else "empty")
    assert held(cluster, mended) == expected
    assert store.refresh().num_sent == sum(expected.values())


@given(st.lists(st.integers(0, 10), min_size=1, max_size=30), st.integers(1, 100), st.booleans())
def test_a_limit_is_shared_out_in_order_and_nothing_beyond_it(counts, left, skip_unreadable):
    quotas = share_out(counts, left, skip_unreadable=skip_unreadable)
    assert quotas, "the first fragment is always sent: it can't wait for others"
    assert sum(quotas) <= left
    assert all(quota <= count for quota, count in zip(quotas, counts, strict=False))
    if skip_unreadable:
        assert quotas[1:] == counts[1 : len(quotas)], "only the first may be cut: those before it have been sent"
    else:
        assert sum(quotas) == min(left, sum(counts))
        assert all(sum(quotas[:end]) < left for end in range(1, len(quotas))), "none behind the one that reaches it"


def test_what_can_not_be_counted_holds_back_those_behind_it_and_is_not_tried_again():
    window = fragments_of(planned([5] * 4).manifest)
    cluster = FakeCluster(selected={0: 1, 1: 2, 2: 3, 3: 4})
    cluster.failures["filter", 2] = [BAD] * 3
    found = cluster.filter(window)
    assert count_selected(cluster, window, found, 100, lambda counts: None) == ([1, 2, 0], [window[2]])
    cluster.failures["filter", 2] = [BAD] * 2
    found = cluster.filter(window)
    assert count_selected(cluster, window, found, 100, lambda counts: None) == ([1, 2, 3, 4], []), (
        "at the third attempt"
    )


def test_what_could_not_be_counted_is_not_sent_when_it_can_be_read_a_moment_later():
    cluster = FakeCluster(selected={0: 2, 1: 2}, limit=3)
    cluster.failures["filter", 0] = [BAD] * 3
    store = planned([2, 2])
    assert Coordinator(store.manifest.plan, store, there(), cluster).run() == "failed"
    assert cluster.sent == [], "it would have sent none of its alerts, and have been called finished"
    assert Coordinator(store.manifest.plan, store, there(), cluster).run() == "complete"
    assert held(cluster) == {0: 2, 1: 1}


def test_once_the_limit_is_reached_no_file_is_read_any_more():
    cluster = FakeCluster(limit=5)
    store = planned([1] * 200)
    assert Coordinator(store.manifest.plan, store, there(), cluster).run() == "complete"
    assert [number for window in cluster.submitted for number in window] == list(range(5))


def test_a_rare_condition_is_looked_for_no_further_once_the_limit_is_found():
    # Ten are found in the third fragment of 32 that are filtered at once.
    cluster = FakeCluster(selected={n: 5 if n in (0, 2) else 0 for n in range(200)}, limit=10, counts_one_by_one=True)
    store = planned([1_000] * 200, per_night=1)
    assert Coordinator(store.manifest.plan, store, there(), cluster).run() == "complete"
    assert cluster.sent == [(0, 5), (1, 0), (2, 5)]
    assert cluster.submitted == [[0, 1, 2]]
    assert [future.work.number for future in cluster.cancelled if not isinstance(future.work, str)] == [*range(3, 32)]
    assert cluster.num_counted == 3 + 3, "to share the limit out, and to send: of the others none is waited for"
    status = JobStatus.of(store.refresh(), time.time())
    assert (status.state, status.num_alerts_sent, status.num_looked_at) == ("complete", 10, 3_000)


def test_a_limited_job_that_runs_says_how_far_it_looked():
    cluster = FakeCluster(selected=dict.fromkeys(range(250), 0) | {40: 3}, limit=10, counts_one_by_one=True)
    store = planned([1_000] * 250)
    plan = store.manifest.plan
    plan.request.update(where="candidate.rb > 0.99", limit=10)
    coordinator = Coordinator(plan, store, there(), cluster)
    facts = []
    cluster.before_each = lambda: facts.append(coordinator.facts())
    assert coordinator.run() == "complete"
    looked_at = [fact["num_looked_at"] for fact in facts if "num_looked_at" in fact]
    assert looked_at == sorted(looked_at), "it never goes back"
    assert set(range(1_000, 250_000, 1_000)) - set(looked_at) == set(), "fragment by fragment"
    assert (facts[-1]["num_looked_at"], facts[-1]["num_found"]) == (250_000, 3)
    manifest = planned([1_000] * 250, says("running", "c", time.time())).manifest
    manifest.plan.request.update(where="candidate.rb > 0.99", limit=10)
    manifest.apply(Heartbeat(job_id=JOB, coordinator="c", time=time.time(), num_looked_at=2_000, num_found=3))
    assert JobStatus.of(manifest, time.time()).scan == "looks through 2,000 of 250,000 alerts; 3 found"
