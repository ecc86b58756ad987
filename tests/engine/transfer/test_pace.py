"""How fast a job goes, what is left of it and who works on it: by hand, of fragments whose times are known."""

import time
from dataclasses import replace

from consumer.wire import Heartbeat, LogLine, LogLines, Manifest
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.submitted_job import JobStatus
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import JOB, done, says
from ui.cli.render import status_text, time_text

ONE, TWO = "tcp://10.0.0.1:1", "tcp://10.0.0.2:2"


def manifest(num_fragments: int, **request) -> Manifest:
    """Return that of a job that began at 0 and ran from second 2 on; each fragment has 100 alerts."""
    found = planned([100] * num_fragments).manifest
    found.plan.request.update(request)
    found.apply(says("running", "c", time=2.0))
    return found


def finish(found: Manifest, *times: float, worker: str | None = ONE, num_sent: int = 10) -> None:
    for at in times:
        fragment = fragments_of(found)[len(found.fragments)]
        record = done(fragment, num_selected=num_sent, num_sent=num_sent, time=at)
        found.apply(replace(record, worker=worker, nbytes=1_000 * num_sent))


def test_nothing_is_guessed_before_something_is_done():
    status = JobStatus.of(manifest(4), 10.0)
    assert (status.alerts_per_s, status.alerts_per_s_lately, status.left_s) == (None, None, None)
    assert (status.workers, status.num_workers, status.warnings) == ([], None, [])


def test_rates_of_all_the_time_and_of_the_last_minute_and_what_is_left():
    found = manifest(10)
    finish(found, 10.0, 20.0)
    finish(found, 170.0, worker=TWO, num_sent=30)
    found.apply(Heartbeat(job_id=JOB, coordinator="c", time=199.0, num_workers=3))
    status = JobStatus.of(found, 200.0)
    assert (status.alerts_per_s, status.bytes_per_s) == (0.2, 250.0)
    assert (status.alerts_per_s_lately, status.bytes_per_s_lately) == (0.5, 500.0)
    assert status.left_s == round(700 * 200 / 300, 1), "700 alerts of the archive are left, and 300 took 200 s"
    assert status.workers == [
        {"worker": ONE, "num_fragments": 2, "num_alerts_sent": 20, "worked_lately": False},
        {"worker": TWO, "num_fragments": 1, "num_alerts_sent": 30, "worked_lately": True},
    ]
    assert status.num_workers == 3
    text = status_text(status)
    assert "elapsed    200.0 s, 8 min left" in text
    assert "lately     0 alerts/s, 500 bytes/s within a minute" in text
    assert "workers    3, of which 1 has sent alerts within a minute" in text
    assert "scan" not in text, "it sends every alert"
    assert "8 min left" not in status._repr_html_()
    assert "467 s left" in status._repr_html_()


def test_what_was_done_before_a_pause_says_nothing_of_the_time_that_is_left():
    found = manifest(10)
    finish(found, 10.0, 20.0)
    found.apply(says("cancelled", "c", time=21.0))
    found.apply(says("queued", time=1_000.0))
    found.apply(says("running", "d", time=1_001.0))
    assert JobStatus.of(found, 1_002.0).left_s is None
    finish(found, 1_010.0)
    status = JobStatus.of(found, 1_020.0)
    assert status.left_s == round(700 * 20 / 100, 1)
    assert status.alerts_per_s_lately == 0.5, "within the 20 s since then"


def test_a_limit_that_is_near_is_what_is_left():
    found = manifest(1_000, limit=40, where="candidate.rb > 0.9")
    finish(found, 10.0, 20.0, 30.0)
    status = JobStatus.of(found, 30.0)
    assert status.left_s == 10.0, "30 of 40 were found in 30 s"
    assert "scan       looks through 300 of 100,000 alerts; 30 found" in status_text(status)


def test_of_a_job_that_has_ended_nothing_is_left_and_its_last_minute_counts():
    found = manifest(2, classes=["SN candidate"])
    finish(found, 10.0, 100.0)
    found.apply(says("complete", "c", time=101.0))
    status = JobStatus.of(found, time.time())
    assert (status.left_s, status.alerts_per_s_lately) == (None, round(10 / 60, 1))
    assert status.scan == "looked through 200 of 200 alerts; 20 found"
    assert "lately" not in status_text(status)


def test_fragments_of_earlier_versions_name_no_worker():
    found = manifest(2)
    finish(found, 10.0, worker=None)
    status = JobStatus.of(found, 20.0)
    assert (status.workers, status.workers_at_work) == ([], "")


def test_the_last_warnings_are_shown_and_how_many_were_before_them():
    found = manifest(2)
    lines = [LogLine(time=float(n), source=ONE, level="warning", text=f"ailed {n}").to_dict() for n in range(13)]
    lines.append(LogLine(time=14.0, source=ONE, text="all is well").to_dict())
    found.apply(LogLines(job_id=JOB, coordinator="c", index=0, lines=lines))
    status = JobStatus.of(found, 20.0)
    assert status.warnings[:-1] == [f"ailed {n}" for n in range(3, 13)]
    assert status.warnings[-1].startswith("and 3 before these; all of them: alert-transfer log ")
    assert "engine.job(" in status._repr_html_()
    text = status_text(status)
    assert "warnings   ailed 3\n           ailed 4\n" in text


def test_times_are_told_as_people_say_them():
    assert [time_text(s) for s in (0.4, 47.0, 99.4, 100.0, 3_599.0, 7_800.0)] == [
        *("0 s", "47 s", "99 s", "2 min", "1 h 0 min", "2 h 10 min")
    ]
