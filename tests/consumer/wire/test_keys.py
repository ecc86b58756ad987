"""Digests of alerts, of all fragments at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumer.wire import digest_candids, digests_by_fragment

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)), max_size=50)


@given(ROWS)
def test_digests_of_all_fragments_at_once_are_those_of_each(rows):
    fragments = np.array([fragment for fragment, _ in rows], dtype=np.int64)
    candids = np.array([candid for _, candid in rows], dtype=np.int64)
    expected = {
        fragment: (int((fragments == fragment).sum()), digest_candids(candids[fragments == fragment]))
        for fragment in fragments.tolist()
    }
    assert digests_by_fragment(fragments, candids) == expected
