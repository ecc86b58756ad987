"""Ranges that are fetched ahead: what comes together, in what memory, and what a reader gets of them."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage import ranges
from engine.storage.ranges import RangedFile, brought_together

MIB = 1024 * 1024
chunks = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 500)).map(lambda c: (c[0], c[0] + c[1])))


class Remote:
    """A file that counts what is asked of it."""

    def __init__(self, content: bytes):
        self.content = content
        self.nbytes = len(content)
        self.asked: list[tuple[int, int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_closed = False

    def read(self, start: int, end: int) -> bytes:
        self.asked.append((start, end))
        assert self.may_answer.wait(150)
        return self.content[start:end]

    def read_into(self, start: int, room: memoryview) -> None:
        room[:] = self.read(start, start + len(room))

    def close(self) -> None:
        self.is_closed = True


@given(asked=chunks, spare=st.integers(0, 2_000))
def test_all_chunks_are_in_the_ranges_and_little_besides(asked, spare):
    found = brought_together(asked, spare)
    assert found == sorted(found)
    for start, end in asked:
        assert any(first <= start and end <= last for first, last in found)
    bytes_asked = set().union(*(range(start, end) for start, end in asked)) if asked else set()
    assert sum(end - start for start, end in found) - len(bytes_asked) <= spare
    assert len(found) <= len(set(asked))


def test_the_narrowest_gaps_are_closed_first():
    assert brought_together([(0, 10), (1_000, 1_010), (1_020, 1_030), (5_000, 5_010)], 500) == [
        (0, 10),
        (1_000, 1_030),
        (5_000, 5_010),
    ]


@given(asked=chunks, spare=st.integers(0, 5_000))
def test_a_reader_gets_what_the_file_has_in_any_order(asked, spare):
    content = bytes(place * 7 % 251 for place in range(5_600))
    remote = Remote(content)
    file = RangedFile(remote)
    file.fetch([asked], spare)
    for start, end in [*reversed(asked), *asked, (3, 30)]:
        file.seek(start)
        assert file.read(end - start) == content[start:end]
    file.close()
    assert remote.is_closed


def test_each_chunk_is_fetched_once_though_it_is_wanted_twice():
    remote = Remote(bytes(100_000))
    file = RangedFile(remote)
    for _ in range(3):
        file.fetch([[(10, 2_000), (50_000, 60_000)]], 0)
        assert file.peek(10, 20) == bytes(10)
        for start, end in ((10, 2_000), (50_000, 60_000)):
            file.seek(start)
            assert len(file.read_buffer(end - start)) == end - start
    assert sorted(remote.asked) == [(10, 2_000), (50_000, 60_000)]


def test_no_more_is_on_its_way_than_memory_allows(monkeypatch):
    monkeypatch.setattr(ranges, "_OWN_NBYTES", MIB)
    monkeypatch.setattr(ranges, "_SHARED_NBYTES", 3 * MIB)
    monkeypatch.setattr(ranges, "_PART_NBYTES", MIB)
    monkeypatch.setattr(ranges, "_KEPT_NBYTES", MIB)
    remote = Remote(bytes(20 * MIB))
    file = RangedFile(remote)
    wanted = [(place * MIB, (place + 1) * MIB) for place in range(20)]
    file.fetch([[chunk] for chunk in wanted], 0)
    for place, (start, end) in enumerate(wanted):
        file.seek(start)
        file.read_buffer(end - start)
        assert len(remote.asked) <= place + 5
    assert sorted(remote.asked) == wanted


def test_once_a_row_group_is_begun_the_rest_of_it_comes_whatever_it_weighs(monkeypatch):
    class Together(Remote):
        """Answers two requests at once, or none."""

        both = threading.Barrier(2, timeout=30)

        def read(self, start: int, end: int) -> bytes:
            self.both.wait()
            return super().read(start, end)

    monkeypatch.setattr(ranges, "_OWN_NBYTES", 1)
    monkeypatch.setattr(ranges, "_SHARED_NBYTES", 0)
    remote = Together(bytes(range(200)))
    file = RangedFile(remote)
    file.fetch([[(0, 10), (50, 60)], [(100, 110)]], 0)
    assert file.read(10) == bytes(range(10))
    assert sorted(remote.asked) == [(0, 10), (50, 60)]


def test_what_is_read_out_of_turn_does_not_wait_for_what_comes_first(monkeypatch):
    monkeypatch.setattr(ranges, "_OWN_NBYTES", 1)
    monkeypatch.setattr(ranges, "_SHARED_NBYTES", 0)
    remote = Remote(bytes(range(200)))
    file = RangedFile(remote)
    file.fetch([[(0, 10)], [(100, 110)]], 0)
    file.seek(100)
    assert file.read(10) == bytes(range(100, 110))


def test_a_range_comes_while_nobody_waits_for_it():
    remote = Remote(bytes(1_000))
    remote.may_answer.clear()
    file = RangedFile(remote)
    file.fetch([[(0, 10)]], 0)  # returns, though nothing was answered
    remote.may_answer.set()
    assert file.read(10) == bytes(10)


def test_a_failure_is_told_to_who_reads():
    class Away(Remote):
        def read(self, start: int, end: int) -> bytes:
            raise ConnectionResetError("gone")

    file = RangedFile(Away(bytes(100)))
    file.fetch([[(0, 10)]], 0)
    with pytest.raises(ConnectionResetError):
        file.read(10)
    file.close()
