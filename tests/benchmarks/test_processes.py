"""What a command took counts all that it started, also what outlived the process that started it."""

import sys

import pytest

from benchmarks.processes import CommandError, take

_BUSY = "import time; held = bytearray(80_000_000)\nwhile time.process_time() < 0.6: pass"


def test_a_process_that_outlives_its_parent_is_counted(tmp_path):
    script = tmp_path / "starts.py"
    script.write_text(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {_BUSY!r}])\nprint('begun')")
    taken, printed = take([sys.executable, script], tmp_path, {})
    assert printed == "begun\n"
    assert taken.cpu_s >= 0.6
    assert 80 < taken.peak_mb <= taken.peak_sum_mb + 1


def test_a_command_that_fails_tells_what_it_said(tmp_path):
    with pytest.raises(CommandError, match="no such night"):
        take([sys.executable, "-c", "import sys; sys.exit('no such night')"], tmp_path, {})
