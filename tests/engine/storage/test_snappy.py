"""Parts of a Snappy stream are what they are in the whole."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage.snappy import SnappyParts, TooManyPiecesError

PIECES = st.lists(st.binary(max_size=300) | st.sampled_from([b"0" * 70, b"ab" * 400, b"0" * 9_000]), max_size=12)


def stream(content: bytes) -> memoryview:
    return memoryview(pa.compress(content, "snappy", asbytes=True))


@given(PIECES, st.data())
def test_any_part_is_found(pieces, data):
    content = b"".join(pieces)
    try:
        parts = SnappyParts(stream(content))
    except TooManyPiecesError:
        return
    assert parts.nbytes == len(content)
    for _ in range(5):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, len(content)))
        assert b"".join(parts.parts(start, end)) == content[start:end]
    with pytest.raises(ValueError, match="beyond the page"):
        parts.parts(0, len(content) + 1)


@given(st.lists(st.binary(max_size=50), max_size=40), st.binary(max_size=9))
def test_values_are_found_behind_their_lengths(values, before):
    content = before + b"".join(len(value).to_bytes(4, "little") + value for value in values)
    parts = SnappyParts(stream(content))
    start = len(before)
    for value, end in zip(values, parts.ends(len(before), len(values)), strict=True):
        assert b"".join(parts.parts(start + 4, end)) == value
        start = end
    with pytest.raises(ValueError, match="beyond the page"):
        parts.ends(len(before), len(values) + 1)


def test_what_compresses_well_is_better_decompressed_as_a_whole():
    with pytest.raises(TooManyPiecesError):
        SnappyParts(stream(b"0" * 60_000))


@given(st.lists(st.binary(max_size=80), min_size=1), st.integers(0, 2**32), st.integers(0, 255))
def test_damage_is_an_error_or_of_the_length_that_is_said(pieces, place, byte):
    damaged = bytearray(stream(b"".join(pieces)))
    damaged[place % len(damaged)] = byte
    try:
        parts = SnappyParts(memoryview(damaged))
        assert len(b"".join(parts.parts(0, parts.nbytes))) == parts.nbytes
    except (ValueError, IndexError):
        pass
