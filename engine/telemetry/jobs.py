"""The job that a thread works for: its name in each line of the process's log, and what is told to its user."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

__all__ = ["in_job", "job_logger", "tell"]

Level = Literal["info", "warning", "error"]
Listener = Callable[[str, Level, str], None]
"""Takes a text, how grave it is, and what kind of thing happened."""

_LEVELS: dict[Level, int] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True)
class _Job:
    name: str
    listener: Listener | None


_current: ContextVar[_Job | None] = ContextVar("alert_transfer_job", default=None)


class _NamesJob(logging.Filter):
    """Has each line begin with the job that it was written for, and its record name the job as `job`."""

    def filter(self, record: logging.LogRecord) -> bool:
        job = _current.get()
        record.job = job and job.name
        if job is not None:
            # The text alone, not what is put into it: names of topics hold no `%`.
            record.msg = f"[{job.name}] {record.msg}"
        return True


_NAMES_JOB = _NamesJob()


def job_logger(name: str) -> logging.Logger:
    """Return the logger `alert_transfer.<name>`; what is written to it inside a job names that."""
    logger = logging.getLogger(f"alert_transfer.{name}")
    logger.addFilter(_NAMES_JOB)  # once: a logger has each filter once
    return logger


@contextlib.contextmanager
def in_job(name: str, listener: Listener | None = None) -> Iterator[None]:
    """Have what this thread does inside the block be done for a job.

    Parameters
    ----------
    name
        The job's name: its topic.
    listener
        Is given what is told inside; it must not fail. None: that stays in the process's log.
    """
    token = _current.set(_Job(name, listener))
    try:
        yield
    finally:
        _current.reset(token)


def tell(text: str, *, level: Level = "info", event: str = "") -> None:
    """Write a line to the process's log, and to that of the job for which this is done, if it is done for one.

    Parameters
    ----------
    text
        A sentence for the user.
    level
        How grave it is.
    event
        What kind of thing happened, for programs: `retry`, `worker-lost`.
    """
    job_logger("jobs").log(_LEVELS[level], "%s", text)
    job = _current.get()
    if job is not None and job.listener is not None:
        job.listener(text, level, event)
