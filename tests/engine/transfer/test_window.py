"""The window: fragments in the archive's order, each once; nights when none of their fragments waits."""

import hypothesis.strategies as st
from hypothesis import given

from engine.transfer.coordinator.window import Backlog
from engine.transfer.manifest_plan import fragments_of
from tests.engine.transfer.fake_store import planned


def backlog(sizes, *, finished=(), counted=(), num_threads=1, per_night=10) -> Backlog:
    fragments = fragments_of(planned(sizes, per_night=per_night).manifest)
    return Backlog(fragments, finished=finished, counted=counted, num_threads=num_threads)


def test_how_many_are_taken_is_a_setting():
    fragments = fragments_of(planned([1] * 100, per_night=10).manifest)
    how = {"finished": (), "counted": (), "num_threads": 3}
    assert len(Backlog(fragments, **how).take()) == 32
    assert len(Backlog(fragments, **how, min_fragments=5).take()) == 12
    assert len(Backlog(fragments, **how, min_fragments=5, fragments_per_thread=20).take()) == 60


@given(
    st.integers(1, 150),
    st.sets(st.integers(0, 149)),
    st.integers(1, 20),
    st.lists(st.integers(0, 40)),
)
def test_fragments_are_taken_in_order_whatever_is_put_back(num_fragments, finished, num_threads, put_back):
    waiting = backlog([1] * num_fragments, finished=finished, num_threads=num_threads)
    taken: list[int] = []
    nights: list[str] = []
    returns = iter(put_back)
    while waiting:
        window = waiting.take()
        assert 0 < len(window) <= max(32, 4 * num_threads)
        kept = max(1, len(window) - next(returns, 0))
        waiting.put_back(window[kept:])
        taken += [fragment.number for fragment in window[:kept]]
        for night, fragments in waiting.take_nights():
            nights.append(night)
            assert {f.number for f in fragments} - finished <= set(taken), "none of its fragments waits"
    assert taken == [number for number in range(num_fragments) if number not in finished]
    nights += [night for night, _ in waiting.take_nights()]
    assert nights == sorted(set(nights))
    assert len(nights) == -(-num_fragments // 10)


def test_a_night_that_was_counted_is_not_counted_again():
    waiting = backlog([1] * 20, finished=range(20), counted={"2021-11-01"})
    assert [night for night, _ in waiting.take_nights()] == ["2021-11-02"]
    assert waiting.take_nights() == []
