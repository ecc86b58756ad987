"""Which version of the engine this is, and whose jobs it may go on with."""

from __future__ import annotations

import re
from importlib.metadata import version

from consumer.words import on_one_line
from engine.errors import JobError

__all__ = ["check_resumable", "engine_version", "is_resumable", "shown_version"]


_SHOWN = 60


def engine_version() -> str:
    """Return the version of the installed project."""
    return version("alert-transfer")


def is_resumable(planned_by: str, running: str | None = None) -> bool:
    """Return whether a version of the engine may send the rest of a job that another one has planned and begun.

    Both must select the same alerts and encode them alike, else one job would be made of two rules. A release that
    changes either changes the first or the second number of the version (docs/upgrades.md), so these must agree.

    Parameters
    ----------
    planned_by
        The version that planned the job.
    running
        The version that is to go on; default: the installed one.
    """
    running = running or engine_version()
    return planned_by == running or (_series(planned_by) is not None and _series(planned_by) == _series(running))


def check_resumable(topic: str, planned_by: str) -> None:
    """Raise if another version planned a job, whose rules may be others.

    Raises
    ------
    JobError
        Naming both versions, and the way out.
    """
    if not is_resumable(planned_by):
        raise JobError(
            f"{topic} was planned by version {shown_version(planned_by)}, and this is version {engine_version()}: what "
            "it would still send may be selected or encoded by other rules",
            accepted=f"a job that version {_series_text(engine_version())} has planned",
            next_step=f"submit its request again: alert-transfer status {topic} --request > request.yaml, then "
            f"alert-transfer submit --request request.yaml; what it has sent can be fetched all the same",
        )


def shown_version(planned_by: str) -> str:
    """Return a version as a plan of others names it, for a sentence."""
    return on_one_line(planned_by[:_SHOWN])


def _series(version_: str) -> tuple[str, str] | None:
    """Return the first two numbers of a release; what is no release (a draft, a build of one's own) has none."""
    found = re.fullmatch(r"(\d+)\.(\d+)\.\d+", version_)
    return found and (found[1], found[2])


def _series_text(version_: str) -> str:
    series = _series(version_)
    return f"{'.'.join(series)}.x" if series else version_
