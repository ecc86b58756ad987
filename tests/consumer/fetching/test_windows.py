"""The consumer runs without what Windows lacks: fcntl, folders that can be synced, SIGHUP, files renamed while open."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds

import consumer

SCRIPT = Path(__file__).with_name("like_windows.py")


def run(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


def test_consume_and_verify_run_without_what_windows_lacks(make_job, tmp_path):
    job, outdir = make_job().run(), tmp_path / "out"
    words = ("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir, "--partitionby", "finkclass", "--json")
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
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass").num_alerts_new == 0
    assert ds.dataset(outdir, partitioning="hive").count_rows() == 220
