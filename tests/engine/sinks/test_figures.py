"""What a fragment's record says of its alerts, whatever the sink and however they were cut into blocks."""

import datetime as dt
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
from hypothesis import given

from consumer.wire import digest_candids
from engine.archive import ArchiveFile, Fragment
from engine.sinks import FragmentFigures, nothing_sent

FILE = ArchiveFile(path="/science/part-0.parquet", night=dt.date(2021, 11, 1), nbytes=1, etag=None)
FRAGMENT = Fragment(number=7, file=FILE, row_groups=(0,), row_group_alerts=(50,))
ALERTS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1), st.sampled_from(["SN", "AGN", None]), st.sampled_from(["SN", ""])
    )
)


@given(ALERTS, st.lists(st.integers(0, 10), max_size=5))
def test_figures_do_not_depend_on_the_blocks(alerts, cuts):
    figures = FragmentFigures(
        job_id="a",
        fragment=FRAGMENT,
        num_selected=49,
        id_field="candid",
        id_path="candid",
        class_columns=["finkclass", "tnsclass"],
        labels={"SN"},
    )
    ids, classes, names = (list(column) for column in zip(*alerts, strict=True)) if alerts else ([], [], [])
    table = pa.record_batch(
        [pa.array(ids, pa.int64()), pa.array(classes, pa.string()), pa.array(names, pa.string())],
        ["candid", "finkclass", "tnsclass"],
    )
    at = 0
    for size in [*cuts, len(alerts)]:
        figures.add(table.slice(at, size))
        at += size
    done = figures.done(nbytes=12, partitions={3: len(alerts)})
    assert (done.num_alerts, done.num_selected, done.num_sent) == (50, 49, len(alerts))
    assert int(done.digest, 16) == digest_candids(np.array([candid or 0 for candid in ids], dtype=np.int64))
    assert Counter(done.labels) == Counter(name for name in [*classes, *names] if name == "SN")
    assert (done.nbytes, done.partitions, done.unreadable) == (12, {3: len(alerts)}, None)


def test_identifiers_are_found_inside_a_column_too():
    how = {"id_field": "source.id", "id_path": "source.id"}
    figures = FragmentFigures(job_id="a", fragment=FRAGMENT, num_selected=3, **how)
    alerts = pa.record_batch([pa.array([{"id": 7}, None, {"id": None}])], ["source"])
    assert figures.identifiers(alerts).tolist() == [7, 0, 0]
    figures.add(alerts)
    assert int(figures.done(nbytes=1, partitions={0: 3}).digest, 16) == digest_candids(np.array([7, 0, 0]))


def test_a_fragment_that_is_left_out_sent_nothing_and_says_why():
    done = nothing_sent("a", FRAGMENT, "row group 0 is damaged")
    assert (done.fragment, done.num_alerts, done.num_sent, done.unreadable) == (7, 50, 0, "row group 0 is damaged")
    assert int(done.digest, 16) == 0
