"""A job that was started here: followed until its end, or left to run."""

from __future__ import annotations

from collections.abc import Callable

import click

import engine
from consumer.cli import Face, Row, quoted
from engine import JobError, Settings

__all__ = ["check_ended", "run_job"]


def run_job(
    face: Face,
    settings: Settings,
    start: Callable[[Callable[[engine.Job], None]], engine.Job],
    row: Row,
    *,
    wait: bool,
) -> None:
    """Start a job, follow it if the user wants that or it ends with us, and show how it stands.

    Parameters
    ----------
    face, settings
        Of the command.
    start
        Starts the job; it is given what to call once the job runs.
    row
        Shows what is waited for until then.
    wait
        Whether the user wants to follow it.
    """
    from ui.cli.render import job_bar, status_text

    def started(job: engine.Job) -> None:
        row.end()
        status = job.status()
        how = "runs" if status.queue_place is None else f"is {status.state_text}"
        face.say(f"{job.topic} {how}; fetch it with:\n  {_consume_command(job)}")
        if wait or not settings.dask:
            with face.going_on(_what_becomes_of(job, settings)), job_bar(job.topic) as draw:
                job.wait(on_change=draw)

    status = start(started).status()
    face.emit(status.to_dict(), status_text(status))
    if wait or not settings.dask:
        check_ended(status)


def _what_becomes_of(job: engine.Job, settings: Settings) -> str:
    if settings.dask:
        return f"{job.topic} goes on without this command; follow or stop it by:\n  " + "\n  ".join(
            (f"alert-transfer status {job.topic} --follow", f"alert-transfer cancel {job.topic}")
        )
    return f"{job.topic} ends with this command; go on with it by:\n  alert-transfer resume {job.topic}"


def _consume_command(job: engine.Job) -> str:
    return "alert-transfer consume " + quoted(job.topic, "--kafka", job.kafka.bootstrap, "--outdir", job.topic)


def check_ended(status: engine.JobStatus) -> None:
    """Leave with the exit code of a failed job, unless it ended well."""
    if status.state not in ("complete", "empty"):
        # What was wrong stands in the status that was just shown.
        raise click.exceptions.Exit(JobError.exit_code)
