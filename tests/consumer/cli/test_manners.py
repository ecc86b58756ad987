"""How commands end before their time, and what they do with output that can't be written."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consumer.cli import progress_row
from tests.command_line import COMMAND, run_here
from tests.consumer.conftest import Job

HAS_FULL = Path("/dev/full").exists()


@contextlib.contextmanager
def waiting_consumer(make_job, outdir, *, ignored=()):
    """Run a consumer of a job that goes on, until it has its folder."""
    job = make_job()
    job.state("running")
    job.beat()

    def ignore():
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    command = [COMMAND, "consume", job.topic, "--kafka", job.kafka, "--outdir", str(outdir), "--partitionby", "none"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, preexec_fn=ignore, **pipes) as consumer:
        try:
            while not outdir.with_name(f"{outdir.name}.transfer").exists():
                assert consumer.poll() is None, consumer.stderr.read()
                time.sleep(0.05)
            yield job, consumer
        finally:
            consumer.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_in_order_and_says_how_to_go_on(make_job, tmp_path, number):
    with waiting_consumer(make_job, tmp_path / "o ut") as (job, consumer):
        consumer.send_signal(number)
        out, err = consumer.communicate(timeout=150)
    assert (consumer.returncode, out) == (130, "")
    told, command = err.splitlines()
    assert told.startswith("interrupted: ")
    given = ["--kafka", job.kafka, job.topic, "--outdir", f"{tmp_path}/o ut", "--partitionby", "none"]
    assert shlex.split(command)[-len(given) - 1 :] == ["consume", *given]


def test_hup_that_was_ignored_at_the_start_stays_so(make_job, tmp_path):
    with waiting_consumer(make_job, tmp_path / "out", ignored=[signal.SIGHUP]) as (job, consumer):
        consumer.send_signal(signal.SIGHUP)
        job.run()
        _, err = consumer.communicate(timeout=150)
    assert consumer.returncode == 0, err


SECOND = """
import os, signal, sys, threading
from consumer.cli.ending import ending_in_order
with ending_in_order():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        print("ends in order", flush=True)
        sys.stdin.readline()
        threading.Event().wait(300)
"""


def test_a_second_ctrl_c_ends_at_once():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SECOND], text=True, **pipes) as process:
        assert process.stdout.readline() == "ends in order\n"
        process.send_signal(signal.SIGHUP)  # a terminal that is closed tells it more than once
        deadline = time.monotonic() + 150
        process.stdin.write("\n")
        process.stdin.flush()
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert process.returncode == 130
        assert process.stderr.read() == "interrupted again: ended at once\n"


LOST = """
import os, signal, sys, threading
from consumer.cli import commands
from consumer.cli.commands import command_named
from consumer.cli.ending import going_on
from consumer.errors import KafkaError

class Loses:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

def waits():
    try:
        threading.Event().wait(300)
    finally:
        threading.Event().wait(1.2)
        print("ends in order", flush=True)

def fails():
    raise KafkaError("not the reason")

def fails_in_a_block():
    with going_on("again"):
        fails()

def verify(**_):
    Loses()
    print("goes on", flush=True)
    globals()[os.environ["WHAT"]]()

command_named("verify").callback = verify
commands.main()
"""


@pytest.mark.parametrize(
    ("what", "out", "err"),
    [
        ("waits", "goes on\nends in order\n", "interrupted\n"),
        ("fails", "goes on\n", "interrupted\n"),
        ("fails_in_a_block", "goes on\n", "interrupted: again\n"),
    ],
)
def test_a_signal_that_was_lost_on_the_way_ends_it_nevertheless(what, out, err):
    words = [sys.executable, "-c", LOST, "verify", "somewhere"]
    done = subprocess.run(
        words, env=os.environ | {"WHAT": what}, capture_output=True, text=True, timeout=150, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, out, err)


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which $at is our command; pipes tell the first program's code."""
    words = ["bash", "-c", f"set -o pipefail; {line}"]
    environment = os.environ | {"at": COMMAND} | environment
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=150, check=False, errors="replace"
    )


@pytest.mark.skipif(not HAS_FULL, reason="no /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "verify {folder}", "verify {folder} --json"])
def test_a_full_disk_is_told(fetched_folder, arguments):
    done = shell(f"$at {arguments.format(folder=fetched_folder)} > /dev/full")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "internal" not in done.stderr
    assert done.stderr.count("Error:") == 1


@pytest.mark.parametrize("arguments", ["--help", "verify {folder}", "verify {folder} --json", "verify --help"])
def test_a_reader_that_has_gone_ends_it_silently(fetched_folder, arguments):
    done = shell(f"$at {arguments.format(folder=fetched_folder)} | exec 0<&-")
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_stdout_is_told_and_a_closed_stderr_is_not(fetched_folder):
    done = shell(f"$at verify {fetched_folder} >&-")
    assert done.returncode == 1
    assert "stdout is closed" in done.stderr
    done = shell(f"$at verify {fetched_folder} 2>&-")
    assert done.returncode == 0
    assert "220 of 220" in done.stdout
    assert shell("$at verify nowhere 2>&-").returncode == 2
    if HAS_FULL:
        assert shell("$at verify nowhere 2>/dev/full").returncode == 2


def test_characters_that_the_encoding_lacks_are_told(tmp_path):
    # No folder of this name is there, and --json tells it all the same.
    done = shell("$at verify größe --json", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stdout.isascii()
    write = f"{sys.executable} -c 'from consumer.cli.output import write; write(chr(%s))'"
    done = shell(write % 0x2026, PYTHONIOENCODING="latin-1")
    assert "OutputError" in done.stderr
    assert "U+2026" in done.stderr
    assert "PYTHONIOENCODING=utf-8 in" in done.stderr
    # Names of files that are no UTF-8 come as halves of characters, which are written out.
    assert shell(write % 0xDCE9, PYTHONIOENCODING="utf-8").stdout == "\\udce9\n"


def test_progress_is_said_in_lines_where_there_is_no_terminal(capsys):
    with progress_row("reading footers", unit="files", lines_after_s=[0.02]) as row:
        told = ""
        row(3, 20_000)
        while "reading footers: 3 of 20,000 files, 0 s\n" not in told:
            told += capsys.readouterr().err
        row.begin("starting a cluster")
        while "starting a cluster: 0 s\n" not in told:
            told += capsys.readouterr().err
    assert capsys.readouterr().out == ""


@pytest.fixture(scope="module")
def fetched_folder(tmp_path_factory, kafka):
    outdir = tmp_path_factory.mktemp("fetched") / "out"
    job = Job(kafka)
    job.run()
    done = run_here("consume", job.topic, "--kafka", kafka, "--outdir", outdir)
    assert done.returncode == 0, done.stderr
    return outdir
