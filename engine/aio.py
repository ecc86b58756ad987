"""Async twins of the functions that take long: `await engine.aio.plan(request)` blocks no event loop.

Each takes what its function takes, returns and raises the same, and runs it in a thread of its own, so that a page or a
notebook goes on meanwhile. The import that a function's first use brings happens there too. docs/python.md says what
becomes of a call that is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast

import engine

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("alert_transfer.aio")
# What reading functions call again and again: a call that nobody awaits any more ends at the next of them.
_TELLS = ("on_change", "progress")


class _Abandoned(Exception):
    """Nobody awaits the call any more."""


_How: TypeAlias = Callable[[Callable[..., Any], inspect.BoundArguments], Any]


def _called(function: Callable[..., Any], given: inspect.BoundArguments) -> Any:
    return function(*given.args, **given.kwargs)


def _in_turn(method: Callable[..., Any], given: inspect.BoundArguments) -> Any:
    """Call a method of a job that is soon done: the job's connection to Kafka serves one thread at a time."""
    with _turn_of(given.arguments["self"]):
        return _called(method, given)


def _apart(method: Callable[..., Any], given: inspect.BoundArguments) -> Any:
    """Call a method of a job that takes long, on a connection of its own."""
    asked: engine.Job = given.arguments["self"]
    given.arguments["self"] = own = engine.Job(asked.topic, asked.kafka)
    with contextlib.closing(own):
        found = _called(method, given)
    with _turn_of(asked), contextlib.suppress(engine.KafkaError):
        asked.manifest  # noqa: B018  read up to now, since what shows the job shows what was read
    return found


_turns: weakref.WeakKeyDictionary[engine.Job, threading.Lock] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def _turn_of(asked: engine.Job) -> threading.Lock:
    with _making:
        return _turns.setdefault(asked, threading.Lock())


class Twin(Generic[P, R]):
    """A function as a coroutine function, which runs it in a thread.

    Parameters
    ----------
    find
        Returns the function; called in the thread, since it may be what imports it.
    goes_on
        Whether the function has effects, so that it goes on if the awaiting task is cancelled, and the program does not
        end before it.
    how
        Calls the function.
    """

    def __init__(self, find: Callable[[], Callable[P, R]], *, goes_on: bool = False, how: _How = _called):
        self._find = find
        self._goes_on = goes_on
        self._how = how

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        call = _Call(asyncio.get_running_loop(), goes_on=self._goes_on)

        def work() -> R:
            function = self._find()
            call.name = str(self)
            bound = inspect.signature(function).bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                if callable(value):
                    bound.arguments[name] = call.told(value)
            for name in _TELLS:
                if not self._goes_on and name in bound.signature.parameters:
                    bound.arguments.setdefault(name, call.told(None))
                    break
            return cast(R, self._how(function, bound))

        return cast(R, await call.run(work))

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._find())

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # of each twin its function's, not the class's
        return f"Run `{self}` in a thread.\n\n{inspect.getdoc(self._find()) or ''}"

    def __str__(self) -> str:
        return f"engine.{self._find().__qualname__}"

    def __repr__(self) -> str:
        return f"<the async twin of {self}>"


class _Call:
    """One call of a function in a thread, awaited in a loop.

    Parameters
    ----------
    loop
        Where it is awaited, and where its callbacks are called.
    goes_on
        As of `Twin`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, goes_on: bool):
        self._loop = loop
        self._goes_on = goes_on
        self._outcome: asyncio.Future[Any] = loop.create_future()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._is_abandoned = False
        self._error: Exception | None = None
        """What a callback raised: the function ends by it, as if it had called that itself."""
        self.name = "a function of engine.aio"

    async def run(self, work: Callable[[], Any]) -> Any:
        """Return what some work returns, done in a thread with the context of this task."""
        context = contextvars.copy_context()
        # What has effects is not cut off at the program's end; what only reads may be.
        threading.Thread(target=self._work, args=(context, work), name="aio", daemon=not self._goes_on).start()
        try:
            found = await self._outcome
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            self._is_abandoned = True
            raise
        if self._error is not None:
            raise self._error
        return found

    def told(self, callback: Callable[..., Any] | None) -> Callable[..., None]:
        """Return what the thread calls in place of a callback, which is then called in the loop's thread."""

        def tell(*values: Any) -> None:
            if self._is_abandoned and not self._goes_on:
                raise _Abandoned
            if self._error is not None:
                raise self._error
            if callback is not None:
                self._in_loop(self._tell, callback, values)

        return tell

    def _tell(self, callback: Callable[..., Any], values: tuple[Any, ...]) -> None:
        if self._is_abandoned or self._error is not None:
            return
        try:
            found = callback(*values)
        except Exception as exc:  # noqa: BLE001  the user's: raised where the call is awaited
            self._error = exc
            return
        if inspect.isawaitable(found):
            self._tasks.add(asyncio.ensure_future(found))

    def _work(self, context: contextvars.Context, work: Callable[[], Any]) -> None:
        try:
            found, error = context.run(work), None
        except BaseException as exc:  # noqa: BLE001  raised where the call is awaited
            found, error = None, exc
        if not self._in_loop(self._settle, found, error):
            self._tell_nobody(found, error)

    def _settle(self, found: Any, error: BaseException | None) -> None:
        if self._outcome.cancelled():
            self._tell_nobody(found, error)
        elif error is None:
            self._outcome.set_result(found)
        else:
            self._outcome.set_exception(error)

    def _in_loop(self, function: Callable[..., None], *values: Any) -> bool:
        """Have the loop call a function; return whether there still is a loop."""
        try:
            self._loop.call_soon_threadsafe(function, *values)
        except RuntimeError:
            if not self._loop.is_closed():
                raise
            return False
        return True

    def _tell_nobody(self, found: Any, error: BaseException | None) -> None:
        """Log what became of a call that nobody awaits."""
        if error is None:
            _log.info("%s, which was cancelled, has ended: %r", self.name, found)
        elif not isinstance(error, _Abandoned):
            _log.warning("%s, which was cancelled, failed: %s", self.name, error)


# The table, one line a function. A test asks for each public function that may take long, with the same signature.
archive_info = Twin(lambda: engine.archive_info)
check_settings = Twin(lambda: engine.check_settings)
clean_topics = Twin(lambda: engine.clean_topics, goes_on=True)
estimate = Twin(lambda: engine.estimate)
fields = Twin(lambda: engine.fields)
index_archive = Twin(lambda: engine.index_archive)
job = Twin(lambda: engine.job)
jobs = Twin(lambda: engine.jobs)
plan = Twin(lambda: engine.plan)
preview = Twin(lambda: engine.preview)
resume = Twin(lambda: engine.resume, goes_on=True)
submit = Twin(lambda: engine.submit, goes_on=True)
topics = Twin(lambda: engine.topics)
write_sample = Twin(lambda: engine.write_sample)
cancel = Twin(lambda: engine.Job.cancel, how=_apart, goes_on=True)
log = Twin(lambda: engine.Job.log, how=_in_turn)
receipt = Twin(lambda: engine.Job.receipt, how=_in_turn)
status = Twin(lambda: engine.Job.status, how=_in_turn)
wait = Twin(lambda: engine.Job.wait, how=_apart)
