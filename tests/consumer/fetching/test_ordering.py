"""Rounds end where the topic's content says, however the messages arrive."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.fetching.ordering import Backlog
from consumer.kafka import Message

SIZES = st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=4)


def _topic(sizes) -> list[list[Message]]:
    return [
        [Message(partition, offset, b"", b"x" * size) for offset, size in enumerate(of_partition)]
        for partition, of_partition in enumerate(sizes)
    ]


def _rounds(topic, nbytes, next_arrival) -> list[list[Message]]:
    backlog = Backlog(range(len(topic)))
    positions = dict.fromkeys(range(len(topic)), 0)
    rounds = []
    while True:
        growing = {p: at for p, at in positions.items() if at < len(topic[p])}
        while (taken := backlog.take(nbytes, growing)) is not None:
            rounds.append(taken)
        if not growing:
            rounds.append(backlog.take_all())
            assert len(backlog) == backlog.nbytes == 0
            return rounds
        partition, count = next_arrival(sorted(growing))
        backlog.add(topic[partition][positions[partition] : positions[partition] + count])
        positions[partition] = min(positions[partition] + count, len(topic[partition]))


@given(SIZES, st.integers(1, 30), st.data())
def test_rounds_do_not_depend_on_arrival(sizes, nbytes, data):
    topic = _topic(sizes)

    def at_random(growing):
        return data.draw(st.sampled_from(growing)), data.draw(st.integers(1, 5))

    rounds = _rounds(topic, nbytes, at_random)
    assert rounds == _rounds(topic, nbytes, lambda growing: (growing[0], 100))
    everything = [message for taken in rounds for message in taken]
    assert everything == sorted((m for p in topic for m in p), key=lambda m: (m.offset, m.partition))
    for taken in rounds[:-1]:
        total = sum(len(message.value) for message in taken)
        assert total >= nbytes
        assert total - len(taken[-1].value) < nbytes


@given(SIZES, st.integers(1, 30), st.integers(0, 10))
def test_rounds_go_on_the_same_after_a_restart_at_a_boundary(sizes, nbytes, num_before):
    topic = _topic(sizes)
    rounds = _rounds(topic, nbytes, lambda growing: (growing[0], 100))
    done = {message for taken in rounds[:num_before] for message in taken}
    backlog = Backlog(range(len(topic)))
    backlog.add(message for of_partition in topic for message in of_partition if message not in done)
    rest = []
    while (taken := backlog.take(nbytes, {})) is not None:
        rest.append(taken)
    assert [*rest, backlog.take_all()] == (rounds[num_before:] or [[]])


def test_partitions_ahead_of_the_slowest_are_named():
    backlog = Backlog(range(3))
    assert backlog.leaders({0: 10, 1: 4, 2: 4}) == {0}
    assert backlog.leaders({}) == frozenset()
