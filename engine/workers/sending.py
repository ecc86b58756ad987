"""Calls of ours on their way to workers."""

from __future__ import annotations

import base64
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import requires
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import cloudpickle
from packaging.requirements import Requirement

from consumer.words import some_text
from engine.errors import ClusterError
from engine.workers.code import PACKAGE
from engine.workers.door import CODE, PYTHON, door_text, facts_of_this_process, is_refusal

if TYPE_CHECKING:
    import distributed

__all__ = ["Refusal", "Sent", "door_source", "expected_facts", "no_worker_left", "on_worker", "refusal_of"]

_ALIKE = (PYTHON, "dask", "distributed", "pyarrow")
_IN_ANY_VERSION = ("numpy", "confluent-kafka")  # and what the extra `engine` requires


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A worker did not run a call, since it is not right for it."""

    key: object
    """Key of the task that met it; tasks that need its result hand the refusal on."""
    worker: str
    """Address."""
    problem: str
    """What the worker lacks."""


def refusal_of(value: object) -> Refusal | None:
    """Return the refusal that stands in the place of a call's result, if it does."""
    if not is_refusal(value):
        return None
    _, key, worker, problem = cast(tuple[str, object, str, str], value)
    return Refusal(key=key, worker=worker, problem=problem)


@cache
def expected_facts() -> dict[str, str]:
    """Return what each worker is to have: our version and code; Python, Dask and pyarrow by their first two numbers.

    Whatever else the engine requires it must have in some version.
    """
    needed = [Requirement(text) for text in requires(PACKAGE) or ()]
    names = [one.name for one in needed if one.marker and one.marker.evaluate({"extra": "engine"})]
    here = facts_of_this_process(dict.fromkeys((CODE, *_ALIKE)))
    alike = {name: version if name == CODE else ".".join(version.split(".")[:2]) for name, version in here.items()}
    return alike | {name: "" for name in (*_IN_ANY_VERSION, *names) if name not in alike}


class Sent:
    """A call of ours that is safe to send anywhere. Here it runs as it stands; on a worker, behind a door.

    Parameters
    ----------
    function
        A function of ours.
    arguments
        Its first arguments; the others are what it is called with.
    moves_on
        A worker that is not right submits the call to another one.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, moves_on: bool = False):
        self.function = function
        self.arguments = arguments
        self._moves_on = moves_on

    def __call__(self, *inputs: Any) -> Any:
        """Run the call."""
        return self.function(*self.arguments, *inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        sealed = base64.b64encode(cloudpickle.dumps((self.function, *self.arguments))).decode()
        return eval, (door_text(door_source(), expected_facts(), sealed, self._moves_on, []),)


@cache
def door_source() -> str:
    """Return the text of the door."""
    return (files("engine.workers") / "door.py").read_text(encoding="utf-8")


def on_worker(client: distributed.Client, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of ours returns on some worker that is right for it.

    Raises
    ------
    ClusterError
        If none is.
    """
    call, wrong = Sent(function, *arguments), dict[str, str]()
    while True:
        how = {}
        if wrong:
            others = [worker for worker in client.nthreads() if worker not in wrong]
            if not others:
                raise no_worker_left(wrong)
            how = {"workers": others, "allow_other_workers": True}
        value = client.submit(operator.call, call, pure=False, **how).result()
        refusal = refusal_of(value)
        if refusal is None:
            return value
        wrong[refusal.worker] = refusal.problem


def no_worker_left(wrong: dict[str, str]) -> ClusterError:
    """Return the error that says that no worker is right any more."""
    told = some_text([f"{worker} {problem}" for worker, problem in wrong.items()], 5)
    return ClusterError(
        f"no worker of the Dask cluster can run this any more: {told}",
        next_step="install the same versions on the workers, and start them again",
    )
