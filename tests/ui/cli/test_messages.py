"""Messages that lead somewhere: the nearest command, a failed job's error with its labels, hints that show a thing."""

import json

import pytest

from consumer.cli.commands import _group
from consumer.cli.console import report
from engine.transfer import JobStatus
from ui.cli.job_tables import no_jobs_text
from ui.cli.render import status_text


def told(capsys, *arguments: str) -> dict:
    code = report(_group, [*arguments, "--json"])
    assert code == 2
    return json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["sumbit"], "alert-transfer submit"),
        (["Status", "ftransfer_x"], "alert-transfer status"),
        (["fetch", "ftransfer_x"], "alert-transfer consume"),
        (["job"], "alert-transfer jobs"),
        (["check", "alerts"], "alert-transfer verify"),
        (["archive", "feilds"], "alert-transfer archive fields"),
        (["archive", "nights"], "alert-transfer archive info"),
    ],
)
def test_an_unknown_command_names_the_nearest_and_all(capsys, typed, meant):
    error = told(capsys, *typed)
    wrong = typed[1] if typed[0] == "archive" else typed[0]
    assert repr(wrong) in error["message"]
    assert error["next"].endswith(meant)
    assert meant.split()[-1] in error["accepted"].split(", ")


def test_where_no_command_is_near_the_help_is_named(capsys):
    error = told(capsys, "xyzzy")
    assert error["next"].endswith("alert-transfer --help")
    assert {"submit", "consume", "verify"} <= set(error["accepted"].split(", "))


def test_jobs_all_is_named_where_it_would_show_something():
    assert "jobs --all" in no_jobs_text(True)
    assert "--all" not in no_jobs_text(False)


def status(error: dict | None, next_step: str | None = None, state: str = "failed") -> JobStatus:
    return JobStatus(
        topic="ftransfer_x",
        state=state,
        num_alerts=None,
        num_alerts_sent=1,
        num_fragments=1,
        num_fragments_done=1,
        nbytes=10,
        elapsed_s=1.0,
        first_alert_s=None,
        error=error,
        left_out=[],
        num_left_out=0,
        num_files_left_out=0,
        num_duplicates=None,
        engine_version="0.2.0",
        next_step=next_step,
    )


RESUME = "take it up again with: alert-transfer resume ftransfer_x"


def labelled(text: str) -> dict[str, str]:
    """Return label -> what stands beside and below it."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        label = line[:11].strip() or label  # noqa: F821  the first line has one
        found[label] = f"{found.get(label, '')}\n{line[11:]}".strip()
    return found


def test_a_failed_job_s_error_says_what_was_wrong_what_is_accepted_and_what_next():
    error = {"message": "f0 is torn\nat its end", "accepted": "Parquet", "next": "repair the file"}
    found = labelled(status_text(status(error, RESUME)))
    assert found["error"] == "f0 is torn\nat its end"
    assert found["accepted"] == "Parquet"
    assert found["next"].splitlines() == ["repair the file", RESUME]


def test_what_an_error_does_not_say_has_no_label():
    found = labelled(status_text(status({"message": "gone", "accepted": None, "next": None}, RESUME)))
    assert (found["error"], found["next"]) == ("gone", RESUME)
    assert "accepted" not in found
    assert not {"error", "accepted", "next"} & labelled(status_text(status(None, state="complete"))).keys()


def test_a_command_is_not_told_twice():
    error = {"message": "killed", "accepted": None, "next": "give memory, then: alert-transfer resume ftransfer_x"}
    assert status_text(status(error, RESUME)).count("alert-transfer resume") == 1


def test_a_notebook_shows_the_same_labels_in_its_own_terms_and_escaped():
    error = {"message": "<script>", "accepted": "--share 1/2", "next": None}
    shown = status(error, RESUME)._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert "engine.resume(" in shown
    assert "alert-transfer" not in shown
    assert "--share" not in shown
    assert len(repr(status(error, RESUME))) < 100
