"""What `consume` and `verify` tell people and scripts."""

import json
import shlex
import subprocess

import pandas
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from tests.command_line import COMMAND, run_here


@pytest.fixture
def fetched(make_job, tmp_path):
    """Return a job and the folder that it was fetched into, by night."""
    job = make_job().run()
    outdir = tmp_path / "out"
    done = run_here("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir)
    assert done.returncode == 0, done.stderr
    assert "every row is here" in done.stdout
    return job, outdir


def test_verify_names_what_is_missing(fetched):
    _, outdir = fetched
    done = run_here("verify", outdir)
    assert done.returncode == 0
    assert "220 of 220" in done.stdout
    first = sorted(outdir.rglob("*.parquet"))[0]
    lost = pq.ParquetFile(first).metadata.num_rows
    first.unlink()
    done = run_here("verify", outdir)
    assert done.returncode == 4
    assert f"{lost} are missing" in done.stdout
    assert "fragment 0: alerts 40 missing" in done.stdout
    document = json.loads(run_here("verify", outdir, "--json").stdout)
    assert (document["complete"], document["missing"]) == (False, lost)
    assert sum(gap["missing"] for gap in document["fragments"]) == lost


def test_verify_names_a_file_that_is_damaged(fetched):
    _, outdir = fetched
    first = sorted(outdir.rglob("*.parquet"))[0]
    first.write_bytes(first.read_bytes()[:-20])
    done = run_here("verify", outdir)
    assert done.returncode == 4
    assert str(first.relative_to(outdir)) in done.stdout


def test_a_folder_that_was_emptied_by_hand_starts_over_and_says_so(fetched):
    job, outdir = fetched
    for file in outdir.rglob("*.parquet"):
        file.unlink()
    done = run_here("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["num_alerts_new"] == 220
    assert "starting over" in done.stderr


def test_complete_is_not_said_of_files_that_are_gone(make_job, tmp_path):
    job, outdir = make_job(sizes=(40, 50)), tmp_path / "out"
    job.run([0], state="running")
    words = ["consume", job.topic, "--kafka", job.kafka, "--outdir", str(outdir)]
    assert run_here(*words, "--no-wait").returncode == 0
    (first,) = outdir.rglob("*.parquet")
    copy = tmp_path / "out.transfer" / "manifest.jsonl"
    before = copy.stat().st_ino
    waiting = subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while copy.stat().st_ino == before:  # the copy is renewed once the folder was looked through
        assert waiting.poll() is None
    first.unlink()
    job.send(1)
    job.done(1)
    job.state("complete")
    told, wrong = waiting.communicate(timeout=120)
    assert (waiting.returncode, wrong) == (4, "")
    assert "not every row is here" in told
    assert f"{first.relative_to(outdir).as_posix()} is gone" in told
    assert "--restart" in told
    receipt = json.loads((tmp_path / "out.transfer" / "receipt.json").read_text())
    assert (receipt["on_disk"]["complete"], receipt["on_disk"]["num_missing"]) == (False, 40)


def test_a_label_too_long_for_a_folder_is_told_with_a_way_that_leads_out(make_job, tmp_path):
    job, outdir = make_job(sizes=(10, 10)), tmp_path / "out"
    for alert in job._alerts[1]:
        alert["finkclass"] = "L" * 100 + "é" * 40
    job.run()
    words = ["consume", job.topic, "--kafka", job.kafka, "--outdir", str(outdir)]
    done = run_here(*words, "--partitionby", "finkclass")
    assert done.returncode == 2
    assert "340 characters" in done.stderr
    assert "--partitionby time" in done.stderr
    # The way out, in the same folder.
    assert run_here(*words).returncode == 0
    assert run_here("verify", outdir).returncode == 0


def test_a_failed_job_tells_why_to_whoever_fetches_it(make_job, tmp_path):
    job = make_job()
    job.state("running")
    job.send(0)
    job.done(0)
    job.state("failed", {"message": "row group 3 is damaged", "accepted": None, "next": None})
    done = run_here("consume", job.topic, "--kafka", job.kafka, "--outdir", tmp_path / "out")
    assert done.returncode == 3
    assert "row group 3 is damaged" in done.stdout


def test_an_alert_too_many_is_not_complete_and_named(make_job, tmp_path):
    job = make_job(sizes=(40, 50))
    job.run([0], state="running")
    job.send(1, [7])  # of a fragment that the job never finished, and calls itself complete
    job.state("complete")
    done = run_here("consume", job.topic, "--kafka", job.kafka, "--outdir", tmp_path / "out", "--share", "1/1")
    assert done.returncode == 4
    assert "not every row of share 1/1" in done.stdout


def test_pandas_reads_a_folder_of_alerts_without_label_as_it_is_told(make_job, tmp_path):
    job = make_job(sizes=(10,))
    for alert in job._alerts[0][::2]:
        alert["finkclass"] = None
    outdir = tmp_path / "out"
    done = run_here("consume", job.run().topic, "--kafka", job.kafka, "--outdir", outdir, "--partitionby", "finkclass")
    told = done.stdout.partition("read them with: ")[2]
    code = shlex.split(told)[-1]
    assert code.startswith("import pandas, pyarrow.dataset; print(")
    rows = eval(code.partition("print(")[2][:-1], {"pandas": pandas, "pyarrow": pyarrow})
    assert sorted(rows["candid"][rows["finkclass"].isna()]) == [alert["candid"] for alert in job._alerts[0][::2]]
