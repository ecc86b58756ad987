"""The door: what runs on a worker before anything of ours is imported there.

This file goes to workers as text (`engine.workers.sending`), so at its top it imports only what every worker has, and
it runs on any version of Python. A call of ours comes to it as bytes. The door compares the worker's versions and code
with those that are expected, then opens the bytes, which imports ours. On a worker that is not right nothing is
imported by name and nothing fails: the call's result is a refusal, and the caller tries elsewhere.

A process makes a module of the text once, and looks its versions up once: as long as it runs, it runs what it has
imported.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import logging
import operator
import pickle
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import distributed

CODE = "alert-transfer"
PYTHON = "Python"
_REFUSED = "alert-transfer: no worker for this job"


def refusal(key: object, address: str, problem: str) -> tuple[str, object, str, str]:
    """Return what stands for the result of a call whose worker is not right, in types that every worker has."""
    return (_REFUSED, key, address, problem)


def is_refusal(value: object) -> bool:
    """Return whether a result is a refusal."""
    return type(value) is tuple and len(value) == 4 and value[0] == _REFUSED


_known: dict[str, str] = {}
"""What was found in this process; what was not there is looked for again."""


def facts_of_this_process(names: Mapping[str, object]) -> dict[str, str]:
    """Return the versions that this process has of what is named; '' of what is not there."""
    return {name: _known.get(name) or _fact(name) for name in names}


def _fact(name: str) -> str:
    if name == PYTHON:
        return ".".join(platform.python_version_tuple()[:2])
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
    if name == CODE:
        try:
            version = importlib.import_module("engine.workers").loaded_code()
        except Exception as exc:  # noqa: BLE001  whatever an import does that is not ours, or is broken
            return f"{version} that can't be imported ({type(exc).__name__}: {exc})"
    return _known.setdefault(name, version)


def problem_of(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return what a process lacks of what is expected, or ''.

    Parameters
    ----------
    found
        Name -> version, '' where it is not there.
    expected
        Name -> what the version begins with: `2026.8` allows 2026.8.1. '' allows any.
    """
    lacks = [name for name in expected if not found.get(name)]
    others = [
        f"{name} {found[name]}, not {wanted}"
        for name, wanted in expected.items()
        if found.get(name) and wanted and not f"{found[name]}.".startswith(f"{wanted}.")
    ]
    parts = [f"lacks {', '.join(lacks)}"] if lacks else []
    return "; ".join([*parts, f"has {', '.join(others)}"] if others else parts)


def door_text(text: str, expected: Mapping[str, str], sealed: str, moves_on: bool, tried: Sequence[str]) -> str:
    """Return an expression, of builtins alone, the value of which is a `Door`; `text` is that of this file."""
    return _expression(text, "Door", (text, dict(expected), sealed, moves_on, list(tried)))


def facts_text(text: str, names: Mapping[str, object]) -> str:
    """Return an expression the value of which is what `facts_of_this_process` returns; `text` is that of this file."""
    return _expression(text, "facts_of_this_process", (dict.fromkeys(names),))


def _expression(text: str, name: str, given: tuple[Any, ...]) -> str:
    # By the module's name in `sys.modules`, Dask names the class of a door instead of packing all of it.
    module = f"alert_transfer_door_{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"
    return (
        "(lambda sys, module, text, given: (module in sys.modules or (lambda made: (exec(compile(text, "
        "'engine/workers/door.py', 'exec'), vars(made)), sys.modules.setdefault(module, made)))(type(sys)(module)), "
        f"sys.modules[module].{name}(*given))[1])(__import__('sys'), {module!r}, {text!r}, {given!r})"
    )


class Door:
    """A call of ours on a worker; pickled again, it is text and bytes as before.

    Parameters
    ----------
    text
        This file, which it is made of.
    expected
        As for `problem_of`.
    sealed
        The pickled call: a function of ours and its arguments, in base64.
    moves_on
        Submit the call to another worker, instead of returning a refusal to nobody.
    tried
        Addresses of workers that were not right.
    """

    def __init__(self, text: str, expected: dict[str, str], sealed: str, moves_on: bool, tried: list[str]):
        self._text, self._expected, self._sealed = text, expected, sealed
        self._moves_on, self._tried = moves_on, tried
        self._call: tuple[Any, ...] = ()
        self._problem = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (door_text(self._text, self._expected, self._sealed, self._moves_on, self._tried),)

    def __repr__(self) -> str:
        return "<a call of alert-transfer>"

    def __call__(self, *inputs: Any) -> Any:
        """Run the call, with what was computed before it, or refuse."""
        for value in inputs:
            if is_refusal(value):
                return value
        if not self._call and not self._problem:
            self._open()
        if self._problem:
            return self._refused()
        function, *arguments = self._call
        return function(*arguments, *inputs)

    def _open(self) -> None:
        problem = problem_of(facts_of_this_process(self._expected), self._expected)
        if not problem:
            try:
                self._call = pickle.loads(base64.b64decode(self._sealed))
            except ImportError as exc:
                problem = f"can't import what alert-transfer needs ({exc})"
        if problem:
            # In the log that the operator of this worker reads, once a job, which the task's key names.
            key = distributed.get_worker().get_current_task()
            logging.getLogger("distributed.worker").warning(
                "This worker runs no task of alert-transfer: it %s (%s)", problem, key
            )
        self._problem = problem

    def _refused(self) -> Any:
        worker = distributed.get_worker()
        refused = refusal(worker.get_current_task(), worker.address, self._problem)
        if self._moves_on:
            self._move_on(worker.address)
        return refused

    def _move_on(self, address: str) -> None:
        """Have another worker run the call; with none left it fails, and the caller who waits for it is told."""
        tried = [*self._tried, address]
        with distributed.worker_client() as client:
            others = [other for other in client.nthreads() if other not in tried]
            if not others:
                raise RuntimeError(f"no worker of the cluster can run alert-transfer: {address} {self._problem}")
            door = Door(self._text, self._expected, self._sealed, True, tried)
            key = f"{distributed.get_worker().get_current_task()}-{len(tried)}"
            how = {"workers": others, "allow_other_workers": True, "priority": 100}
            distributed.fire_and_forget(client.submit(operator.call, door, key=key, pure=False, **how))
