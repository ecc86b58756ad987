"""Keys are read many at a time, as they are one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import WireError
from consumer.fetching.keys import decode_keys
from consumer.wire import decode_key

NUMBERS = st.integers(0, 10**18 - 1) | st.integers(0, 20)
GOOD = st.tuples(NUMBERS, NUMBERS).map(lambda key: b"%d:%d" % key)
ANY = GOOD | st.binary(max_size=12) | st.text("0123456789:,٣", max_size=8).map(str.encode) | st.none()


def one_by_one(keys) -> list[tuple[int, int]]:
    found = []
    for key in keys:
        try:
            found.append(decode_key(key))
        except WireError:
            found.append((-1, -1))
    return found


@given(st.lists(GOOD, max_size=30))
def test_good_keys_are_two_numbers_each(keys):
    fragments, rows, bad = decode_keys(keys)
    assert list(zip(fragments.tolist(), rows.tolist(), strict=True)) == one_by_one(keys)
    assert bad == {}
    assert fragments.dtype == rows.dtype == np.int64


@given(st.lists(ANY, max_size=6))
def test_any_keys_are_read_as_one_by_one(keys):
    fragments, rows, bad = decode_keys(keys)
    expected = one_by_one(keys)
    for at, pair in enumerate(zip(fragments.tolist(), rows.tolist(), strict=True)):
        assert pair == expected[at] or at in bad
        assert (at in bad) == (expected[at] == (-1, -1) or max(expected[at]) >= 2**63)


@pytest.mark.parametrize("keys", [[b"1:2,3:4"], [b"1:2", b""], [b":1"], [b"1:"], [b"1:2:3", b""], [b"1,2"], [b"1:2\n"]])
def test_keys_that_only_look_good_when_joined_are_told(keys):
    _, _, bad = decode_keys(keys)
    assert bad


def test_a_number_that_is_too_long_is_of_no_fragment():
    fragments, _, bad = decode_keys([b"1:2", b"9999999999999999999999:1"])
    assert fragments.tolist() == [1, -1]
    assert "no fragment of the plan" in bad[1]
