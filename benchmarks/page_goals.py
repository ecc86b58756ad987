"""What was aimed at, and whether it is reached: judged by the figures of the full sizes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.page_beside import Found
from benchmarks.page_words import OURS, number_text, quantity_text

__all__ = ["GOALS", "Goal", "Judged", "judged"]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound on a figure, or on what a figure is times another's."""

    section: str
    case: str
    quantity: str
    bound: float
    at_least: bool = False
    """Whether more is better; else the figure is to be at most so large."""
    what: str = OURS
    beside: str | None = None
    """Whose figure it is divided by; with `at_least` of seconds, the other way round: how many times as fast."""
    text: str | None = None
    """What the page calls it, where quantity and case don't say it."""


def _experiment(case: str, per_s: float, cpu_us: float, peak_mb: float = 600) -> tuple[Goal, ...]:
    return (
        Goal(section="experiments", case=case, quantity="alerts_per_s", bound=per_s, at_least=True),
        Goal(section="experiments", case=case, quantity="cpu_us", bound=cpu_us),
        Goal(section="experiments", case=case, quantity="cpu_us", bound=1.2, beside="bare parts"),
        Goal(section="experiments", case=case, quantity="peak_mb", bound=peak_mb),
    )


GOALS: tuple[Goal, ...] = (
    *_experiment("E1", 160_000, 6),
    *_experiment("E1-2025", 95_000, 9.5),
    *_experiment("E2", 22_000, 48),
    *_experiment("E3", 220_000, 7.3),
    *_experiment("E4", 6_500, 165),
    Goal(section="experiments", case="E4", quantity="first_alert_s", bound=0.4),
    Goal(section="experiments", case="E4", quantity="cold_s", bound=5),
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A goal and what was measured of it."""

    goal: Goal
    value: float

    @property
    def is_reached(self) -> bool:
        """Whether the figure is as good as was aimed at."""
        return self.value >= self.goal.bound if self.goal.at_least else self.value <= self.goal.bound

    @property
    def text(self) -> str:
        """What it is about."""
        if self.goal.text:
            return self.goal.text
        text = quantity_text(self.goal.quantity)
        return text if self.goal.beside is None else f"{text}, beside {self.goal.beside}"

    @property
    def aimed_at(self) -> str:
        """The bound in words."""
        return f"at {'least' if self.goal.at_least else 'most'} {number_text(self.goal.bound)}"


def judged(found: Found, section: str, goals: Sequence[Goal] = GOALS) -> Iterator[Judged]:
    """Yield a section's goals of which there are figures."""
    for goal in goals:
        if goal.section != section:
            continue
        value = found.median(section, goal.case, goal.what, goal.quantity)
        if value is not None and goal.beside is not None:
            other = found.median(section, goal.case, goal.beside, goal.quantity)
            turned = goal.at_least and not goal.quantity.endswith("_per_s")
            value = None if not other else other / value if turned else value / other
        if value is not None:
            yield Judged(goal=goal, value=value)
