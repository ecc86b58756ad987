"""A worker's part: what is read of one fragment is what the sink gets, and nothing of a fragment that can't be read."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from consumer.wire import Manifest, digest_candids
from engine.archive import Archive, Fragment, OpenFragment
from engine.conditions import filter_table
from engine.errors import ArchiveError, JobError
from engine.schema import avro_schema, encode
from engine.transfer import sending
from engine.transfer.manifest_plan import TransferTask, plan_records, task_of
from engine.transfer.worker import Outcome, count_night, send_fragment, send_fragments
from tests.engine.transfer.fake_sink import FakeSink, there

ROWS = 40


@pytest.fixture
def archive(tmp_path) -> Path:
    return Path(engine.write_sample(tmp_path, nights=["2021-11-22"], alerts_per_night=ROWS, seed=4).archive)


def planned(archive: Path, sink: FakeSink, **more) -> tuple[TransferTask, Fragment]:
    """Return the task of a job on an archive of one file, as its manifest has it, and the one fragment."""
    request = engine.TransferRequest(archive=archive, nights="2021-11-22", **more)
    plan = engine.plan(request, settings=engine.Settings())
    how = {"num_partitions": 1, "max_message_nbytes": 1_000_000}
    records = plan_records(plan, topic="ftransfer_fake", job_id="a-job", created_at=0.0, **how)
    (fragment,) = plan.fragments
    return task_of(Manifest(records), sink, {}), fragment


def column(archive: Path, name: str) -> list:
    (file,) = archive.rglob("*.parquet")
    return pq.ParquetFile(file).read([name])[name].to_pylist()


def sent(sink: FakeSink, name: str) -> list:
    return pa.Table.from_batches(sink.blocks)[name].to_pylist()


def test_all_alerts_of_a_fragment_are_sent(archive):
    sink = there()
    task, fragment = planned(archive, sink)
    done = send_fragment(task, fragment, None, None)
    candids = column(archive, "candid")
    assert sink.written == [(fragment.number, list(range(ROWS)))]
    assert sent(sink, "candid") == candids
    assert (done.job_id, done.fragment) == ("a-job", fragment.number)
    assert (done.num_alerts, done.num_selected, done.num_sent, done.partitions) == (ROWS, ROWS, ROWS, {0: ROWS})
    assert done.digest == f"{digest_candids(np.array(candids)):032x}"


@pytest.mark.parametrize(
    ("positions", "quota", "expected"),
    [
        (np.array([1, 5, 30]), None, [1, 5, 30]),
        (np.array([1, 5, 30]), 2, [1, 5]),
        (np.array([1, 5, 30]), 0, []),
        (np.array([], dtype=np.int64), None, []),
        (None, 3, [0, 1, 2]),
    ],
)
def test_only_the_selected_alerts_are_sent_and_the_first_of_them_up_to_the_quota(archive, positions, quota, expected):
    sink = there()
    task, fragment = planned(archive, sink)
    done = send_fragment(task, fragment, positions, quota)
    candids = [column(archive, "candid")[row] for row in expected]
    assert sink.written == [(fragment.number, expected)]
    assert done.num_sent == len(expected)
    assert done.num_selected == (ROWS if positions is None else len(positions))
    assert int(done.digest, 16) == sum(digest_candids(np.array([candid])) for candid in candids) % 2**128


def test_alerts_are_counted_by_the_labels_of_the_request(archive):
    sink = there()
    task, fragment = planned(archive, sink)
    send_fragment(task, fragment, None, None)
    held = Counter(sent(sink, "finkclass"))
    assert len(held) > 1
    asked = next(iter(held))
    task = replace(task, labels=frozenset({asked, "nobody's"}))
    assert send_fragment(task, fragment, None, None).labels == {asked: held[asked]}
    assert send_fragment(replace(task, labels=frozenset()), fragment, None, None).labels == {}


def test_nothing_leaves_of_a_file_that_has_changed(archive):
    sink = there()
    task, fragment = planned(archive, sink)
    path = Path(fragment.file.path)
    pq.write_table(pq.ParquetFile(path).read().slice(0, ROWS // 2), path)
    with pytest.raises(ArchiveError, match="has changed since the job was planned"):
        send_fragment(task, fragment, None, None)
    path.unlink()
    with pytest.raises(ArchiveError, match="was in the archive when the job was planned"):
        send_fragment(task, fragment, None, None)
    assert sink.written == []


def test_a_file_that_changes_while_it_is_read_is_noticed(archive):
    sink = there()
    task, fragment = planned(archive, sink)
    path = Path(fragment.file.path)
    open_ = sink.open

    def change_and_open(*of):
        writer = open_(*of)
        write = writer.write

        def change(*alerts) -> None:
            write(*alerts)
            pq.write_table(pq.ParquetFile(path).read().slice(0, 1), path)

        writer.write = change
        return writer

    sink.open = change_and_open
    with pytest.raises(ArchiveError, match="has changed since the job was planned"):
        send_fragment(task, fragment, None, None)
    assert sink.written == []


def test_what_the_cluster_no_longer_wants_is_not_sent(archive, monkeypatch):
    sink = there()
    task, fragment = planned(archive, sink)
    tasks = {"send": SimpleNamespace(state="executing")}
    state = SimpleNamespace(tasks=tasks)
    where = {"address": "tcp://10.0.0.7:4000", "local_directory": str(archive)}
    worker = SimpleNamespace(get_current_task=lambda: "send", state=state, **where)
    monkeypatch.setattr(distributed, "get_worker", lambda: worker)
    done = send_fragment(task, fragment, None, None)
    assert (done.num_sent, done.worker) == (ROWS, "tcp://10.0.0.7:4000")
    assert 0 < done.seconds < 60
    tasks["send"].state = "cancelled"
    with pytest.raises(JobError, match="stopped on the way"):
        send_fragment(task, fragment, None, None)
    del tasks["send"]
    with pytest.raises(JobError, match="stopped on the way"):
        send_fragment(task, fragment, None, None)
    assert len(sink.written) == 1


def test_a_night_is_counted_with_its_duplicates(archive):
    path = next(archive.rglob("*.parquet"))
    table = pq.ParquetFile(path).read()
    pq.write_table(pa.concat_tables([table, table.slice(0, 3)]), path)
    task, fragment = planned(archive, there())
    counted = count_night(task, [fragment])
    assert (counted.night, counted.num_alerts, counted.num_duplicates) == ("2021-11-22", ROWS + 3, 3)


# --- Several fragments ------------------------------------------------------------------------------------------


class Noting(FakeSink):
    """Notes what is done to the fragments, and in which order."""

    def __init__(self):
        super().__init__()
        self.is_there = True
        self.steps: list[tuple[str, int]] = []
        self.fails: dict[tuple[str, int], Exception] = {}

    def open(self, fragment, *of):
        writer = super().open(fragment, *of)

        def noted(name: str):
            method = getattr(writer, name)

            def step(*arguments):
                self.steps.append((name, fragment.number))
                if failure := self.fails.get((name, fragment.number)):
                    raise failure
                return method(*arguments)

            return step

        for name in ("write", "send", "send_on", "finish"):
            setattr(writer, name, noted(name))
        return writer


@pytest.fixture
def three_nights(tmp_path) -> Path:
    nights = ["2021-11-22", "2021-11-23", "2021-11-24"]
    return Path(engine.write_sample(tmp_path, nights=nights, alerts_per_night=ROWS, seed=4).archive)


def planned_all(archive: Path, sink: FakeSink, **more) -> tuple[TransferTask, list[Fragment]]:
    request = engine.TransferRequest(archive=archive, nights="2021-11-22:2021-11-24", **more)
    plan = engine.plan(request, settings=engine.Settings())
    how = {"num_partitions": 1, "max_message_nbytes": 1_000_000}
    records = plan_records(plan, topic="ftransfer_fake", job_id="a-job", created_at=0.0, **how)
    return task_of(Manifest(records), sink, {}), list(plan.fragments)


def send_all(task: TransferTask, fragments: list[Fragment], **more) -> list[Outcome]:
    return send_fragments(task, fragments, [None] * len(fragments), [None] * len(fragments), **more)


def candids_of(fragment: Fragment) -> list[int]:
    return pq.ParquetFile(fragment.file.path).read(["candid"])["candid"].to_pylist()


def each_alone(task: TransferTask) -> TransferTask:
    """Return a task of which a fragment fills a block, so that none is worked on together with another."""
    return replace(task, selection=replace(task.selection, block_alerts=ROWS))


def test_the_next_fragment_is_read_while_one_is_on_its_way(three_nights):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink)
    task = each_alone(task)
    outcomes = send_all(task, fragments)
    assert [outcome.fragment for outcome in outcomes] == fragments
    assert [outcome.done.num_sent for outcome in outcomes] == [ROWS] * 3
    steps = [step for step in sink.steps if step[0] in ("write", "send")]
    assert steps == [(name, number) for number in range(3) for name in ("write", "send")]
    for number in (0, 1):  # it is waited for once the next one is under way
        assert sink.steps.index(("finish", number)) > sink.steps.index(("send", number + 1))
    assert sink.steps[-1] == ("finish", 2)


def test_one_is_sent_on_after_each_block_of_the_next(three_nights):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink)
    send_all(replace(task, selection=replace(task.selection, block_alerts=ROWS // 2)), fragments)
    between = [("write", 1), ("send_on", 0)] * 2
    assert sink.steps[sink.steps.index(("send", 0)) :][: len(between) + 2] == [("send", 0), *between, ("send", 1)]


@pytest.mark.parametrize("where", [None, "candidate.magpsf > 18"])
def test_identifiers_of_all_alerts_come_along(three_nights, where):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink, where=where)
    outcomes = send_all(task, fragments, with_identifiers=True)
    for outcome in outcomes:
        assert sorted(outcome.identifiers.tolist()) == sorted(candids_of(outcome.fragment))
    assert (sum(outcome.done.num_sent for outcome in outcomes) < 3 * ROWS) == (where is not None)
    assert all(outcome.identifiers is None for outcome in send_all(task, fragments))
    (cut,) = send_fragments(task, fragments[:1], [None], [1], with_identifiers=True)
    assert (cut.done.num_sent, cut.identifiers) == (1, None)


@pytest.mark.parametrize("step", ["write", "send", "send_on", "finish"])
def test_what_fails_a_fragment_leaves_the_others_as_they_are(three_nights, step):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink)
    if step == "send_on":  # of those that are sent together, it is not called
        task = each_alone(task)
    sink.fails[step, 1] = RuntimeError("no room")
    first, second, third = send_all(task, fragments, with_identifiers=True)
    assert (first.done.num_sent, first.failure) == (ROWS, None)
    assert (second.done, str(second.failure), second.identifiers) == (None, "no room", None)
    assert (third.done.num_sent, third.failure) == (ROWS, None)


def test_a_file_that_cannot_be_read_fails_its_fragment_alone(three_nights):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink, where="candidate.magpsf > 18")
    Path(fragments[0].file.path).unlink()
    path = Path(fragments[2].file.path)
    path.write_bytes(path.read_bytes()[:-9])
    first, second, third = send_all(task, fragments)
    assert isinstance(first.failure, ArchiveError)
    assert isinstance(third.failure, ArchiveError)
    assert second.done.num_alerts == ROWS
    assert {number for _, number in sink.steps} == {1}


def test_a_job_that_is_not_wanted_any_more_ends_the_task(three_nights):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink)
    task = each_alone(task)
    sink.fails["write", 1] = JobError("stopped on the way")
    with pytest.raises(JobError, match="stopped"):
        send_all(task, fragments)
    assert sink.abandoned == [0], "what is on its way is not sent to its end"
    sink.fails = {("send_on", 0): JobError("stopped on the way")}
    sink.abandoned.clear()
    with pytest.raises(JobError, match="stopped"):
        send_all(task, fragments)
    assert sink.abandoned == [0]
    sink.fails.clear()
    sink.abandoned.clear()
    send_all(task, fragments)
    assert sink.abandoned == []


def test_a_fragments_file_is_opened_once_and_its_row_groups_read_once(three_nights, monkeypatch):
    opened: Counter[str] = Counter()
    read: Counter[tuple[str, str]] = Counter()
    archive_open, read_leaves, read_blocks = Archive.open, OpenFragment.read_leaves, OpenFragment.read_blocks

    def count_open(self, fragment):
        opened[fragment.file.path] += 1
        return archive_open(self, fragment)

    def count_leaves(self, leaves, types):
        read["leaves", self.fragment.file.path] += 1
        return read_leaves(self, leaves, types)

    def count_blocks(self, columns, row_groups, block_alerts):
        assert len(set(row_groups)) == len(row_groups)
        read["content", self.fragment.file.path] += 1
        return read_blocks(self, columns, row_groups, block_alerts)

    monkeypatch.setattr(Archive, "open", count_open)
    monkeypatch.setattr(OpenFragment, "read_leaves", count_leaves)
    monkeypatch.setattr(OpenFragment, "read_blocks", count_blocks)
    task, fragments = planned_all(three_nights, Noting(), where="candidate.magpsf > 18")
    send_all(task, fragments, with_identifiers=True)
    assert set(opened.values()) == {1}
    assert set(read.values()) == {1}
    assert len(opened) == 3
    assert len(read) == 6


# --- Small fragments --------------------------------------------------------------------------------------------

FEW = "candidate.magpsf > 18"


def told(outcomes: list[Outcome]) -> list[tuple]:
    """Return what records and identifiers say, but for when and how long."""
    facts = [(replace(one.done, time=0.0, seconds=0.0), one.identifiers) for one in outcomes]
    return [(done, None if found is None else found.tolist()) for done, found in facts]


def datums(sink: FakeSink) -> list[bytes]:
    """Return what was written, as bytes: NaN is like itself there."""
    return [datum for block in sink.blocks for datum in encode(block, avro_schema(block.schema)).to_pylist()]


@pytest.mark.parametrize("where", [None, FEW, "candidate.magpsf > 99"])
@pytest.mark.parametrize("content", ["lightcurve", "full"])
def test_small_fragments_are_filtered_encoded_and_sent_together_and_their_records_are_their_own(
    three_nights, where, content, monkeypatch
):
    num_filtered = []

    def counted(table: pa.Table, sql: str) -> np.ndarray:
        num_filtered.append(table.num_rows)
        return filter_table(table, sql)

    monkeypatch.setattr(sending, "filter_table", counted)
    alone, sink = Noting(), Noting()
    task, fragments = planned_all(three_nights, sink, where=where, content=content)
    outcomes = send_all(task, fragments, with_identifiers=True)
    num_sent = sum(outcome.done.num_sent for outcome in outcomes)
    assert num_filtered == ([] if where is None else [3 * ROWS])
    assert sink.num_encoded == ([num_sent] if num_sent else [])
    assert [step for step, _ in sink.steps if step != "write"] == ["send"] * 3 + ["finish"] * 3
    singly = send_all(each_alone(replace(task, sink=alone)), fragments, with_identifiers=True)
    assert told(outcomes) == told(singly)
    assert alone.written == sink.written
    assert len(alone.num_encoded) == (3 if num_sent else 0)
    assert datums(sink) == datums(alone)


def test_files_whose_columns_differ_are_not_encoded_together(three_nights):
    path = sorted(three_nights.rglob("*.parquet"))[1]
    table = pq.ParquetFile(path).read()
    at = table.schema.get_field_index("objectId")
    pq.write_table(table.set_column(at, "objectId", table["objectId"].cast(pa.large_string())), path)
    sink = Noting()
    task, fragments = planned_all(three_nights, sink, content="lightcurve")
    outcomes = send_all(task, fragments)
    assert [outcome.done.num_sent for outcome in outcomes] == [ROWS] * 3
    assert sink.num_encoded == [ROWS] * 3
    assert sent(sink, "candid") == [candid for fragment in fragments for candid in candids_of(fragment)]


def test_fragments_that_fail_together_are_tried_one_by_one(three_nights, monkeypatch):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink, where=FEW)
    expected = told(send_all(task, fragments, with_identifiers=True))
    path = Path(fragments[1].file.path)
    stored = bytearray(path.read_bytes())
    at = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    stored[at : at + 40] = bytes(40)
    path.write_bytes(stored)
    sink = Noting()
    first, second, third = send_all(replace(task, sink=sink), fragments, with_identifiers=True)
    assert second.done is None
    assert isinstance(second.failure, ArchiveError)
    assert path.name in second.failure.message
    assert told([first, third]) == [expected[0], expected[2]]
    assert sorted(number for number, _ in sink.written) == [0, 2]


def test_so_many_small_fragments_go_together_as_fill_a_block(three_nights):
    sink = Noting()
    task, fragments = planned_all(three_nights, sink)
    task = replace(task, selection=replace(task.selection, block_alerts=2 * ROWS))
    send_all(task, fragments)
    assert sink.num_encoded == [2 * ROWS, ROWS]
