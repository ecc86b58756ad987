"""Which jobs somebody may look at and stop: one's own, and those that are nobody's; an operator all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import engine
from engine import InputError, Job, JobStatus

if TYPE_CHECKING:
    from ui.dashboard.session import Session, User

__all__ = ["check_may_see", "may_see", "open_job"]


def may_see(status: JobStatus, user: User) -> bool:
    """Return whether somebody may look at a job, and stop it."""
    return user.is_operator or status.owner in ("", user.name)


def check_may_see(status: JobStatus, user: User) -> None:
    """Raise unless somebody may look at a job.

    Raises
    ------
    InputError
        If it is another's.
    """
    if not may_see(status, user):
        raise InputError(
            f"the job {status.topic} is another user's",
            accepted="a job of your own; operators see those of everyone",
            next_step="choose one in the list of your jobs, or ask its owner",
        )


def open_job(topic: str, session: Session) -> Job:
    """Return a job that the session's user may look at; blocks.

    Raises
    ------
    InputError
        If there is none, or it is another's.
    KafkaError
        If Kafka does not answer.
    """
    services = session.services
    job = engine.job(topic, services.kafka or None, settings=services.settings)
    try:
        check_may_see(job.status(), session.user)
    except BaseException:
        job.close()
        raise
    return job
