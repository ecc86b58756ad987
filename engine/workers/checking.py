"""Whether a cluster answers, and all its workers can run what is about to be sent to them."""

from __future__ import annotations

import asyncio
import contextlib
import operator
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import CancelledError
from functools import partial
from importlib.metadata import version
from typing import Any

import distributed

from consumer.words import count_text, some_text
from engine.errors import ClusterError
from engine.telemetry import job_logger
from engine.workers.door import CODE, PYTHON, facts_text, problem_of
from engine.workers.sending import door_source, expected_facts

__all__ = ["await_workers", "check_workers"]

_ANSWER_S = 7.0  # so that all of a command ends within ten
_FACTS_S = 30.0  # of workers that are busy, or whose files lie on a slow disk
_WORKER_S = 600.0
_MOST_PROBLEMS = 6
_MOST_WORKERS = 4
_log = job_logger("workers")


def check_workers(client: distributed.Client, *, one_suffices: bool = False) -> frozenset[str]:
    """Return if all workers that are there have what ours needs, in the versions that are here.

    Nothing of ours is imported on a worker that lacks it.

    Parameters
    ----------
    client
        The cluster's client.
    one_suffices
        Whether it is enough that one worker is right.

    Returns
    -------
    workers
        Addresses of those that were found right.

    Raises
    ------
    ClusterError
        If the cluster does not answer, or some workers are not right; it names them, and why.
    """
    address = _address(client)
    expected = expected_facts()
    names = [name for name in expected if name != PYTHON]
    if not _workers(client, address):
        return frozenset()
    try:
        versions, facts = client.sync(
            _together,
            partial(client.get_versions, packages=names),
            partial(client.run, eval, facts_text(door_source(), expected), on_error="return"),
            callback_timeout=_FACTS_S,
        )
        at_scheduler = {name: wanted for name, wanted in expected.items() if name in ("dask", "distributed")}
        _check(address, "the scheduler", {address: versions["scheduler"]}, at_scheduler, _versions)
        # By its metadata a worker lacks a package or has another version. Only where it has ours is the code looked at.
        by_metadata = {**expected, CODE: version(CODE)}
        _check(address, "worker", versions["workers"], by_metadata, _versions, one_suffices)
        _check(address, "worker", facts, expected, dict, one_suffices)
        return frozenset(
            worker for worker, found in facts.items() if isinstance(found, dict) and not problem_of(found, expected)
        )
    except (TimeoutError, OSError):
        # One hangs, or goes away just now. That must not keep a job from the others; those are looked at when they get
        # their first task.
        _log.warning("a worker of the Dask cluster at %s does not say what it runs", address)
        return frozenset()


def await_workers(
    client: distributed.Client,
    on_wait: Callable[[str], None] | None = None,
    *,
    patience_s: float = _WORKER_S,
    right: Collection[str] = (),
) -> frozenset[str]:
    """Wait for a first worker if there is none, then check as `check_workers` does.

    Parameters
    ----------
    client
        The cluster's client.
    on_wait
        Called with what is waited for; default: a warning in the log.
    patience_s
        How long to wait: an adaptive cluster starts a worker once there is something to do.
    right
        Workers that `check_workers` found right a moment ago: if there are no others, none is asked again.

    Returns
    -------
    workers
        As `check_workers`.

    Raises
    ------
    ClusterError
        As `check_workers`; or no worker came.
    """
    address = _address(client)
    workers = _workers(client, address)
    if workers and workers <= set(right):
        return workers
    if not workers:
        _await_worker(client, address, on_wait or _log.warning, patience_s)
    return check_workers(client)


def _address(client: distributed.Client) -> str:
    """Return the address of a client's scheduler, or raise if the client has lost it."""
    address = str(client.scheduler.address) if client.scheduler else "an unknown address"
    if client.status != "running":
        raise _gone(address, f"the client is {client.status}")
    return address


async def _awaited(ask: Callable[..., Awaitable[Any]], *arguments: Any, **how: Any) -> Any:
    return await ask(*arguments, **how)  # awaitable, since this runs in the client's own loop


async def _together(*asked: Callable[[], Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*(ask() for ask in asked))


def _workers(client: distributed.Client, address: str) -> frozenset[str]:
    try:
        return frozenset(client.sync(_awaited, client.nthreads, callback_timeout=_ANSWER_S))
    except TimeoutError:
        raise _gone(address, f"its scheduler does not answer within {_ANSWER_S:g} s") from None
    except OSError as exc:
        raise _gone(address, str(exc)) from exc


def _gone(address: str, why: str) -> ClusterError:
    return ClusterError(
        f"the Dask cluster at {address} can't be used: {why}",
        accepted="a cluster whose scheduler runs and whose workers answer",
        next_step="look into the scheduler's log; start the cluster again, and connect anew",
    )


def _await_worker(client: distributed.Client, address: str, on_wait: Callable[[str], None], patience_s: float) -> None:
    start = f"start one with: dask worker {address}"
    on_wait(f"waiting for a worker of the Dask cluster at {address}, which has none; {start}")
    # A task that waits is what an adaptive cluster starts workers for.
    task = client.submit(operator.truth, True, key=f"await-worker-{uuid.uuid4().hex}", pure=False)
    deadline = time.monotonic() + patience_s
    while task.status == "pending":
        if client.status != "running":
            raise _gone(address, f"the client is {client.status}")
        if time.monotonic() > deadline:
            task.cancel()
            raise ClusterError(f"no worker came to the Dask cluster at {address} in {patience_s:g} s", next_step=start)
        with contextlib.suppress(TimeoutError, CancelledError):  # cancelled, if the scheduler is gone
            task.result(timeout=1.0)


def _versions(found: Mapping[str, Any]) -> dict[str, str]:
    packages = found["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {name: known or "" for name, known in packages.items()} | {PYTHON: python}


def _check(
    address: str,
    what: str,
    found: Mapping[str, Any],
    expected: Mapping[str, str],
    facts_of: Callable[[Any], Mapping[str, str]],
    one_suffices: bool = False,
) -> None:
    """Raise if what was found is not what is expected; who did not answer has gone."""
    problems: dict[str, list[str]] = {}
    for worker, answer in found.items():
        if isinstance(answer, dict) and (problem := problem_of(facts_of(answer), expected)):
            problems.setdefault(problem, []).append(worker)
    wrong = sum(map(len, problems.values()))
    if not wrong or (one_suffices and wrong < len(found)):
        return
    who = what if what != "worker" else f"{wrong:,} of {count_text(len(found), 'worker')}"
    lines = [f"  {some_text(workers, _MOST_WORKERS)} {problem}" for problem, workers in problems.items()]
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"  and {len(lines) - _MOST_PROBLEMS} other problems"]
    needed = ", ".join(f"{name} {wanted}" for name, wanted in expected.items() if wanted)
    raise ClusterError(
        "\n".join([f"{who} of the Dask cluster at {address} can't run this:", *lines]),
        accepted=f"the versions that are here: {needed}",
        next_step=f"install alert-transfer[engine]=={version(CODE)} and these versions there, and start it again",
    )
