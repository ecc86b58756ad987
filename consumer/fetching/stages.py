"""Steps of the work that run side by side, a thread each, with what waits between them bounded.

The step that waits for another does nothing meanwhile, so memory is that of a few items. An error in one step reaches
the thread that hands it something, and so in the end the one that began them all, which stops the others and raises it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

__all__ = ["Stage", "StoppedError", "running"]

_Item = TypeVar("_Item")


class StoppedError(Exception):
    """The work is not wanted any more."""


class Stage(Generic[_Item]):
    """A thread that does the same with each item that it is given, in order.

    Parameters
    ----------
    name
        Name of the thread.
    work
        What it does with an item. It may call `check_wanted`.
    most
        How many items it holds at a time, the one at work included.
    """

    def __init__(self, name: str, work: Callable[[_Item], None], *, most: int):
        self._work = work
        self._most = most
        self._items: deque[_Item] = deque()
        self._num_held = 0
        self._changed = threading.Condition()
        self._is_stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"alert-transfer {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, item: _Item, timeout_s: float | None = None) -> bool:
        """Hand an item over once there is room for it; returns False where there is none after `timeout_s`.

        Raises
        ------
        StoppedError
            If the stage was stopped.
        BaseException
            What its work raised.
        """
        with self._changed:
            there_is_room = self._changed.wait_for(lambda: self._is_stopped or self._num_held < self._most, timeout_s)
            self.check()
            if there_is_room:
                self._items.append(item)
                self._num_held += 1
                self._changed.notify_all()
            return there_is_room

    def wait(self, timeout_s: float) -> bool:
        """Return whether all it was given is done, after `timeout_s` at the latest; raises what `put` raises."""
        with self._changed:
            is_done = self._changed.wait_for(lambda: self._is_stopped or not self._num_held, timeout_s)
            self.check()
            return is_done

    def check(self) -> None:
        """Raise what its work raised, or StoppedError where it was stopped."""
        if self._error is not None:
            raise self._error
        self.check_wanted()

    def check_wanted(self) -> None:
        """Raise StoppedError where it was stopped."""
        if self._is_stopped:
            raise StoppedError

    def stop(self) -> None:
        """Have it end as soon as its work lets it; items that wait are dropped."""
        with self._changed:
            self._is_stopped = True
            self._items.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until it has ended, Ctrl-C or not: it may be writing into the folder."""
        interrupted: KeyboardInterrupt | None = None
        while self._thread.is_alive():
            try:
                self._thread.join(0.1)
            except KeyboardInterrupt as exc:
                interrupted = exc
        if interrupted is not None:
            raise interrupted

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or self._items)
                if self._is_stopped:
                    return
                item = self._items.popleft()
            try:
                self._work(item)
            except StoppedError:
                return
            except BaseException as exc:  # noqa: BLE001  # the thread that hands it the next item raises it
                with self._changed:
                    self._error = exc
                    self._is_stopped = True
                    self._changed.notify_all()
                return
            del item  # its memory goes before the next one comes
            with self._changed:
                self._num_held -= 1
                self._changed.notify_all()


@contextmanager
def running(*stages: Stage[Any]) -> Iterator[None]:
    """Start stages; when the block is left, in whatever way, they are stopped, and have ended."""
    try:
        for stage in stages:
            stage.start()
        yield
    finally:
        for stage in stages:
            stage.stop()
        for stage in stages:
            stage.join()
