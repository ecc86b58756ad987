"""Numbers, nights and lists as people read them on the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import engine

__all__ = [
    "alerts_text",
    "count_text",
    "days_text",
    "estimate_text",
    "nights_text",
    "range_text",
    "rounded",
    "short_number",
    "size_text",
    "time_text",
]

_DIGITS = 3


def count_text(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 night`, `12,400 alerts`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def rounded(number: int) -> int:
    """Return a number with three digits that count, as an estimate deserves."""
    return round(number, _DIGITS - len(str(abs(number))))


def short_number(number: int) -> str:
    """Return a number in few characters: `987`, `12.4 k`, `4.14 M`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10_000, "k")):
        if number >= size:
            by = 1000 if unit == "k" else size
            return f"{_three(number / by)} {unit}"
    return f"{number:,}"


def size_text(nbytes: int) -> str:
    """Return bytes as people say them: `17 MB`."""
    for size, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if nbytes >= size:
            return f"{_three(nbytes / size)} {unit}"
    return count_text(nbytes, "byte")


def time_text(seconds: float) -> str:
    """Return a duration as people say it: `3 s`, `2 min`, `1 h 20 min`."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours < 10 else f"{hours:,} h"


def alerts_text(estimate: engine.Estimate) -> str:
    """Return how many alerts an estimate tells: `about 12,400 alerts`."""
    if estimate.exact:
        return count_text(estimate.num_alerts, "alert") if estimate.num_alerts else "no alert"
    if not estimate.num_alerts:
        return f"hardly an alert, {rounded(estimate.num_alerts_high):,} at most"
    return f"about {count_text(rounded(estimate.num_alerts), 'alert')}"


def range_text(estimate: engine.Estimate) -> str:
    """Return between which numbers the truth lies: `11,400 to 13,500`; empty where all were counted."""
    if estimate.exact:
        return ""
    return f"{rounded(estimate.num_alerts_low):,} to {rounded(estimate.num_alerts_high):,}"


def estimate_text(estimate: engine.Estimate) -> str:
    """Return an estimate in one sentence: `about 12,400 alerts, 17 MB, some 3 s to send`."""
    parts = [alerts_text(estimate)]
    if estimate.num_alerts_high:
        parts.append(size_text(estimate.nbytes))
    if estimate.seconds is not None and estimate.num_alerts:
        about = "some " if estimate.seconds >= 1 else ""
        parts.append(f"{about}{time_text(estimate.seconds)} to send")
    return ", ".join(parts)


def nights_text(nights: Sequence[dt.date], with_data: Iterable[dt.date]) -> str:
    """Return which nights are chosen, and how many of them have data: `1 Sep 2026 to 21 Sep 2026, 19 with data`."""
    if not nights:
        return "none"
    there = len(set(nights) & set(with_data))
    if len(nights) == 1:
        return f"{days_text(nights[0])}{'' if there else ', without data'}"
    is_whole = (max(nights) - min(nights)).days + 1 == len(nights)
    span = f"{days_text(min(nights))} to {days_text(max(nights))}"
    return f"{span if is_whole else f'{len(nights):,} nights, {span}'}, {there:,} with data"


def days_text(night: dt.date) -> str:
    """Return a night as people write it: `1 Sep 2026`."""
    return f"{night.day} {night:%b %Y}"


def _three(number: float) -> str:
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"
