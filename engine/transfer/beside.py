"""What is done beside something else, in a thread that may be left behind."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Beside"]

_Found = TypeVar("_Found")


class Beside(Generic[_Found]):
    """Calls a function at once, in a thread of its own.

    Parameters
    ----------
    function
        What is called.
    """

    def __init__(self, function: Callable[[], _Found]):
        self._function = function
        self._found: list[_Found] = []
        self._failure: BaseException | None = None
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), name="alert-transfer-beside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._function())
        except BaseException as exc:  # noqa: BLE001  raised where the result is asked for
            self._failure = exc

    def check(self) -> None:
        """Raise what the function raised, if it has by now."""
        if self._failure is not None:
            raise self._failure

    def result(self) -> _Found:
        """Return what the function returns, or raise what it raises, once it does."""
        self._thread.join()
        self.check()
        return self._found[0]
