"""Whether anything became slower: ratios of a small run beside those of the last kept JSON, never times.

    .venv/bin/python benchmarks/guard.py

Each ratio is of two things that were measured in the same run, so that another machine, or a busy one, matters little.
Those of the small set were measured by the same commands when the JSON was made. One that is worse by more than 25 % is
measured once more, and fails if it is as bad again. What became better by as much is told, and fails nothing.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.page.beside import Found
from benchmarks.page.words import OURS, number_text
from benchmarks.running.parts import PARTS
from benchmarks.running.results import Results, last_kept, merged, read_results

__all__ = ["RATIOS", "Ratio", "Verdict", "compared", "report"]

ALLOWED = 0.25
"""Share of what a ratio was, by which it may be worse."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A figure, or how many times another's it is."""

    text: str
    """What it says, in the report."""
    part: str
    """Part of the small set that measures it."""
    section: str
    case: str
    quantity: str
    what: str = OURS
    beside: str | None = None
    """Whose figure it is divided by; None where the figure is a ratio or a count itself."""
    less_is_better: bool = True

    def of(self, results: Results) -> float | None:
        """Return what it is in a run; None if that didn't measure it."""
        found = Found([figure for part in results.parts if part.name == self.part for figure in part.figures])
        value = found.median(self.section, self.case, self.what, self.quantity)
        if value is None or self.beside is None:
            return value
        other = found.median(self.section, self.case, self.beside, self.quantity)
        return value / other if other else None


RATIOS = (
    Ratio(
        text="CPU of the engine beside its bare parts",
        part="check-experiments",
        section="experiments",
        case="E1",
        quantity="cpu_us",
        beside="bare parts",
    ),
    Ratio(
        text="CPU of `consume` beside fastavro's alone",
        part="check-consume",
        section="consumers",
        case="lightcurve",
        quantity="cpu_us",
        beside="fastavro alone",
    ),
    *(
        Ratio(
            text=f"{text} from S3, {what}",
            part="check-store",
            section="store",
            case=f"versitygw, {what}, S3, 0 ms",
            quantity=quantity,
        )
        for quantity, text in {"ratio": "bytes read of those needed", "requests": "requests for 4 files"}.items()
        for what in ("light curves with a condition", "full")
    ),
    *(
        Ratio(
            text=f"speed of the {codec} beside fastavro, {content}",
            part=f"check-{codec}",
            section="codecs",
            case=f"{codec}: ZTF 2025, {content}",
            quantity="alerts_per_s",
            beside="fastavro alone",
            less_is_better=False,
        )
        for codec in ("encoder", "decoder")
        for content in ("lightcurve", "full")
    ),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A ratio then and now; None where it was not measured."""

    ratio: Ratio
    was: float | None
    now: float | None
    otherwise: bool = False
    """Whether another command measured it then, so that the two don't compare."""

    @property
    def worse(self) -> float | None:
        """By which share of what it was it is worse; below zero if it is better."""
        if self.was is None or self.now is None or self.otherwise or not self.was:
            return None
        change = self.now / self.was - 1
        return change if self.ratio.less_is_better else -change

    @property
    def fails(self) -> bool:
        """Whether it is worse by more than is allowed, or no longer measured."""
        return self.now is None or (self.worse is not None and self.worse > ALLOWED)

    def __str__(self) -> str:
        better = "less is better" if self.ratio.less_is_better else "more is better"
        texts = [number_text(value) if value is not None else "not measured" for value in (self.was, self.now)]
        text = f"{self.ratio.text} ({better}): was {texts[0]}, is {texts[1]}"
        if self.otherwise:
            return f"{text}; not compared, since another command measured it then"
        if self.worse is None:
            return text
        if abs(self.worse) <= ALLOWED:
            return f"{text}: within {ALLOWED:.0%}"
        return f"{text}: {'WORSE' if self.worse > 0 else 'good news, better'} by {abs(self.worse):.0%}"


def compared(was: Results, now: Results, ratios: Iterable[Ratio] = RATIOS) -> list[Verdict]:
    """Hold a run's ratios against those of an earlier one."""
    commands = [{part.name: part.command for part in results.parts} for results in (was, now)]
    return [
        Verdict(
            ratio=ratio,
            was=ratio.of(was),
            now=ratio.of(now),
            otherwise=ratio.part in commands[0]
            and ratio.part in commands[1]
            and commands[0][ratio.part] != commands[1][ratio.part],
        )
        for ratio in ratios
    ]


def confirmed(first: Sequence[Verdict], again: Callable[[Sequence[str]], Sequence[Verdict]]) -> list[Verdict]:
    """Measure what fails once more; a ratio fails only if it does so twice.

    Parameters
    ----------
    first
        Verdicts on the first run.
    again
        Measures parts once more, and returns the verdicts on all ratios.
    """
    failed = {verdict.ratio: verdict for verdict in first if verdict.fails}
    if not failed:
        return list(first)
    second = {verdict.ratio: verdict for verdict in again(list(dict.fromkeys(ratio.part for ratio in failed)))}
    return [second[one.ratio] if one.ratio in failed and one.ratio in second else one for one in first]


def report(verdicts: Sequence[Verdict], was: Results, path: Path) -> tuple[list[str], int]:
    """Return the lines of the report, and the exit code."""
    lines = [f"Beside {path.name}, commit {', '.join(dict.fromkeys(part.commit for part in was.parts))}:"]
    lines += [f"  {verdict}" for verdict in verdicts]
    failed = [verdict for verdict in verdicts if verdict.fails]
    if failed:
        names = "; ".join(verdict.ratio.text for verdict in failed)
        lines.append(f"FAILED, {len(failed)} of {len(verdicts)} ratios, each measured twice: {names}.")
        lines.append("If that is meant to be so, `make bench-full` keeps the new ratios.")
        return lines, 1
    if all(verdict.worse is None for verdict in verdicts):
        lines.append(f"FAILED: no ratio of {path.name} could be compared; `make bench-full` keeps new ones.")
        return lines, 1
    lines.append(f"No ratio is worse by more than {ALLOWED:.0%}.")
    return lines, 0


def main() -> int:
    """Measure the small set and compare; return the exit code."""
    # Only here: what compares needs none of it.
    from benchmarks.page.writing import KEPT
    from benchmarks.running.runner import Suite
    from benchmarks.suite import FOLDER

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another JSON than the last that was kept")
    options = parser.parse_args()
    console = Console(stderr=True)
    path = options.against or last_kept(KEPT)
    if path is None:
        console.print(f"There is nothing to compare with: `make bench-full` writes a JSON into {KEPT}.", soft_wrap=True)
        return 1
    was = read_results(path)
    suite = Suite(size="check", folder=FOLDER / "check", console=console)
    now, _ = suite.run(PARTS["check"], afresh=True, whole=True)

    def again(names: Sequence[str]) -> list[Verdict]:
        console.print(f"Once more, since ratios are worse or lack: {', '.join(names)}")
        second, _ = suite.run([step for step in PARTS["check"] if step.name in names], afresh=True, whole=False)
        return compared(was, merged(second, now))

    lines, code = report(confirmed(compared(was, now), again), was, path)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
