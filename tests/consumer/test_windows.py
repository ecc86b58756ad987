"""The consumer runs without what Windows lacks: fcntl, folders that can be synced, SIGHUP, files renamed while open."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest

import consumer

SCRIPT = Path(__file__).with_name("like_windows.py")


def run(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("by", ["time", "finkclass"])
def test_consume_and_verify_run_without_what_windows_lacks(make_job, tmp_path, by):
    job, outdir = make_job().run(), tmp_path / "out"
    words = ("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir, "--partitionby", by, "--json")
    # Stopped and gone on with, so that files are replaced by longer ones; and begun anew, so that they are removed.
    for more in (("--limit", "70"), (), ("--restart",)):
        done = run(*words, *more)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"]
    proof = run("verify", outdir)
    assert (proof.returncode, proof.stderr) == (0, "")
    assert "220 of 220" in proof.stdout
    # The same folder, on a system that has all of it.
    assert consumer.verify(outdir).complete
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby=by).num_alerts_new == 0
    assert ds.dataset(outdir, partitioning="hive").count_rows() == 220
    assert run("verify", outdir).returncode == 0


def test_without_locks_of_the_system_one_consumer_a_folder_as_well(make_job, tmp_path):
    job, outdir = make_job(), tmp_path / "out"
    job.state("running")
    job.send(0)
    words = ("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir)
    waiting = subprocess.Popen([sys.executable, str(SCRIPT), *map(str, words)], stderr=subprocess.DEVNULL)
    try:
        copy = tmp_path / "out.transfer" / "manifest.jsonl"
        while not copy.exists():
            assert waiting.poll() is None
        for other in (words, ("verify", outdir)):
            refused = run(*other)
            assert refused.returncode == 2
            assert "right now" in refused.stderr
    finally:
        waiting.send_signal(signal.SIGKILL)
        waiting.wait()
    # The lock ends with the process that held it.
    assert run(*words, "--no-wait").returncode == 0
    assert not os.path.exists(tmp_path / "out.transfer" / "lock.pid")
