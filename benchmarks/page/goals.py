"""What was aimed at, and whether it is reached: judged by the figures of the full sizes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.page.beside import Found
from benchmarks.page.words import OURS, number_text, quantity_text

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
    """Whose figure it is divided by."""
    minus: tuple[str, ...] = ()
    """Cases whose figures are taken off first, as far as they were measured."""
    text: str | None = None
    """What the page calls it, where quantity and case don't say it."""


def _experiment(case: str, per_s: float, cpu_us: float, peak_mb: float = 600) -> tuple[Goal, ...]:
    return (
        Goal(section="experiments", case=case, quantity="alerts_per_s", bound=per_s, at_least=True),
        Goal(section="experiments", case=case, quantity="cpu_us", bound=cpu_us),
        Goal(section="experiments", case=case, quantity="cpu_us", bound=1.2, beside="bare parts"),
        Goal(section="experiments", case=case, quantity="peak_mb", bound=peak_mb),
    )


def _consumer(case: str, per_s: float, times: float) -> tuple[Goal, ...]:
    by_class, few = f"{OURS}, by class", f"{OURS}, 100 alerts"
    return (
        Goal(section="consumers", case=case, quantity="alerts_per_s", bound=per_s, at_least=True),
        Goal(
            section="consumers",
            case=case,
            what=by_class,
            quantity="alerts_per_s",
            bound=per_s / 2,
            at_least=True,
            text="alerts/s, by class",
        ),
        Goal(
            section="consumers",
            case=case,
            quantity="alerts_per_s",
            beside="fink-client",
            bound=times,
            at_least=True,
        ),
        Goal(section="consumers", case=case, quantity="peak_mb", bound=700),
        Goal(
            section="consumers",
            case=case,
            what=by_class,
            quantity="peak_mb",
            bound=700,
            text="largest process, MB, by class",
        ),
        Goal(section="consumers", case=case, what=few, quantity="seconds", bound=0.7, text="s, of 100 alerts"),
    )


def _fairness(case: str) -> tuple[Goal, ...]:
    test, others = f"{OURS}, test", f"{OURS}, others {{}} the test"
    return (
        Goal(section="fairness", case=case, what=test, quantity="first_alert_s", bound=5),
        Goal(section="fairness", case=case, what=test, quantity="seconds", bound=10, text="s, to the test's end"),
        Goal(
            section="fairness",
            case=case,
            what=others.format("with"),
            beside=others.format("without"),
            quantity="seconds",
            bound=1.05,
            text="s of the others with the test, beside without",
        ),
    )


GOALS: tuple[Goal, ...] = (
    *_experiment("E1", 160_000, 6),
    *_experiment("E1-2025", 95_000, 9.5),
    *_experiment("E2", 22_000, 48),
    *_experiment("E3", 220_000, 7.3),
    *_experiment("E4", 6_500, 165),
    *_consumer("lightcurve", 80_000, 35),
    *_consumer("full", 4_000, 6),
    Goal(
        section="growth",
        case="fragments",
        what="fitted",
        quantity="each_seconds",
        bound=0.005,
        text="s, each tiny fragment more",
    ),
    *(
        Goal(
            section="store",
            case=f"versitygw, {what}, S3, {latency} ms",
            quantity="ratio",
            bound=1.3,
            text="bytes read, of what is needed",
        )
        for what in ("a condition that nothing fulfils", "light curves with a condition", "full")
        for latency in (0, 50)
    ),
    Goal(
        section="store",
        case="30 fragments of 100 MB, S3, 50 ms",
        what="asked for",
        quantity="ratio",
        bound=1,
        text="time, of 1.5 times the disk's and what the bytes take at 1 GB/s",
    ),
    Goal(
        section="startup",
        case="warm",
        quantity="seconds",
        minus=("warm: filter", "warm: read, encode, send"),
        bound=0.3,
        text="s, of a job of one fragment over its work",
    ),
    Goal(section="startup", case="warm", quantity="first_alert_s", bound=0.4),
    Goal(section="startup", case="cold: alert-transfer submit", quantity="cold_s", bound=5),
    *(goal for case in ("slow", "large", "small") for goal in _fairness(case)),
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
        if value is not None and goal.minus:
            off = [found.median(section, case, goal.what, goal.quantity) for case in goal.minus]
            known = [one for one in off if one is not None]
            value = value - sum(known) if known else None
        if value is not None and goal.beside is not None:
            other = found.median(section, goal.case, goal.beside, goal.quantity)
            value = value / other if other else None
        if value is not None:
            yield Judged(goal=goal, value=value)
