"""What a newcomer pastes: the commands that the demo prints, those of the documents, and those in messages."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from consumer.cli.commands import _group
from consumer.cli.console import report

SCRIPTS = Path(sys.executable).parent
REPOSITORY = Path(__file__).resolve().parents[3]
# A shell of somebody who activated nothing, with an `alert-transfer` and a `python` that are of something else.
PATH = "others:/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def home(tmp_path) -> Path:
    """A working directory whose name the shell has to be given in quotes."""
    folder = tmp_path / "it's my $HOME"
    (folder / "others").mkdir(parents=True)
    for name in ("alert-transfer", "python", "python3"):
        (folder / "others" / name).write_text("#!/bin/sh\nexit 7\n")
        (folder / "others" / name).chmod(0o755)
    return folder


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ALERT_TRANSFER_")} | {
        "PATH": PATH,
        **more,
    }


class Shell:
    """A shell into which lines are pasted, one after the other."""

    def __init__(self, cwd: Path):
        self._bash = subprocess.Popen(
            ["/bin/bash"],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bash.stdin.close()
        if self._bash.poll() is None:
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait(150)
        self._bash.stdout.close()

    def paste(self, line: str, until: str = "pasted line ended with ") -> str:
        """Return what is printed until a text comes."""
        ending = "" if line.rstrip().endswith("&") else "; echo pasted line ended with $?"
        command, comment, rest = line.partition("    #")
        self._bash.stdin.write(f"{command}{ending}{comment}{rest}\n")
        self._bash.stdin.flush()
        printed = ""
        for text in self._bash.stdout:
            printed += text
            if until in text:
                return printed
        raise AssertionError(f"the shell ended in {line!r}: {printed}")


def test_what_the_demo_prints_runs_when_pasted(home):
    demo = [str(SCRIPTS / "alert-transfer"), "demo", "--dir", "a demo of $5", "--alerts-per-night", "60"]
    done = subprocess.run(demo, cwd=home, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    commands = [line.strip() for line in done.stdout.partition("Try next:\n")[2].splitlines()]
    assert len(commands) >= 6
    # Julian days begin at noon, dates at midnight.
    assert any("(alerts.jd + 0.5) // 1" in command for command in commands)
    printed = {}
    with Shell(home) as shell:
        for command in commands:
            until = "export ALERT_TRANSFER_KAFKA=" if " broker " in command else "pasted line ended with "
            printed[command] = shell.paste(command, until)
            assert "broker" in command or printed[command].endswith("pasted line ended with 0\n"), printed[command]
    said = "".join(printed.values())
    assert "every row is here" in said  # consume
    assert re.search(r"60 of 60 sent", said)  # submit
    assert "objectId" in said
    # What consume itself says of reading the folder runs as well.
    told = re.search(r"read them with: (.*)", said)[1]
    read = subprocess.run(
        ["/bin/bash", "-c", told], cwd=home, env=environment(), capture_output=True, text=True, check=False
    )
    assert "[60 rows x" in read.stdout, read.stderr


def hint_of(capsys, *words: str, code: int = 2) -> str:
    """Run a command that fails and return the command in its last line."""
    capsys.readouterr()
    assert report(_group, list(words)) == code
    return re.search(r"(?:with|see): (.*)", capsys.readouterr().err.splitlines()[-1])[1]


def test_hints_carry_what_was_given_by_hand(home, kafka, capsys, monkeypatch):
    """The command in a message runs in the shell of the one that failed, and finds the same Kafka and archive."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.delenv("ALERT_TRANSFER_KAFKA", raising=False)

    def bash(command: str) -> subprocess.CompletedProcess:
        words = ["/bin/bash", "-c", command]
        return subprocess.run(words, cwd=home, env=environment(), capture_output=True, text=True, check=False)

    program = shlex.quote(str(SCRIPTS / "alert-transfer"))
    assert report(_group, ["archive", "sample", "my $archive", "--alerts-per-night", "2"]) == 0
    told = re.search(r"with:\n  (.*)", capsys.readouterr().out)[1]
    assert told.startswith(f"{program} preview --archive '")
    assert report(_group, shlex.split(told)[1:]) == 0

    hint = hint_of(capsys, "status", "ftransfer_ztf_nobody", "--kafka", kafka)
    assert hint == f"{program} jobs --kafka {kafka} --all"
    assert bash(hint).returncode == 0
    assert hint_of(capsys, "--kafka", kafka, "status", "ftransfer_ztf_nobody") == hint
    Path("request.yaml").write_text('archive: "my $archive/science"\nnights: 2021-11-22\ncontent: fields\n')
    hint = hint_of(capsys, "plan", "--request", "request.yaml", "--field", "magpfs")
    assert "candidate.magpsf" in bash(hint).stdout
    assert report(_group, ["plan", "--request", "request.yaml", "--field", "magpfs", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["next"].endswith(hint)
    assert hint_of(capsys, "archive", "fields", "--archive", "my $archive/science", "--nights", "2021-11-23") == (
        f"{program} archive info --archive 'my $archive/science'"
    )

    assert hint_of(capsys, "submit", "--nonsense") == f"{program} submit --help"
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", kafka)
    assert hint_of(capsys, "status", "ftransfer_ztf_nobody") == f"{program} jobs --all"


def told_commands() -> list[str]:
    """Give the commands in the indented blocks of the documents."""
    found = []
    for page in [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        found += re.findall(r"^    (?:\.venv/bin/)?alert-transfer (.*)$", text, re.MULTILINE)
    return found


@pytest.mark.parametrize("line", told_commands())
def test_the_commands_of_the_documents_are_commands(line):
    """Each command exists and knows the options that it is given."""
    words = [word for word in shlex.split(line, comments=True) if word not in ("…", "&")]
    # What follows `>` or `>>` is the shell's.
    words = words[: next((place for place, word in enumerate(words) if word in (">", ">>")), None)]
    command: click.Command = _group
    context = click.Context(command, info_name="alert-transfer")
    while isinstance(command, click.Group) and (words or not command.invoke_without_command):
        command = command.get_command(context, words[0])
        assert command is not None, words[0]
        words = words[1:]
    command.make_context(command.name, words, parent=context)


def test_the_documents_name_commands():
    assert len(told_commands()) > 8
