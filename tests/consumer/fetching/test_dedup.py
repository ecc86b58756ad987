"""Each row is taken once, from whichever good copy comes first, and garbage is put aside."""

import io

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.dataset import Seen
from consumer.fetching.dedup import Intake
from consumer.kafka import Message, Messages
from consumer.wire import Manifest, Plan, PlanPart

SCHEMA = {
    "type": "record",
    "name": "r",
    "fields": [{"name": "candid", "type": ["long", "null"]}, {"name": "copy", "type": "string"}],
}
SIZES = (5, 8, 3)
NUM_PARTITIONS = 3


def _manifest() -> Manifest:
    fragments = [{"fragment": n, "file": 0, "row_groups": [0], "num_alerts": size} for n, size in enumerate(SIZES)]
    plan = Plan(
        job_id="j",
        topic="ftransfer_x",
        engine_version="0",
        created_at=0.0,
        request={},
        num_partitions=NUM_PARTITIONS,
        num_files=1,
        num_fragments=len(SIZES),
        num_parts=1,
        num_alerts=None,
        schema=SCHEMA,
        time_field="jd",
        id_field="candid",
    )
    return Manifest([plan, PlanPart(job_id="j", index=0, files=[], fragments=fragments)])


def _message(fragment: int, row: int, copy: str, offset: int, *, good: bool = True) -> Message:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, {"candid": fragment * 100 + row, "copy": copy})
    value = out.getvalue() if good else out.getvalue() + b"\x00"
    return Message((fragment + row) % NUM_PARTITIONS, offset, f"{fragment}:{row}".encode(), value)


SENT = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans(), st.booleans()).map(
        lambda item: (item[0], item[1], item[2] or item[3])  # three of four are good
    ),
    max_size=40,
)


@settings(deadline=None)
@given(SENT, st.lists(st.integers(1, 10), min_size=40, max_size=40))
def test_each_row_comes_from_its_first_good_copy(sent, chunk_sizes):
    intake = Intake(_manifest(), Seen())
    messages = [_message(f, r, str(at), at, good=good) for at, (f, r, good) in enumerate(sent)]
    expected = {}
    got, got_rejected, got_duplicates = [], 0, 0
    while messages:
        size = chunk_sizes.pop()
        chunk, messages = messages[:size], messages[size:]
        taken = intake.take(Messages.of(chunk))
        got += zip(taken.fragments.tolist(), taken.rows.tolist(), taken.batch.column("copy").to_pylist(), strict=True)
        got_rejected += len(taken.rejected)
        got_duplicates += taken.num_duplicates
    for at, (fragment, row, good) in enumerate(sent):
        if good:
            expected.setdefault((fragment, row), str(at))
    assert [(f, r, copy) for f, r, copy in got] == [(f, r, copy) for (f, r), copy in expected.items()]
    assert len(sent) == len(got) + got_rejected + got_duplicates
    assert got_rejected <= sum(not good for _, _, good in sent)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "message key"),
        (b"", "message key"),
        (b"garbage", "message key"),
        (b"0:1,0:2", "message key"),
        (b"-1:2", "message key"),
        ("٣:٤".encode(), "message key"),
        (b"3:0", "no fragment of the plan"),
        (b"0:5", "no fragment of the plan"),
        (b"99999999999999999999999:1", "no fragment of the plan"),
        (b"0:1", "does not belong into partition 0"),
    ],
)
def test_a_message_that_is_none_of_the_jobs_is_put_aside(key, reason):
    intake = Intake(_manifest(), Seen())
    good = _message(0, 0, "a", 0)
    taken = intake.take(Messages.of([good, Message(0, 1, key, good.value), _message(0, 3, "b", 2)]))
    assert taken.batch.column("copy").to_pylist() == ["a", "b"]
    assert [(item.message.offset, reason in item.reason) for item in taken.rejected] == [(1, True)]


def test_no_messages_give_an_empty_batch_of_the_schema():
    taken = Intake(_manifest(), Seen()).take(Messages.of([]))
    assert taken.batch.num_rows == 0
    assert taken.batch.schema.names == ["candid", "copy"]
    assert taken.fragments.dtype == taken.rows.dtype == np.int64


def test_values_that_nobody_reads_afterwards_go_and_what_is_rejected_keeps_its_own():
    intake = Intake(_manifest(), Seen())
    sent = [_message(0, 0, "good", 0), _message(0, 1, "spoilt", 1, good=False), _message(0, 2, "good", 2)]
    messages = Messages.of(sent)
    taken = intake.take(messages, is_last=True)
    assert messages.values == []
    assert len(messages) == 3
    assert taken.batch.column("candid").to_pylist() == [0, 2]
    assert [item.message for item in taken.rejected] == [sent[1]]
