"""Messages come in one order, however they arrive."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.fetching.ordering import Backlog
from consumer.kafka import Message, Messages

SIZES = st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=4)
EVERYTHING = 10**9


def _topic(sizes) -> list[list[Message]]:
    return [
        [Message(partition, offset, b"%d" % offset, b"x" * size) for offset, size in enumerate(of_partition)]
        for partition, of_partition in enumerate(sizes)
    ]


@given(SIZES, st.data())
def test_what_is_settled_is_in_order_and_is_never_overtaken(sizes, data):
    topic = _topic(sizes)
    backlog, taken = Backlog(), []
    positions = dict.fromkeys(range(len(topic)), 0)
    while growing := {p: at for p, at in positions.items() if at < len(topic[p])}:
        came = []
        for _ in range(data.draw(st.integers(1, 4))):
            partition, count = data.draw(st.sampled_from(sorted(growing))), data.draw(st.integers(1, 5))
            came += topic[partition][positions[partition] : positions[partition] + count]
            positions[partition] = min(positions[partition] + count, len(topic[partition]))
        backlog.add(Messages.of(came))
        backlog.settle({p: at for p, at in positions.items() if at < len(topic[p])})
        taken += backlog.take_rest(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 10)))
    backlog.settle({})
    taken += backlog.take_rest(EVERYTHING, EVERYTHING)
    assert taken == sorted((m for p in topic for m in p), key=lambda m: (m.offset, m.partition))
    assert len(backlog) == backlog.nbytes == 0


@given(SIZES, st.integers(1, 30), st.integers(1, 8))
def test_as_many_are_taken_as_were_asked_for_and_none_where_there_are_fewer(sizes, nbytes, most):
    topic = _topic(sizes)
    backlog = Backlog()
    backlog.add(Messages.of(m for of_partition in topic for m in of_partition))
    backlog.settle({})
    while (taken := backlog.take(nbytes, most)) is not None:
        assert taken.nbytes >= nbytes or len(taken) == most
        assert len(taken) <= most
        assert taken.nbytes - taken.sizes[-1] < nbytes
    assert backlog.nbytes < nbytes
    assert len(backlog) < most


def test_messages_that_change_partition_all_the_time_are_kept_in_order():
    backlog = Backlog()
    backlog.add(Messages.of(Message(at % 3, at // 3, None, b"x") for at in range(900)))
    backlog.settle({0: 300, 1: 300, 2: 300})
    assert [(m.offset, m.partition) for m in backlog.take_rest(EVERYTHING, EVERYTHING)] == [
        (at // 3, at % 3) for at in range(900)
    ]


def test_partitions_ahead_of_the_slowest_are_named():
    backlog = Backlog()
    assert backlog.leaders({0: 10, 1: 4, 2: 4}) == {0}
    assert backlog.leaders({}) == frozenset()


def test_what_is_settled_does_not_count_as_waiting_for_others():
    topic = _topic([[5, 5, 5], [5]])
    backlog = Backlog()
    backlog.add(Messages.of(m for of_partition in topic for m in of_partition))
    assert backlog.unsettled_nbytes == 20
    backlog.settle({1: 1})
    assert (backlog.unsettled_nbytes, backlog.nbytes) == (5, 20)  # partition 0's third may come after one of 1
    backlog.take_rest(5, EVERYTHING)
    assert (backlog.unsettled_nbytes, backlog.nbytes) == (5, 15)
    backlog.settle({})
    assert backlog.unsettled_nbytes == 0
