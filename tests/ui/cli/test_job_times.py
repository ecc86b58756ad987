"""Times and rates of a job that was stopped and taken up again: nobody's waiting is counted as work."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from consumer.cli import Face
from consumer.wire import CancelRequest, FragmentDone, Heartbeat, Manifest, NightDone, Plan, PlanPart, StateChange
from engine.transfer import JobStatus
from engine.transfer.versions import engine_version, is_resumable
from ui.cli.demo_command import measured_text
from ui.cli.render import status_text

DAY = 86_400.0
FILES = [{"index": 0, "path": "f0", "size": 1, "etag": None, "night": "2021-11-22"}]
CUT = {"path": "f1", "size": 1, "etag": None, "night": "2021-11-22", "reason": "no footer"}


def plan(**more) -> Plan:
    given = {
        "job_id": "a",
        "topic": "ftransfer_x",
        "engine_version": engine_version(),
        "created_at": 1000.0,
        "request": {"nights": ["2021-11-22"]},
        "num_partitions": 2,
        "num_files": 1,
        "num_fragments": 4,
        "num_parts": 1,
        "num_alerts": None,
        "schema": {},
        "time_field": "jd",
        "id_field": "candid",
    }
    return Plan(**(given | more))


PART = PlanPart(
    job_id="a",
    index=0,
    files=FILES,
    fragments=[{"fragment": n, "file": 0, "row_groups": [n], "num_alerts": 100} for n in range(4)],
)


def done(fragment: int, time: float, num_sent: int = 100, unreadable: str | None = None) -> FragmentDone:
    return FragmentDone(
        job_id="a",
        fragment=fragment,
        num_alerts=100,
        num_selected=num_sent,
        num_sent=num_sent,
        nbytes=10 * num_sent,
        partitions={0: num_sent} if num_sent else {},
        digest="0" * 32,
        time=time,
        unreadable=unreadable,
    )


def state(name: str, time: float, coordinator: str | None = None) -> StateChange:
    return StateChange(job_id="a", state=name, time=time, coordinator=coordinator)


def status(*records, now: float, **more) -> JobStatus:
    return JobStatus.of(Manifest([plan(**more), PART, *records]), now)


FIRST = [state("queued", 1000.0), state("running", 1002.0, "c"), done(0, 1008.0), done(1, 1009.0)]
SECOND = [state("queued", DAY), state("running", DAY + 3.0, "d"), done(2, DAY + 4.0), done(3, DAY + 5.0)]
CANCELLED = [CancelRequest(job_id="a", time=1009.5), state("cancelled", 1010.0, "c")]


def test_the_night_between_cancel_and_resume_is_no_time_of_the_job():
    stopped = status(*FIRST, *CANCELLED, now=2 * DAY)
    assert (stopped.elapsed_s, stopped.first_alert_s, stopped.num_alerts_sent) == (10.0, 8.0, 200)
    again = status(*FIRST, *CANCELLED, *SECOND, now=DAY + 10.0)
    assert (again.state, again.elapsed_s, again.first_alert_s) == ("running", 20.0, 8.0)
    ended = status(*FIRST, *CANCELLED, *SECOND, state("complete", DAY + 10.0, "d"), now=9 * DAY)
    assert (ended.elapsed_s, ended.num_alerts, ended.num_alerts_sent) == (20.0, 400, 400)
    assert "400 of 400 sent, 4.0 KB, 20 alerts/s" in status_text(ended)
    assert "elapsed    20.0 s" in status_text(ended)


def test_silence_is_no_time_of_the_job_either():
    beat = Heartbeat(job_id="a", coordinator="c", time=1020.0)
    assert status(*FIRST, beat, now=DAY).elapsed_s == 20.0
    again = status(*FIRST, beat, *SECOND, now=DAY + 5.0)
    assert (again.state, again.elapsed_s) == ("running", 25.0)
    # Whoever cancels a job that nobody sees through says so in the coordinator's place.
    by_hand = status(*FIRST, beat, state("cancelled", DAY), now=2 * DAY)
    assert (by_hand.state, by_hand.elapsed_s) == ("cancelled", 20.0)
    # A Kafka that was away for a while is another matter: the job went on trying.
    assert status(*FIRST, beat, done(2, 1500.0), now=1501.0).elapsed_s == 501.0


def test_the_first_alerts_of_a_job_that_was_stopped_before_them_are_counted_likewise():
    before = [state("queued", 1000.0), state("running", 1002.0, "c"), state("cancelled", 1004.0, "c")]
    again = status(*before, *SECOND, now=DAY + 5.0)
    assert (again.first_alert_s, again.elapsed_s) == (8.0, 9.0)


@pytest.mark.parametrize(("num_alerts", "left"), [(400, 300), (350, 300), (250, 250), (None, None)])
def test_what_was_left_out_is_not_waited_for(num_alerts, left):
    lost = done(3, 1009.0, num_sent=0, unreadable="torn")
    assert status(*FIRST, lost, now=1010.0, num_alerts=num_alerts).num_alerts == left


def test_the_demo_says_what_was_measured_even_if_no_first_alert_was():
    result = SimpleNamespace(num_alerts_new=300, num_files=2)
    proof = SimpleNamespace(
        num_alerts=300, num_expected=300, missing=0, left_out=[], num_left_out_here=0, num_archive_duplicates=0
    )
    before, after = (
        measured_text(status(*records, now=1010.0), result, proof, {"consume": 2.0}) for records in (FIRST[:2], FIRST)
    )
    assert "alerts were there" not in before
    assert "alerts were there 8.0 s after" in after
    for text in (before, after):
        assert "300 alerts in 2.0 s (150 alerts/s), 2 files" in text


def test_a_command_in_a_job_s_error_can_be_pasted(capsys):
    error = {"message": "gone", "accepted": None, "next": "list the nights with: alert-transfer archive info"}
    failed = status(*FIRST, StateChange(job_id="a", state="failed", time=1010.0, error=error), now=1011.0)
    told = {}
    for as_json in (False, True):
        face = Face(json=as_json, given={"--archive": "s3://bucket/science"})
        face.emit(failed.to_dict(), status_text(failed))
        told[as_json] = capsys.readouterr().out
    assert "alert-transfer archive info --archive s3://bucket/science" in told[False]
    assert json.loads(told[True])["error"] == error


def test_a_status_tells_what_complete_is_said_of():
    lost = done(3, 1009.0, num_sent=0, unreadable="torn")
    counted = NightDone(job_id="a", night="2021-11-22", num_alerts=300, num_duplicates=30, time=1009.0)
    end = [done(2, 1009.0), lost, counted, state("complete", 1010.0, "c")]
    found = status(*FIRST, *end, now=DAY, unreadable_files=[CUT])
    assert (found.state, found.num_left_out, found.num_files_left_out, found.num_duplicates) == ("complete", 100, 1, 30)
    text = status_text(found)
    assert "100 alerts of 1 file" in text
    assert "1 whole file" in text
    assert "with an identifier that one before them in the same night has already" in text
    assert "30 alerts of these nights" in text
    assert found.next_step is None
    assert "resume" not in text
    assert status(*FIRST, lost, counted, now=1010.0).num_duplicates is None, "while it runs"


@pytest.mark.parametrize("name", ["cancelled", "failed", "interrupted"])
def test_a_stopped_job_tells_that_more_may_have_been_sent_and_what_to_do(name):
    last = [] if name == "interrupted" else [state(name, 1010.0, "c")]
    found = status(*FIRST, *last, now=DAY)
    assert found.state == name
    assert "alert-transfer resume ftransfer_x" in found.next_step
    text = status_text(found)
    assert "200 sent" in text
    assert "a part of others may have been sent besides" in text
    assert found.next_step in text
    other = status(*FIRST, *last, now=DAY, engine_version="0.0.7")
    assert "resume" not in other.next_step
    for said in ("0.0.7", engine_version(), "status ftransfer_x --request", "submit --request"):
        assert said in other.next_step


def test_a_status_is_a_document():
    found = status(*FIRST, now=1010.0)
    assert found.to_dict() == dataclasses.asdict(found)


@pytest.mark.parametrize(
    ("planned", "running", "may"),
    [
        ("0.2.0", "0.2.0", True),
        ("0.2.0", "0.2.7", True),
        ("0.2.7", "0.2.0", True),
        ("0.1.0", "0.2.0", False),
        ("0.2.0", "0.1.0", False),
        ("0.2.0", "1.2.0", False),
        ("0.2.0", "0.20.0", False),
        ("0.2.0.dev1", "0.2.0", False),
        ("0.2.0.dev1", "0.2.0.dev1", True),
        ("x", "y", False),
        ("", "0.2.0", False),
    ],
)
def test_whose_jobs_a_version_goes_on_with(planned, running, may):
    assert is_resumable(planned, running) == may


def test_a_reason_of_several_lines_is_shown_on_one():
    lost = done(3, 1009.0, num_sent=0, unreadable="row group 3:\n   torn\nhere")
    assert "           row group 3: torn here" in status_text(status(*FIRST, lost, now=1010.0)).splitlines()
