"""Rounds end where the topic's content says, however the messages arrive and wherever a consumer was stopped."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.fetching import chunks
from consumer.fetching.boundaries import Boundaries
from consumer.fetching.chunks import Cutter
from consumer.kafka import Message, Messages

SIZES = st.lists(st.lists(st.integers(0, 9), max_size=30), min_size=1, max_size=4)
BOUNDARIES = st.builds(Boundaries, round_nbytes=st.integers(1, 60), file_nbytes=st.just(60), has_ramp=st.booleans())


def _topic(sizes) -> list[list[Message]]:
    return [
        [Message(partition, offset, b"", b"x" * size) for offset, size in enumerate(of_partition)]
        for partition, of_partition in enumerate(sizes)
    ]


def _fetch(topic, boundaries, arrivals, offsets, nbytes, most_rounds) -> list[list[list[Message]]]:
    """Return rounds, each a list of chunks, as one run of a consumer cuts them."""
    cutter, rounds, chunks_of_round = Cutter(boundaries, nbytes), [], []
    positions = {p: offsets.get(p, 0) for p in range(len(topic))}

    def take(chunk) -> None:
        nonlocal chunks_of_round
        chunks_of_round.append(list(chunk.messages))
        if chunk.ends_round:
            rounds.append(chunks_of_round)
            chunks_of_round = []

    while True:
        growing = {p: at for p, at in positions.items() if at < len(topic[p])}
        cutter.settle(growing)
        while (chunk := cutter.next()) is not None:
            take(chunk)
            if len(rounds) == most_rounds:
                return rounds
        if not growing:
            take(cutter.rest())
            assert len(cutter) == cutter.unsettled_nbytes == 0
            return rounds
        partition, count = arrivals(sorted(growing))
        came = topic[partition][positions[partition] : positions[partition] + count]
        positions[partition] += len(came)
        cutter.add(Messages.of(came), {p: at for p, at in positions.items() if at < len(topic[p])})


def _at_once(growing) -> tuple[int, int]:
    return growing[0], 1000


@given(SIZES, BOUNDARIES, st.data())
def test_rounds_and_chunks_depend_on_the_topic_alone(sizes, boundaries, data):
    topic = _topic(sizes)

    def at_random(growing) -> tuple[int, int]:
        return data.draw(st.sampled_from(growing)), data.draw(st.integers(1, 9))

    whole = _fetch(topic, boundaries, _at_once, {}, 0, None)
    # Stopped as often as it may be, it begins anew each time where its last whole round ended.
    pieces, offsets, nbytes = [], {}, 0
    while True:
        wanted = data.draw(st.integers(1, 4))
        rounds = _fetch(topic, boundaries, at_random, offsets, nbytes, wanted)
        pieces += rounds
        for message in (m for chunks_of_round in rounds for chunk in chunks_of_round for m in chunk):
            offsets[message.partition] = message.offset + 1
            nbytes += len(message.value)
        if len(rounds) < wanted or pieces == whole:
            break
    assert pieces == whole
    everything = [m for chunks_of_round in whole for chunk in chunks_of_round for m in chunk]
    assert everything == sorted((m for p in topic for m in p), key=lambda m: (m.offset, m.partition))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=400))
def test_the_first_rounds_are_small_and_the_others_whole(sizes):
    topic, whole = _topic([sizes]), 160
    rounds = _fetch(topic, Boundaries(round_nbytes=whole, file_nbytes=whole), _at_once, {}, 0, None)
    ends = [10, 30, 70, 150, *range(150 + whole, 20_000, whole)]
    taken = 0
    for chunks_of_round in rounds[:-1]:
        messages = [m for chunk in chunks_of_round for m in chunk]
        end = next(end for end in ends if end > taken)
        taken += sum(len(m.value) for m in messages)
        assert taken - len(messages[-1].value) < end <= taken


def test_a_round_of_many_messages_is_cut_into_chunks_that_are_decoded_at_once(monkeypatch):
    monkeypatch.setattr(chunks, "_CHUNK_MESSAGES", 10)
    monkeypatch.setattr(chunks, "_CHUNK_NBYTES", 50)
    topic = _topic([[1] * 25 + [30, 30] + [1] * 3])
    (first,) = _fetch(topic, Boundaries(round_nbytes=10**6, file_nbytes=1), _at_once, {}, 0, None)
    assert [len(chunk) for chunk in first] == [10, 10, 7, 3]


def test_messages_without_a_value_do_not_make_a_round_that_never_ends(monkeypatch):
    monkeypatch.setattr(chunks, "_CHUNK_MESSAGES", 10)
    monkeypatch.setattr(chunks, "_ROUND_MESSAGES", 40)
    rounds = _fetch(_topic([[0] * 95]), Boundaries(round_nbytes=10, file_nbytes=10), _at_once, {}, 0, None)
    assert [sum(map(len, chunks_of_round)) for chunks_of_round in rounds] == [40, 40, 15]


def test_what_was_taken_early_does_not_move_the_boundaries_after_it():
    topic, boundaries = _topic([[1] * 1000]), Boundaries(round_nbytes=160, file_nbytes=160)
    rounds = _fetch(topic, boundaries, _at_once, {}, 0, None)
    cutter = Cutter(boundaries, 0)
    cutter.add(Messages.of(topic[0][:37]), {0: 37})
    early = []
    while (chunk := cutter.next()) is not None:
        early.append(len(chunk.messages))
    early.append(len(cutter.rest().messages))
    assert early == [10, 20, 7]
    later = _fetch(topic, boundaries, _at_once, {0: 37}, 37, None)
    assert later[1:] == rounds[3:]
