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
from engine.archive import Fragment
from engine.errors import ArchiveError, JobError
from engine.transfer.manifest_plan import TransferTask, plan_records, task_of
from engine.transfer.worker import count_night, send_fragment
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

        def change(rows, block) -> None:
            write(rows, block)
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
