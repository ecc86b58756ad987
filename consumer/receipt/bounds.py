"""What to tell beside `complete`: what was left out, what the archive holds twice, what no record proves."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.wire import LeftOut
from consumer.words import count_text, verb_text

__all__ = ["bounds_lines", "doubles_text", "here_text", "left_out_lines"]


def bounds_lines(
    left_out: Sequence[LeftOut], num_left_out_here: int, num_archive_duplicates: int | None, num_unfinished: int = 0
) -> list[str]:
    """Return a sentence on each thing that limits what `complete` means for a folder; none where nothing does.

    Parameters
    ----------
    left_out
        What of the archive could not be read.
    num_left_out_here
        Alerts of it that are there all the same.
    num_archive_duplicates
        Alerts that are there and whose identifier one before them has already; None where they are not counted.
    num_unfinished
        Alerts that are there of fragments that the job has not finished.
    """
    lines = left_out_lines(left_out)
    unproved = "each of them is here once, but no record of the job proves them"
    if num_left_out_here:
        alerts = count_text(num_left_out_here, "alert")
        lines.append(f"{alerts} of what was left out, which were sent before it became unreadable: {unproved}")
    if num_unfinished:
        lines.append(f"{count_text(num_unfinished, 'alert')} of fragments that the job has not finished: {unproved}")
    if num_archive_duplicates:
        lines.append(doubles_text(num_archive_duplicates))
    return lines


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Return how much of the archive was left out: what is counted, and what can't be."""
    counted = [part for part in left_out if part.num_alerts is not None]
    uncounted = {part.path for part in left_out if part.num_alerts is None}
    lines = []
    if counted:
        alerts = count_text(sum(part.num_alerts or 0 for part in counted), "alert")
        files = count_text(len({part.path for part in counted}), "file")
        lines.append(f"left out of the archive as unreadable: {alerts} of {files}, selected or not")
    if uncounted:
        files = count_text(len(uncounted), "whole file")
        lines.append(f"left out of the archive as unreadable: {files}, the number of their alerts is not known")
    return lines


def doubles_text(num_doubles: int) -> str:
    """Return how many alerts there are whose identifier one before them has."""
    alerts = count_text(num_doubles, "alert")
    shared = "with an identifier that one before them has already, of whatever night"
    return f"{alerts} {shared}: so the archive itself holds them"


def here_text(num_alerts: int, num_expected: int, missing: int, *, is_total_known: bool, of: str = "") -> str:
    """Return how many alerts are there and how many are missing, and of how many if that is known.

    Parameters
    ----------
    num_alerts, num_expected, missing
        Alerts that are there, that should be, and that are not.
    is_total_known
        Whether `num_expected` is the whole job's.
    of
        What they are alerts of, with a space in front; or nothing.
    """
    lacking = f"; {missing:,} {verb_text(missing, 'is', 'are')} missing" if missing else ""
    are = verb_text(num_alerts, "is", "are")
    if is_total_known:
        return f"{num_alerts:,} of {count_text(num_expected, 'alert')}{of} {are} here{lacking}"
    lacking = lacking or "; none is missing of the fragments that are finished"
    return f"{count_text(num_alerts, 'alert')}{of} {are} here{lacking}; how many the job sends in all is not known"
