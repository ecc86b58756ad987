"""Files by class: full ones and a tail a label, the same however often the consumer was stopped."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import consumer
from consumer.dataset.folder import home_of
from consumer.errors import IncompleteError

LABELS = 250
ROUND = 20_000


@pytest.fixture
def job(make_job):
    """A job of 250 labels, one of which has every second alert, one of which is null."""
    job = make_job(sizes=(1200, 1200))
    number = 0
    for fragment in job._alerts:
        for alert in fragment:
            at = 0 if number % 2 else number // 2 % LABELS
            alert["finkclass"] = None if at == 7 else f"label {at}"
            number += 1
    return job.run()


def fetch(job, outdir, **more) -> consumer.ConsumeResult:
    return consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass", round_nbytes=ROUND, **more)


def contents(outdir: Path) -> dict[str, list[int]]:
    """Return the candids of each file, in their order."""
    files = sorted(path for path in outdir.rglob("*") if path.is_file())
    return {
        str(file.relative_to(outdir)): pq.ParquetFile(file).read(["candid"])["candid"].to_pylist() for file in files
    }


def test_each_label_has_its_full_files_and_a_tail(job, tmp_path):
    result = fetch(job, tmp_path / "out")
    assert result.complete
    found = contents(tmp_path / "out")
    assert len(found) == result.num_files
    of_first = [name for name in found if name.startswith("finkclass=label%200/")]
    datum_nbytes = len(job.datum(0, 0))
    # Half of 2,400 alerts and a 500th are of the first label.
    assert len(of_first) == -(-1205 * datum_nbytes // (ROUND + datum_nbytes)) > 3
    assert len(found) == len(of_first) + LABELS - 1
    assert "finkclass=__HIVE_DEFAULT_PARTITION__/part-00000.parquet" in found
    assert sorted(candid for candids in found.values() for candid in candids) == job.expected()
    assert consumer.verify(tmp_path / "out").complete
    assert not (home_of(tmp_path / "out") / "spool").exists()
    expected = {alert["candid"]: alert["finkclass"] for alert in job.alerts()}
    dictionary = pa.field("finkclass", pa.string())
    hive = ds.partitioning(pa.schema([dictionary]), flavor="hive")
    table = ds.dataset(tmp_path / "out", partitioning=hive).to_table(columns=["candid", "finkclass"])
    assert dict(zip(table["candid"].to_pylist(), table["finkclass"].to_pylist(), strict=True)) == expected


def test_what_is_fetched_in_pieces_is_the_same_and_readable_after_each(job, tmp_path):
    fetch(job, tmp_path / "whole")
    taken = 0
    for limit in (1, 30, 700, 5, 900):
        result = fetch(job, tmp_path / "pieces", limit=limit)
        taken += limit
        assert (result.num_alerts, result.num_alerts_new, result.complete) == (taken, limit, False)
        assert sum(map(len, contents(tmp_path / "pieces").values())) == taken
    assert fetch(job, tmp_path / "pieces").complete
    assert contents(tmp_path / "pieces") == contents(tmp_path / "whole")
    assert consumer.verify(tmp_path / "pieces").complete


def test_a_consumer_that_is_killed_loses_and_doubles_nothing(job, tmp_path):
    code = (
        "import consumer, sys\n"
        f"consumer.consume(sys.argv[1], sys.argv[2], kafka=sys.argv[3], partitionby='finkclass', round_nbytes={ROUND})"
    )
    outdir = tmp_path / "killed"
    journal = home_of(outdir) / "journal.jsonl"
    reached = 0
    # Each is killed as soon as the journal has grown: in the midst of renaming, staging, filling or fetching.
    for _ in range(5):
        words = [sys.executable, "-c", code, job.topic, str(outdir), job.kafka]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if (journal.stat().st_size if journal.exists() else 0) > reached:
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        reached = journal.stat().st_size
    assert fetch(job, outdir).complete
    assert consumer.verify(outdir).complete
    fetch(job, tmp_path / "whole")
    assert contents(outdir) == contents(tmp_path / "whole")


def test_a_run_that_stops_on_an_error_goes_on_from_what_is_spooled(job, tmp_path):
    class _StoppedError(Exception):
        pass

    def stop(progress):
        if progress.num_alerts > 500:
            raise _StoppedError

    with contextlib.suppress(_StoppedError):
        fetch(job, tmp_path / "out", progress=stop)
    assert fetch(job, tmp_path / "out").complete
    assert sorted(c for candids in contents(tmp_path / "out").values() for c in candids) == job.expected()


def test_a_spool_that_is_gone_is_told_and_restart_helps(job, tmp_path):
    fetch(job, tmp_path / "out", limit=800)
    for file in (home_of(tmp_path / "out") / "spool").iterdir():
        file.unlink()
    with pytest.raises(IncompleteError, match="in no file yet"):
        fetch(job, tmp_path / "out")
    assert fetch(job, tmp_path / "out", restart=True).complete
