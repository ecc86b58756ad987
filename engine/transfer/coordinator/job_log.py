"""The lines that a coordinator adds to its job's log: gathered from any thread, bounded, written with other records."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

from consumer.settings import without_secrets
from consumer.wire import MOST_CHARACTERS, MOST_LINES, LogLine, LogLines
from consumer.words import on_one_line

__all__ = ["JobLog"]

_DUE_S = 1.0
_MOST_OF_WORKERS = MOST_LINES // 2
_MOST_NAME = 200
_COORDINATOR = "coordinator"


class JobLog:
    """Keeps lines until they are taken, at most so many of one job.

    Parameters
    ----------
    job_id
        The job's identity.
    coordinator
        The coordinator's name.
    num_written
        Lines that the job's log has already.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, job_id: str, coordinator: str, num_written: int = 0, clock: Callable[[], float] = time.monotonic
    ):
        self._job_id = job_id
        self._coordinator = coordinator
        self._clock = clock
        self._lock = threading.Lock()
        self._num_left = max(0, MOST_LINES - num_written)
        self._num_left_of_workers = min(self._num_left, _MOST_OF_WORKERS)
        self._waiting: list[LogLine] = []
        self._num_left_out = 0
        self._index = 0
        self._due_at: float | None = None
        self._away_since: float | None = None

    def add(self, text: str, level: Literal["info", "warning", "error"] = "info", event: str = "") -> None:
        """Add a line of the coordinator's own; of an outage, whoever notices it, only the first and the last."""
        with self._lock:
            if event == "outage":
                if self._away_since is not None:
                    return
                self._away_since = self._clock()
            elif event == "outage-over":
                if self._away_since is None:
                    return
                text, self._away_since = f"{text}, after {self._clock() - self._away_since:.0f} s", None
            self._keep(LogLine(time=time.time(), source=_COORDINATOR, level=level, event=event, text=text))

    def take_in(self, line: LogLine) -> None:
        """Add what a worker, or the cluster, says; whoever may use the cluster may say anything."""
        with self._lock:
            if line.source != _COORDINATOR:
                if not self._num_left_of_workers:
                    self._num_left_out += 1
                    return
                self._num_left_of_workers -= 1
            self._keep(line)

    def _keep(self, line: LogLine) -> None:
        if not self._num_left:
            self._num_left_out += 1
            return
        self._num_left -= 1
        text = on_one_line(without_secrets(line.text))
        if len(text) > MOST_CHARACTERS:
            text = text[: MOST_CHARACTERS - 1] + "…"
        source, event = (on_one_line(name)[:_MOST_NAME] for name in (line.source, line.event))
        self._waiting.append(LogLine(time=line.time, source=source, level=line.level, event=event, text=text))
        if self._due_at is None:
            self._due_at = self._clock() + _DUE_S

    @property
    def is_due(self) -> bool:
        """Whether lines have waited long enough for being written by themselves."""
        return self._due_at is not None and self._clock() >= self._due_at

    def take(self, *, last: bool = False) -> list[LogLines]:
        """Take what waits, as records that are to be written next.

        Parameters
        ----------
        last
            Whether this coordinator takes no more: then it says how many lines it left out.
        """
        with self._lock:
            num_left_out = self._num_left_out if last else 0
            if not self._waiting and not num_left_out:
                return []
            record = LogLines(
                job_id=self._job_id,
                coordinator=self._coordinator,
                index=self._index,
                lines=[line.to_dict() for line in self._waiting],
                num_left_out=num_left_out,
            )
            self._waiting, self._due_at = [], None
            self._num_left_out -= num_left_out
            self._index += 1
            return [record]
