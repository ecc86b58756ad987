"""What Dask's scheduler and the workers tell of a job while it runs: deaths and joins of workers, lines of their own.

Both come as events of Dask: without a question asked, so a cluster that is busy or lost holds nobody up. Whoever may
use the cluster may send such events, too.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, cast

import distributed

from consumer.wire import LEVELS, LogLine
from consumer.words import count_text

__all__ = ["DaskEvents", "tell_coordinator"]

_OF_WORKERS = "all"  # the topic to which the scheduler writes which workers come and go
_MOST_WAITING = 5_000
_MOST_CHARACTERS = 2_000


def tell_coordinator(channel: str, text: str, level: str, event: str) -> None:
    """Send a line to whoever listens to a channel; runs in a task, on a worker."""
    try:
        worker = distributed.get_worker()
    except ValueError:
        return  # called by hand, without a cluster: then it stands in the process's log alone
    line = {"time": time.time(), "source": worker.address, "level": level, "event": event}
    worker.log_event(channel, {**line, "text": text[:_MOST_CHARACTERS]})


class DaskEvents:
    """Listens to a cluster for one job.

    Parameters
    ----------
    client
        The cluster's client.
    job
        What the keys of the job's tasks hold.
    channel
        What the job's tasks write their lines to.
    """

    def __init__(self, client: distributed.Client, job: str, channel: str):
        self._client = client
        self._job = job
        self._channel = channel
        self._lines: queue.Queue[LogLine] = queue.Queue(_MOST_WAITING)
        self.workers: set[str] = set()
        """Addresses of the workers that are there."""
        self._dead: queue.SimpleQueue[str] = queue.SimpleQueue()
        client.subscribe_topic(channel, self._on_line)
        _listen(client, self._on_worker)
        self.workers |= set(client.nthreads())

    def take(self) -> list[LogLine]:
        """Return what came since the last call."""
        found = []
        while True:
            try:
                found.append(self._lines.get_nowait())
            except queue.Empty:
                return found

    def take_dead(self) -> set[str]:
        """Return the keys of the job's tasks that were on workers that died since the last call."""
        found: set[str] = set()
        while not self._dead.empty():
            found.add(self._dead.get())
        return found

    def close(self) -> None:
        """Listen no more."""
        _leave(self._client, self._on_worker)
        if self._client.status == "running":
            self._client.unsubscribe_topic(self._channel)

    def _keep(self, line: LogLine) -> None:
        # Called by the client's event loop, which must not wait: what floods it is lost.
        if not self._lines.full():
            self._lines.put_nowait(line)

    def _on_line(self, event: Any) -> None:
        line = _line_of(event)
        if line is not None:
            self._keep(line)

    def _on_worker(self, event: Any) -> None:
        message = _message_of(event)
        action, address = message.get("action"), message.get("worker")
        if not isinstance(address, str) or action not in ("add-worker", "remove-worker"):
            return
        if action == "add-worker":
            if address not in self.workers:
                self.workers.add(address)
                self._say(f"the worker {address} joins; {self._how_many()}", "info", "worker-joined")
            return
        if address not in self.workers:
            return
        self.workers.discard(address)
        processing = [str(key) for key in _keys(message.get("processing-tasks")) if self._job in str(key)]
        held = len(processing)
        lost = sum(self._job in str(key) for key in _keys(message.get("lost-computed-tasks")))
        again = f"; {count_text(held + lost, 'task')} of the job to be run elsewhere" if held + lost else ""
        if message.get("expected") is True:
            self._say(f"the worker {address} leaves{again}; {self._how_many()}", "info", "worker-left")
        else:
            for key in processing:
                self._dead.put(key)
            text = f"the worker {address} died, or can't be reached{again}; {self._how_many()}"
            self._say(text, "warning", "worker-lost")

    def _how_many(self) -> str:
        return f"{count_text(len(self.workers), 'worker')} now"

    def _say(self, text: str, level: str, event: str) -> None:
        self._keep(LogLine(time=time.time(), source="coordinator", level=level, event=event, text=text))


def _message_of(event: Any) -> Mapping[str, Any]:
    """Return the message of an event, which is a time and a message; an empty one if it is none."""
    message = event[1] if isinstance(event, tuple | list) and len(event) == 2 else None
    return cast(Mapping[str, Any], message) if isinstance(message, dict) else {}


def _line_of(event: Any) -> LogLine | None:
    message = _message_of(event)
    texts = [message.get(name) for name in ("source", "event", "text")]
    at, level = message.get("time"), message.get("level")
    if not all(isinstance(text, str) for text in texts) or not isinstance(at, float) or level not in LEVELS:
        return None
    if not 0 <= at < 2 * time.time():
        return None
    source, kind, text = cast(list[str], texts)
    # A worker is no coordinator, whatever it says.
    return LogLine(time=at, source=source if ":" in source else "worker", level=level, event=kind, text=text)


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set | frozenset | dict) else []


_Listener = Callable[[Any], None]
# Several jobs may have their coordinators on one worker, and so one client; a topic has one handler there.
_listeners: weakref.WeakKeyDictionary[distributed.Client, list[_Listener]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _listen(client: distributed.Client, listener: _Listener) -> None:
    with _lock:
        listeners = _listeners.setdefault(client, [])
        listeners.append(listener)
        if len(listeners) > 1:
            return

    def hand_on(event: Any) -> None:
        for each in list(listeners):
            each(event)

    client.subscribe_topic(_OF_WORKERS, hand_on)


def _leave(client: distributed.Client, listener: _Listener) -> None:
    with _lock:
        listeners = _listeners.get(client, [])
        listeners.remove(listener)
        if listeners:
            return
        del _listeners[client]
    if client.status == "running":
        client.unsubscribe_topic(_OF_WORKERS)
