"""Figures that benchmarks measured, as JSON: what each script writes with `--json FILE`, and what pages are made of."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Figure", "read_figures", "write_figures"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One quantity that was measured, in each of its runs."""

    section: str
    """Table it belongs to: experiments, consumers, growth, codecs, store."""
    case: str
    """What was done, such as "E1"."""
    what: str
    """Who did it, such as "alert-transfer" or "Spark, tuned"."""
    quantity: str
    """Name with its unit at the end, such as "cpu_us" (of an alert), "seconds", "peak_mb", "alerts_per_s"."""
    runs: Sequence[float]
    """What each run gave, in their order."""

    @property
    def median(self) -> float:
        """Median of the runs."""
        return statistics.median(self.runs)


def write_figures(path: str | Path, figures: Iterable[Figure]) -> None:
    """Write figures into a file, which may then be read or made part of a page."""
    Path(path).write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def read_figures(path: str | Path) -> list[Figure]:
    """Return the figures of a file."""
    return [Figure(**entry) for entry in json.loads(Path(path).read_text())]
