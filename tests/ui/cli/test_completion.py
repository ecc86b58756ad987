"""Completion in the shell: each of the three is answered in this process, and bash itself is asked where it is."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from click.shell_completion import split_arg_string

import engine
from consumer.cli import remembered
from consumer.cli.commands import _group
from consumer.cli.completion import SHELLS
from consumer.cli.console import report
from tests.command_line import COMMAND, run_here
from tests.kafka_fake import FakeKafka

NIGHTS = ("2021-11-22", "2021-11-23")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    root = tmp_path_factory.mktemp("completion")
    return engine.write_sample(root, nights=NIGHTS, alerts_per_night=3).archive


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder of each test's own, and no setting of the tests' environment."""
    for name in [name for name in os.environ if name.startswith("ALERT_TRANSFER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "completion"


@pytest.fixture
def complete(capsys, monkeypatch):
    """What a line may become: its last word, in a shell."""

    def complete(line: str, shell: str = "bash") -> list[str]:
        words = [*split_arg_string(line), *([""] if line.endswith(" ") else [])]
        monkeypatch.setenv("_ALERT_TRANSFER_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        assert report(_group, []) == 0
        monkeypatch.delenv("_ALERT_TRANSFER_COMPLETE")
        told = capsys.readouterr()
        assert told.err == ""
        lines = told.out.splitlines()
        if shell == "zsh":
            return [value.replace("\\:", ":") for value in lines[1::3]]
        return [value.partition(",")[2].partition("\t")[0] for value in lines if value]

    return complete


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_options_and_values_in_each_shell(complete, archive, shell):
    assert complete("alert-transfer pl", shell) == ["plan"]
    assert complete("alert-transfer archive sa", shell) == ["sample"]
    assert complete("alert-transfer plan --exclude", shell) == ["--exclude-class"]
    assert complete("alert-transfer plan --content c", shell) == ["cutouts"]
    assert complete("alert-transfer consume x --partitionby fi", shell) == ["finkclass"]
    assert complete(f"alert-transfer plan --archive {archive} --field candidate.magps", shell) == ["candidate.magpsf"]
    assert complete(f"alert-transfer plan --archive {archive} --nights 2021", shell) == list(NIGHTS)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_asks_for_what_is_answered(shell):
    done = run_here("completion", shell)
    assert done.returncode == 0
    assert f"{shell}_complete" in done.stdout
    assert json.loads(run_here("completion", shell, "--json").stdout)["shell"] == shell


def test_shells_that_are_not_known():
    done = run_here("completion", "tcsh")
    assert done.returncode == 2
    assert "fish" in done.stderr


# --- Topics ---------------------------------------------------------------------------------------------------------


def test_topics_of_jobs_are_completed_wherever_one_is_asked_for(complete, monkeypatch):
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    for topic in ("ftransfer_ztf_1", "ftransfer_ztf_2", "others"):
        kafka.create(topic)
    for topic in ("ftransfer_ztf_1", "ftransfer_ztf_2"):
        kafka.create(f"{topic}_manifest")
    for command in ("status", "log", "cancel", "resume", "consume"):
        line = f"alert-transfer {command} --kafka {kafka.bootstrap} ftr"
        assert complete(line) == ["ftransfer_ztf_1", "ftransfer_ztf_2"], command
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", kafka.bootstrap)
    assert complete("alert-transfer status ftransfer_ztf_2") == ["ftransfer_ztf_2"]
    assert complete("alert-transfer submit --topic ftr") == [], "a topic that is to be made is none that is there"


def test_without_an_answer_there_is_no_suggestion_and_no_message(complete, monkeypatch, tmp_path):
    assert complete("alert-transfer status ftr") == []
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    kafka.is_away = True
    before = kafka.clock.now
    assert complete(f"alert-transfer status --kafka {kafka.bootstrap} ftr") == []
    assert kafka.clock.now - before <= 1
    broken = tmp_path / "broken.yaml"
    broken.write_text("kafka: [")
    assert complete(f"alert-transfer status --config {broken} ftr") == []
    assert complete("alert-transfer plan --archive /no/such/archive --field ca") == []
    assert complete("alert-transfer nonsense --field some") == []


# --- Fields and conditions ------------------------------------------------------------------------------------------


def test_the_last_name_of_a_condition_is_completed(complete, archive):
    line = f"alert-transfer plan --archive {archive} --where "
    assert complete(line + '"candidate.magpsf > 18 AND candidate.distpsnr') == [
        f"candidate.magpsf > 18 AND candidate.distpsnr{number}" for number in (1, 2, 3)
    ]
    assert complete(line + "candidate.drbv") == ["candidate.drbversion"]
    assert complete(line + "@cond") == []


def test_classes_as_bash_takes_them(complete):
    assert complete("alert-transfer plan --class SN\\ c") == ["SN\\ candidate"]
    assert complete("alert-transfer plan --class 'SN c") == ["SN candidate"]
    assert complete("alert-transfer plan --class 'SN c", "zsh") == ["SN candidate"]
    assert "\\(TNS\\)\\ SN\\ Ia" in complete("alert-transfer plan --exclude-class \\(TNS\\)\\ SN\\ I")
    assert complete("alert-transfer plan --survey lsst --class SN") == []


def test_a_range_goes_on_behind_its_colon(complete, archive):
    line = f"alert-transfer plan --archive {archive} --nights "
    assert complete(f"{line}2021-11-23:2021") == ["2021-11-23"], "bash keeps what stands before the colon"
    assert complete(f"{line}2021-11-23:2021", "zsh") == ["2021-11-23:2021-11-23"]
    assert complete(f"{line}'2021-11-22:2021") == [f"2021-11-22:{night}" for night in NIGHTS]


def test_the_archive_that_was_used_last_is_meant_where_none_is_named(complete, archive, cache):
    line = "alert-transfer plan --field candidate.magps"
    with pytest.MonkeyPatch.context() as patched:  # what a command leaves is in the user's own cache
        patched.delenv("ALERT_TRANSFER_CACHE")
        patched.setenv("XDG_CACHE_HOME", str(cache.parents[1]))
        folder = cache.parents[1] / "alert-transfer" / "completion"
        assert run_here("archive", "info", "--archive", archive).returncode == 0
        assert not folder.exists(), "nothing is written where no shell completes"
        assert complete(line) == []
        assert run_here("archive", "info", "--archive", archive).returncode == 0
        assert complete(line) == ["candidate.magpsf"]
        assert complete("alert-transfer plan --archive ") == [archive]


def test_what_was_read_is_remembered_for_a_day(complete, archive, cache, monkeypatch):
    line = f"alert-transfer plan --archive {archive} --field candidate.magps"
    assert complete(line) == ["candidate.magpsf"]
    monkeypatch.setattr(engine.Archive, "nights", lambda self: pytest.fail("read again"))
    assert complete(line) == ["candidate.magpsf"]
    monkeypatch.undo()
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(cache.parent))
    (file,) = cache.glob("*.json")
    old = json.loads(file.read_text())
    file.write_text(json.dumps(old | {"at": time.time() - 90_000, "fields": ["candidate.magpsold"]}))
    assert complete(line) == ["candidate.magpsf"], "looked at anew"
    assert remembered(archive)["fields"] == old["fields"]


# --- Bash -----------------------------------------------------------------------------------------------------------

ASK = """\
eval "$({command} completion bash)"
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}
_alert_transfer_completion {command}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_itself(archive, tmp_path):
    line = f"alert-transfer preview --archive {archive} --where 'candidate.rb > 0 and candidate.fi"
    text = ASK.format(command=COMMAND, line="'" + line.replace("'", "'\\''") + "'")
    done = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True, timeout=150, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["candidate.rb > 0 and candidate.fid", "candidate.rb > 0 and candidate.field"]
