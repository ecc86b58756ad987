"""Which jobs may be taken up again."""

from __future__ import annotations

from engine.errors import JobError
from engine.transfer.submitted_job import Job, JobStatus

__all__ = ["check_stopped"]

_LISTEN_S = 0.5


def check_stopped(job_: Job) -> None:
    """Return if a job was stopped and is not complete, so that it may be taken up again.

    A job that seems to run is watched until it shows a sign of life, or is silent so long that it counts as
    interrupted: its coordinator may have died a moment ago.

    Raises
    ------
    JobError
        If it is complete, or runs.
    """
    status = _watched(job_)
    if status.state in ("complete", "empty", "running", "queued"):
        raise JobError(
            f"the job {job_.topic} can't be taken up again: it is {status.state}",
            accepted="a job that is interrupted, failed or cancelled",
            next_step=f"follow it with: alert-transfer status {job_.topic} --follow",
        )


def _watched(job_: Job) -> JobStatus:
    status = job_.status()
    last_sign_at = job_.manifest.last_sign_at
    while not status.is_final and job_.manifest.last_sign_at == last_sign_at:
        job_.wait_for_more(_LISTEN_S)
        status = job_.status()
    return status
