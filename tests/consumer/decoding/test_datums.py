"""Datums in one buffer."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.decoding import datums
from consumer.decoding.datums import PADDING, Datums


@given(st.lists(st.binary(max_size=40), max_size=30), st.sampled_from([1, 50, 1000]))
def test_drained_datums_are_those_that_were_joined(listed, joined_nbytes):
    whole, left = Datums.of(listed), list(listed)
    with_size, datums._JOINED_NBYTES = datums._JOINED_NBYTES, joined_nbytes
    try:
        drained = Datums.drained(left)
    finally:
        datums._JOINED_NBYTES = with_size
    assert left == [b""] * len(listed)
    assert [drained.datum(at) for at in range(len(drained))] == listed
    assert (drained.starts == whole.starts).all()
    assert (drained.ends == whole.ends).all()
    assert drained.data.tobytes() == whole.data.tobytes()
    assert drained.data.size == sum(map(len, listed)) + PADDING
