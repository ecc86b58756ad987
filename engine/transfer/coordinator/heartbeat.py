"""The heartbeat: the coordinator tells others that it runs, and reads what they want of it."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from consumer.wire import HEARTBEAT_EVERY_S, Heartbeat, Manifest
from engine.sinks import OUTAGES, ManifestStore
from engine.telemetry import tell

__all__ = ["Cancelled", "Replaced", "Watch"]

_LOOK_EVERY_S = 0.2
_PAUSE_S = 1.0
_LONG_S = 10.0
"""What no store takes that is well: a client that writes again by itself hides an outage of less than three minutes."""


class Cancelled(Exception):
    """Somebody asked for the job to stop."""


class Replaced(Exception):
    """Another coordinator is in charge of the job."""


class Watch:
    """Writes heartbeats into a job's manifest, and notes requests to cancel and other coordinators that stand in it.

    Parameters
    ----------
    store
        The job's manifest.
    job_id
        The job's identity.
    coordinator
        This coordinator's name.
    clock
        Seconds that only grow.
    facts
        What a heartbeat says besides: fields of it.
    """

    def __init__(
        self,
        store: ManifestStore,
        job_id: str,
        coordinator: str,
        clock: Callable[[], float] = time.monotonic,
        facts: Callable[[], Mapping[str, int | None]] = dict,
    ):
        self._store = store
        self._job_id = job_id
        self._coordinator = coordinator
        self._clock = clock
        self._facts = facts
        self._next_at = clock() + HEARTBEAT_EVERY_S
        self._is_cancelled = threading.Event()
        self._is_replaced = threading.Event()
        self._has_ended = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Watch in a thread of its own until the block ends; what it tells is told of the same job."""
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(self._run,), name="alert-transfer-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            thread.join()

    def _run(self) -> None:
        was_away = False
        while not self._has_ended.is_set():
            try:
                self.step()
            except OUTAGES as exc:
                # A store that is away comes back, or the fragments fail for good and end the job.
                tell(f"{self._store.address} can't be used: {exc.as_told}", level="warning", event="outage")
                was_away = True
                self._has_ended.wait(_PAUSE_S)
            else:
                if was_away:
                    tell(f"{self._store.address} can be used again", event="outage-over")
                was_away = False
                # Asleep, not listening: the end of a job waits for this thread.
                self._has_ended.wait(_LOOK_EVERY_S)

    def step(self) -> None:
        """Write a heartbeat if one is due, then read what has come."""
        # In this order: a coordinator that can't read may still be able to say that it runs.
        if self._clock() >= self._next_at:
            beat = Heartbeat(job_id=self._job_id, coordinator=self._coordinator, time=time.time(), **self._facts())
            begun = self._clock()
            self._store.append(beat)
            if (took_s := self._clock() - begun) >= _LONG_S:
                text = f"{self._store.address} was away or busy: it took {took_s:.0f} s to write a heartbeat"
                tell(text, level="warning", event="slow-store")
            self._next_at = self._clock() + HEARTBEAT_EVERY_S
        self.note(self._store.wait_for_more(0.0))

    def note(self, manifest: Manifest) -> None:
        """Note what a manifest says of this coordinator."""
        if manifest.cancel_requested:
            self._is_cancelled.set()
        if manifest.coordinator != self._coordinator:
            self._is_replaced.set()

    def check_wanted(self) -> None:
        """Raise Replaced or Cancelled if this coordinator is to stop."""
        if self._is_replaced.is_set():
            raise Replaced
        if self._is_cancelled.is_set():
            raise Cancelled
