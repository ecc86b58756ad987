"""Ours beside others: how many times as fast, at what share of processor time and memory, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.page.words import COLD, OURS, SPARKS, factor_text, ordered, share_text, span_text

__all__ = ["Beside", "Found", "beside", "head_lines"]


class Found:
    """Medians of figures, by section, case, who and quantity."""

    def __init__(self, figures: Sequence[Figure]):
        self.figures = figures
        self._by = {(one.section, one.case, one.what, one.quantity): one for one in figures}

    def figure(self, section: str, case: str, what: str, quantity: str) -> Figure | None:
        """Return a figure, if it was measured."""
        return self._by.get((section, case, what, quantity))

    def median(self, section: str, case: str, what: str, quantity: str) -> float | None:
        """Return the median of a figure, if it was measured."""
        one = self.figure(section, case, what, quantity)
        return None if one is None else one.median

    def cases(self, section: str) -> list[str]:
        """Return a section's cases as they come."""
        return ordered((one.case for one in self.figures if one.section == section), ())

    def whats(self, section: str, case: str | None = None) -> list[str]:
        """Return who was measured in a section."""
        chosen = (one for one in self.figures if one.section == section and case in (None, one.case))
        return ordered((one.what for one in chosen), ())


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Ours beside another, in one case: shares are below 1 where ours takes less; None is not measured."""

    case: str
    other: str
    faster: float | None
    """How many times as many alerts a second."""
    cpu: float | None
    """Share of its processor time."""
    memory: float | None
    """Share of its memory: of all processes if both have it, else of the largest process."""
    first: float | None
    """Share of its time to the first alert."""
    cold: float | None
    """Share of its whole process, from its start to its end."""


def beside(found: Found, case: str, other: str, *, section: str = "experiments", ours: str = OURS) -> Beside:
    """Compare ours with another: the rates of each, and for all else whole commands where ours was measured as one."""
    whole = COLD if COLD in found.whats(section, case) else ours

    def share(quantity: str, mine: str) -> float | None:
        value, theirs = (found.median(section, case, what, quantity) for what in (mine, other))
        return value / theirs if value is not None and theirs else None

    memory = share("peak_sum_mb", whole)
    return Beside(
        case=case,
        other=other,
        faster=share("alerts_per_s", ours),
        cpu=share("cpu_us", whole),
        memory=share("peak_mb", whole) if memory is None else memory,
        first=share("first_alert_s", whole),
        cold=share("cold_s", whole),
    )


def head_lines(found: Found) -> list[str]:
    """Return the five lines at the head of the page; none if Spark was not measured."""
    sparks = _sparks(found)
    if not sparks:
        return []
    lines = []
    for quantity, name, text in (
        ("faster", "Speed", "{} times as many alerts a second as {}"),
        ("cpu", "Processor time", "{} of that of {}"),
        ("memory", "Memory", "{} of that of {}"),
    ):
        told = [text.format(span, other) for other, some in sparks.items() if (span := _span(some, quantity))]
        if told:
            lines.append(f"**{name}**: {'; '.join(told)}.")
    if told := [text for other, some in sparks.items() if (text := _start(other, some))]:
        lines.append(f"**Start**: {'; '.join(told)}.")
    # Of all variants: what is left out above may be where Spark is better.
    everywhere = [one for name in SPARKS for one in _comparisons(found, name)]
    lines.append(f"**Where not**: {_where_not(everywhere)}")
    return lines


def _sparks(found: Found) -> dict[str, list[Beside]]:
    """Return the comparisons with each of Spark's variants; the head tells of two if it can."""
    there = [name for name in SPARKS if name in found.whats("experiments")]
    named = [name for name in (SPARKS[0], SPARKS[2]) if name in there]
    if SPARKS[0] not in there:
        named = there
    return {name: some for name in named if (some := _comparisons(found, name))}


def _comparisons(found: Found, name: str) -> list[Beside]:
    """Return the comparisons with one of Spark's variants, of each case in which both were measured."""
    return [beside(found, case, name) for case in _cases_of(found, name) if OURS in found.whats("experiments", case)]


def _cases_of(found: Found, name: str) -> list[str]:
    return [case for case in found.cases("experiments") if name in found.whats("experiments", case)]


def _span(some: Sequence[Beside], quantity: str) -> str:
    """Return the least and the most of a comparison over all cases; empty if it was measured in none."""
    values = sorted(value for one in some if (value := getattr(one, quantity)) is not None)
    texts = [(factor_text if quantity == "faster" else share_text)(value) for value in values]
    return span_text(texts) if texts else ""


def _start(other: str, some: Sequence[Beside]) -> str:
    told = []
    if span := _span(some, "first"):
        told.append(f"the first alert is there after {span}")
    if span := _span(some, "cold"):
        told.append(f"the whole command from cold takes {span}")
    return f"{' and '.join(told)} of the time of {other}" if told else ""


def _where_not(all_: Sequence[Beside]) -> str:
    """Tell each case in which the other is as good or better; where there is none, the narrowest."""
    told = []
    for one in all_:
        where = f"{one.case} beside {one.other}"
        if one.faster is not None and one.faster <= 1:
            told.append(f"{where}: {factor_text(one.faster)} times as many alerts a second")
        for value, of in ((one.cpu, "processor time"), (one.memory, "memory")):
            if value is not None and value >= 1:
                told.append(f"{where}: {factor_text(value)} times its {of}")
        for value, of in ((one.first, "first alert"), (one.cold, "whole command from cold")):
            if value is not None and value >= 1:
                told.append(f"{where}: {of} after {factor_text(value)} times its time")
    if told:
        return "; ".join(told) + "."
    margins = [
        *((one.faster, f"{factor_text(one.faster)} times as fast", one) for one in all_ if one.faster),
        *((1 / one.cpu, f"{share_text(one.cpu)} of its processor time", one) for one in all_ if one.cpu),
        *((1 / one.memory, f"{share_text(one.memory)} of its memory", one) for one in all_ if one.memory),
    ]
    _, text, one = min(margins, key=lambda margin: margin[0])
    return f"nowhere in these experiments; least in {one.case} beside {one.other}: {text}."
