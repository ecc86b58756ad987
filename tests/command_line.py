"""`alert-transfer` as tests run it: in this process, or in one of its own as a user does.

A process of its own first imports everything, which costs more than most commands do. So it is for what only it can
show: the entry point, exit codes that the shell sees, signals, paths relative to a working directory.
"""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from consumer.cli.commands import _group
from consumer.cli.console import report

__all__ = ["COMMAND", "document", "run", "run_here"]

COMMAND = str(Path(sys.executable).with_name("alert-transfer"))
_OURS = "ALERT_TRANSFER_"


def run(*words: object, kafka: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; no setting of the tests' environment reaches it but `kafka`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    if kafka:
        environment["ALERT_TRANSFER_KAFKA"] = kafka
    given = [COMMAND, *map(str, words)]
    return subprocess.run(given, env=environment, cwd=cwd, capture_output=True, text=True, timeout=200, check=False)


def run_here(*words: object, kafka: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as `run` does, but in this process."""
    with (
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
    ):
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            patched.delenv(name)
        if kafka:
            patched.setenv("ALERT_TRANSFER_KAFKA", kafka)
        given = [COMMAND, *map(str, words)]
        patched.setattr(sys, "argv", given)
        code = report(_group, given[1:])
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the one JSON document that a command answered with."""
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    return json.loads(done.stdout)
