"""Commands in texts: whatever the shell knows, and wherever it stands, they run when pasted into it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.cli import Face
from consumer.hints import python, quoted, runnable

SCRIPTS = Path(sys.executable).parent
OURS = SCRIPTS / "alert-transfer"


def shell(command: str, path: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PATH": path}
    bash = "/bin/bash"
    return subprocess.run([bash, "-c", command], env=environment, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with programs of our names that are not ours."""
    folder = tmp_path / "bin of others"
    folder.mkdir()
    for name in ("alert-transfer", "python"):
        (folder / name).write_text("#!/bin/sh\necho 'not ours' >&2\nexit 7\n")
        (folder / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return folder


# PATH as a shell may have it, `…` being the folder of our own programs, `?` one of other programs of their names.
@pytest.mark.parametrize("path", ["/usr/bin:/bin", "?:/usr/bin:/bin", "…:/usr/bin:/bin", "?:…:/bin", "…:?:/bin"])
def test_commands_run_whatever_the_shell_finds(monkeypatch, elsewhere, path):
    path = path.replace("…", str(SCRIPTS)).replace("?", str(elsewhere))
    monkeypatch.setenv("PATH", path)
    told = runnable("see: alert-transfer --help").removeprefix("see: ")
    done = shell(told, path, elsewhere.parent)
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout
    done = shell(f"{python()} -c {quoted('import sys, consumer; print(sys.prefix)')}", path, elsewhere.parent)
    assert done.stdout.strip() == sys.prefix
    if path.startswith(str(SCRIPTS)):
        assert (told, python()) == ("alert-transfer --help", "python")


def test_the_path_is_short_where_the_shell_stands_above_it(monkeypatch, tmp_path):
    there = tmp_path / "my $HOME's clone"
    (there / ".venv/bin").mkdir(parents=True)
    (there / ".venv/bin/alert-transfer").symlink_to(OURS)
    monkeypatch.setattr(sys, "argv", [str(there / ".venv/bin/alert-transfer")])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for folder, told in (
        (there, ".venv/bin/alert-transfer jobs"),
        (there / ".venv/bin", "./alert-transfer jobs"),
        (tmp_path, shlex.quote("my $HOME's clone/.venv/bin/alert-transfer") + " jobs"),
        (Path("/"), shlex.quote(str(there / ".venv/bin/alert-transfer")[1:]) + " jobs"),
        (Path("/usr"), shlex.quote(str(there / ".venv/bin/alert-transfer")) + " jobs"),
    ):
        monkeypatch.chdir(folder)
        assert runnable("alert-transfer jobs") == told
        assert shell(told.replace("jobs", "--version"), "/usr/bin:/bin", folder).returncode == 0


def test_uv_run_does_not_pass_for_the_shell(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}/usr/bin")
    assert runnable("alert-transfer jobs") == "alert-transfer jobs"
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert runnable("alert-transfer jobs") == f"{shlex.quote(str(OURS))} jobs"
    assert python() == shlex.quote(sys.executable)


@pytest.fixture
def plain(monkeypatch):
    """A shell that finds our programs by their names."""
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}/usr/bin")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("list them with: alert-transfer jobs", "list them with: alert-transfer jobs --kafka 'a b:1' --config c.yaml"),
        ("alert-transfer status T --follow", "alert-transfer status --kafka 'a b:1' --config c.yaml T --follow"),
        ("alert-transfer consume T --kafka h:1", "alert-transfer consume --config c.yaml T --kafka h:1"),
        ("alert-transfer resume T", "alert-transfer resume --kafka 'a b:1' --dask tcp://d:1 --config c.yaml T"),
        ("alert-transfer archive info", "alert-transfer archive info --config c.yaml --archive '/my data'"),
        ("start one with: alert-transfer broker", "start one with: alert-transfer broker"),
        ("alert-transfer verify out", "alert-transfer verify out"),
        ("alert-transfer status --help", "alert-transfer status --help"),
        ("two:\n  alert-transfer log T\n  alert-transfer verify T", None),
        ("a topic that alert-transfer sent in the last 30 days", None),
        ("the workers run the same version of alert-transfer and reach Kafka", None),
        ("install a newer alert-transfer, from a clone of it: pip install .", None),
        ("/opt/alert-transfer jobs", None),
    ],
)
def test_options_that_were_given_by_hand_are_given_again(plain, text, told):
    given = {"--kafka": "a b:1", "--dask": "tcp://d:1", "--config": "c.yaml", "--archive": "/my data"}
    expected = text.replace("log T", "log --kafka 'a b:1' --config c.yaml T") if told is None else told
    assert runnable(text, given) == expected
    assert runnable(text) == text
    assert runnable(runnable(text, given), given) == runnable(text, given)


def test_other_programs_of_the_environment_are_named_by_their_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert runnable("start one with: dask worker tcp://h:1") == f"start one with: {SCRIPTS / 'dask'} worker tcp://h:1"
    assert runnable("in a clone: pip install '.[all]'") == f"in a clone: {SCRIPTS / 'pip'} install '.[all]'"


@pytest.mark.parametrize("word", ["a b", "it's", "$HOME", '"', "a\nb", "*", "", "~", "é"])
def test_words_come_through_the_shell_as_they_are(tmp_path, word):
    assert shell(f"printf %s {quoted(word)}", "/usr/bin:/bin", tmp_path).stdout == word


def test_a_text_that_is_somebody_elses_is_shown_as_it_is(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    text = "where: |\n  a > 1; -- as alert-transfer plan says"
    Face(given={"--kafka": "here:1"}).emit_as_is({}, text)
    assert capsys.readouterr().out == text + "\n"
    Face(json=True).emit_as_is({"where": text}, text)
    assert json.loads(capsys.readouterr().out) == {"where": text}
