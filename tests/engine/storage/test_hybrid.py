"""Runs and packed numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage.hybrid import hybrid_numbers


def varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def run(width: int, number: int, times: int) -> bytes:
    return varint(times << 1) + number.to_bytes((width + 7) // 8, "little")


def packed(width: int, numbers: list[int]) -> bytes:
    """Numbers in eights, each lowest bit first."""
    bits = sum(number << width * at for at, number in enumerate(numbers))
    return varint(len(numbers) // 8 << 1 | 1) + bits.to_bytes(len(numbers) * width // 8, "little")


@given(st.integers(0, 20), st.data())
def test_they_come_out_in_their_order(width, data):
    number = st.integers(0, (1 << width) - 1)
    eights = st.integers(1, 4).flatmap(lambda n: st.lists(number, min_size=8 * n, max_size=8 * n))
    parts = data.draw(st.lists(st.tuples(number, st.integers(1, 300)) | eights, max_size=6))
    written, expected = b"", []
    for part in parts:
        written += run(width, *part) if isinstance(part, tuple) else packed(width, part)
        expected += [part[0]] * part[1] if isinstance(part, tuple) else part
    wanted = data.draw(st.integers(0, len(expected)))
    found = hybrid_numbers(written, width, wanted)
    assert found.dtype == np.int32
    assert found.tolist() == expected[:wanted]
    with pytest.raises((IndexError, ValueError)):
        hybrid_numbers(written, width, len(expected) + 1)


@pytest.mark.parametrize(
    ("width", "data"),
    [(33, run(33, 1, 9)), (2, run(2, 7, 9)), (3, packed(3, [1] * 8)[:2]), (2, b"\x00\x01"), (9, b"\x12\x01")],
)
def test_what_is_no_number_is_an_error(width, data):
    with pytest.raises((IndexError, ValueError)):
        hybrid_numbers(data, width, 5)
