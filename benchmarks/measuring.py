"""What the scripts here measure with: commands and their memory, rounds by turns, medians as figures."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, write_figures

__all__ = [
    "OURS",
    "ROOT",
    "Taken",
    "add_options",
    "by_turns",
    "console",
    "figures_of",
    "keep",
    "rates_by_turns",
    "rates_shown",
    "run",
]

OURS = "alert-transfer"

ROOT = Path(__file__).resolve().parents[1]
console = Console(stderr=True, highlight=False)
"""For progress: what is measured goes to stdout."""

_T = TypeVar("_T")
# Of the one child that a process of its own waits for, the system knows how much memory it took.
_WAITER = """
import resource, subprocess, sys, time
begun = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
wall = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
done.returncode and sys.exit(done.stdout.decode())
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """Of all its processes."""
    peak_mb: float
    """Memory of the largest of them."""

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s, {self.cpu_s:.2f} CPU seconds, {self.peak_mb:,.0f} MB"


def run(words: Sequence[str], home: Path) -> Taken:
    """Run a command to its end, in an empty folder that is its home.

    Raises
    ------
    SystemExit
        If it fails, with what it printed.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _WAITER, *words], env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{words[0]} failed: {done.stderr}")
    wall_s, cpu_s, peak_mb = map(float, done.stdout.split())
    return Taken(wall_s=wall_s, cpu_s=cpu_s, peak_mb=peak_mb)


def by_turns(
    runs: Mapping[str, Callable[[], _T]],
    rounds: int,
    rounds_of: Mapping[str, int] | None = None,
    tell: Callable[[_T], object] | None = str,
) -> dict[str, list[_T]]:
    """Return what each run gave in each of its rounds; who ran first in one round runs last in the next.

    Parameters
    ----------
    runs
        Name -> does it once.
    rounds
        How often each is done.
    rounds_of
        Those that are done less often: name -> how often.
    tell
        What of a result is printed as progress; None prints nothing.
    """
    names = list(runs)
    found: dict[str, list[_T]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names[::-1] if number % 2 else names:
            if number < (rounds_of or {}).get(name, rounds):
                # What the last one left for the disk to write would be written at this one's expense.
                os.sync()
                begun = time.monotonic()
                found[name].append(runs[name]())
                if tell is not None:
                    took = f"[{time.monotonic() - begun:.0f} s]"
                    console.print(f"  {number + 1}. {name}: {tell(found[name][-1])} {took}", markup=False)
    return found


def figures_of(section: str, case: str, what: str, **runs: Sequence[float]) -> list[Figure]:
    """Return figures of one case: quantity -> what each run gave."""
    return [
        Figure(section=section, case=case, what=what, quantity=quantity, runs=[float(run) for run in its])
        for quantity, its in runs.items()
    ]


def rates_by_turns(
    case: str,
    ways: Mapping[str, tuple[Callable[[], object], int]],
    rounds: int,
    nbytes_each: float | None = None,
    peak_mb: Mapping[str, float] | None = None,
) -> list[Figure]:
    """Return what the ways of doing the same in this process take, by its processor's time.

    Parameters
    ----------
    case
        What is done.
    ways
        Name -> does it once, and with how many alerts.
    rounds
        How often each is measured; once more before, unmeasured. What takes less than 20 ms is done several times.
    nbytes_each
        Bytes of an alert.
    peak_mb
        Name -> memory, where it is known.
    """
    many = {}
    for name, (way, _) in ways.items():
        way()
        begun = time.process_time()
        way()
        many[name] = max(1, min(1_000, int(0.02 / max(1e-6, time.process_time() - begun))))

    def measured(name: str) -> float:
        way, num_alerts = ways[name]
        begun = time.process_time()
        for _ in range(many[name]):
            way()
        return (time.process_time() - begun) / (num_alerts * many[name])

    console.print(case)
    runs = {name: (lambda name=name: measured(name)) for name in ways}
    found = by_turns(runs, rounds, tell=None)
    figures = []
    for name, its in found.items():
        more = {} if nbytes_each is None else {"mb_per_s": [nbytes_each / 1e6 / one for one in its]}
        more |= {"peak_mb": [peak_mb[name]]} if peak_mb and name in peak_mb else {}
        rates = {"alerts_per_s": [1 / one for one in its], "cpu_us": [1e6 * one for one in its]}
        figures += figures_of("codecs", case, name, **rates, **more)
        console.print(f"  {name}: {1e6 * statistics.median(its):,.3g} µs an alert")
    return figures


def rates_shown(figures: Iterable[Figure]) -> Table:
    """Return a table of what `rates_by_turns` found: a line a case, and how many times as fast as each other way."""
    found: dict[str, dict[str, dict[str, Figure]]] = {}
    for figure in figures:
        found.setdefault(figure.case, {}).setdefault(figure.what, {})[figure.quantity] = figure
    others = list(dict.fromkeys(what for its in found.values() for what in its if what != OURS))
    table = Table("case", "MB/s", f"{OURS}: rows/s", *(f"{what}: rows/s, times" for what in others), "peak MB")
    for case, its in found.items():
        ours = its[OURS]
        rate = ours["alerts_per_s"].median
        cells = [
            f"{its[what]['alerts_per_s'].median:,.0f}, {rate / its[what]['alerts_per_s'].median:.2g}"
            if what in its
            else ""
            for what in others
        ]
        further = [f"{ours[name].median:,.0f}" if name in ours else "" for name in ("mb_per_s", "peak_mb")]
        table.add_row(case, further[0], f"{rate:,.0f}", *cells, further[1])
    return table


def add_options(parser: argparse.ArgumentParser, rounds: int | None = 3) -> None:
    """Add the options that the scripts have in common.

    Parameters
    ----------
    parser
        Of the script.
    rounds
        How many there are by default; None: the script has none.
    """
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help="by turns; medians count")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, all runs")


def keep(options: argparse.Namespace, figures: Iterable[Figure]) -> None:
    """Write the figures where the options say."""
    if options.json:
        write_figures(options.json, figures)
