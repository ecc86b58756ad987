"""A job that is followed: a thread reads how it stands and tells the page's loop, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine import AlertTransferError, Job, JobStatus, KafkaError
from ui.dashboard.plots import Finished, Rates, rates_of

__all__ = ["Follower", "Sight", "look_at"]

_log = logging.getLogger("alert_transfer.dashboard")

_EVERY_S = 0.7
_EVERY_STOPPED_S = 10.0
"""A job that was stopped may be taken up again, from anywhere."""
_EVERY_COMPLETE_S = 30.0
"""Of one that is complete, the topics may be deleted."""
_AWAY_S = 2.0
_TWO_HEARTBEATS_S = 12.0
_PART_OF_TIME = 10
"""Of a thread's time: to read a job of many thousand fragments takes a while, and others wait for it meanwhile."""
_MOST_LINES = 1_000


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is known of a job at one moment."""

    status: JobStatus | None
    """None until it was read once."""
    lines: tuple[str, ...] = ()
    """The end of its log."""
    num_lines_before: int = 0
    """Lines of the log before those."""
    rates: Rates | None = None
    read_at: float | None = None
    """When it was read, Unix time in seconds."""
    problem: Exception | None = None
    """Why it could not be read again since."""
    is_gone: bool = False
    """Whether it is no job, or none any more."""


def look_at(job: Job) -> Sight:
    """Return what is known of a job now; blocks.

    Raises
    ------
    KafkaError
        If Kafka does not answer.
    InputError
        If it is no job any more.
    """
    status = job.status()
    log = job.log()
    manifest = job.manifest
    begun = manifest.require_plan().created_at
    now = time.time()
    parts = [
        Finished(time=done.time, seconds=done.seconds or 1.0, num_alerts=done.num_sent)
        for done in list(manifest.fragments.values())
    ]
    until = (manifest.last_sign_at or now) if status.is_final else now
    return Sight(
        status=status,
        lines=tuple(log[-_MOST_LINES:]),
        num_lines_before=max(0, len(log) - _MOST_LINES),
        rates=rates_of(parts, begun=begun, until=until),
        read_at=now,
    )


class Follower:
    """Follows one job until it is stopped, or the job is gone.

    Parameters
    ----------
    open_job
        Opens the job; called in the thread.
    tell
        Called in the loop with each `Sight`.
    """

    def __init__(self, open_job: Callable[[], Job], tell: Callable[[Sight], None]):
        self._open_job = open_job
        self._tell_page = tell
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._told = Sight(status=None)
        # In the page's context, and so in its terms.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._follow,), name="job-follower", daemon=True).start()

    def stop(self) -> None:
        """Follow the job no more."""
        self._stopped.set()
        self._woken.set()

    def look(self) -> None:
        """Look at the job at once: something was done with it."""
        self._woken.set()

    def _follow(self) -> None:
        job: Job | None = None
        away_at = -_TWO_HEARTBEATS_S
        try:
            while not self._stopped.is_set():
                begun = time.monotonic()
                try:
                    job = job or self._open_job()
                    sight = look_at(job)
                except KafkaError as exc:
                    away_at = time.monotonic()
                    self._tell(replace(self._told, problem=exc))
                    self._pause(_AWAY_S)
                    continue
                except AlertTransferError as exc:
                    self._tell(replace(self._told, problem=exc, is_gone=True))
                    return
                status = sight.status
                assert status is not None
                # Nobody could read a sign of life while Kafka was away.
                if status.state != "interrupted" or time.monotonic() - away_at > _TWO_HEARTBEATS_S:
                    self._tell(sight)
                took_s = time.monotonic() - begun
                if status.is_final:
                    # Opened anew next time: what is open does not tell that its topics were deleted.
                    job.close()
                    job = None
                self._pause(max(_pause_s(status), _PART_OF_TIME * took_s))
        except Exception as exc:  # noqa: BLE001  told, since nobody awaits a thread
            _log.exception("the follower of a job failed")
            self._tell(replace(self._told, problem=exc))
        finally:
            if job is not None:
                with contextlib.suppress(AlertTransferError):
                    job.close()

    def _pause(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()

    def _tell(self, sight: Sight) -> None:
        self._told = sight
        if self._stopped.is_set():
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the page with it
            self._loop.call_soon_threadsafe(self._tell_if_followed, sight)

    def _tell_if_followed(self, sight: Sight) -> None:
        if not self._stopped.is_set():
            self._tell_page(sight)


def _pause_s(status: JobStatus) -> float:
    if status.state in ("complete", "empty"):
        return _EVERY_COMPLETE_S
    return _EVERY_STOPPED_S if status.is_final else _EVERY_S
