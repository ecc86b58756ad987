"""What the suite keeps: each part's figures with how, when and on what they were taken, in one JSON file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure

__all__ = ["Part", "Results", "last_kept", "merged", "read_results", "spread", "write_results"]

FORM = 1
"""Raised when a reader of before could misread the file."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one script measured, as a process of its own."""

    name: str
    """Name in the suite, such as "encoder"."""
    command: str
    """Command that measures it again."""
    is_check: bool = False
    """Whether it is of the small set that the guard repeats, and so no part of the page."""
    ended: str
    """When it ended: UTC, ISO 8601."""
    seconds: float
    """How long it took in all, preparations included."""
    commit: str
    """Commit of the code that was measured."""
    load_before: float
    """Load of the machine just before (one minute's average)."""
    versions: Mapping[str, str]
    """Versions of what was measured, and of what it runs on."""
    figures: Sequence[Figure]


@dataclass(frozen=True, kw_only=True)
class Results:
    """All that a page is made of."""

    size: str
    """ "small" or "full"."""
    machine: Mapping[str, str | int | float]
    """Cores, memory and processor."""
    parts: Sequence[Part] = ()

    @property
    def date(self) -> str:
        """Day on which the last part ended; empty without parts."""
        return max((part.ended for part in self.parts), default="")[:10]

    @property
    def figures(self) -> list[Figure]:
        """Figures of all parts but the guard's."""
        return [figure for part in self.parts if not part.is_check for figure in part.figures]


def spread(figure: Figure) -> float | None:
    """Return how far a figure's runs are apart, as a share of their median; None for one run."""
    if len(figure.runs) < 2 or not figure.median:
        return None
    return (max(figure.runs) - min(figure.runs)) / abs(figure.median)


def merged(newer: Results, older: Results | None) -> Results:
    """Return the newest of each part of both, or the newer alone if the older comes from another machine or size."""
    if older is None or (older.machine, older.size) != (newer.machine, newer.size):
        return newer
    parts: dict[str, Part] = {}
    for part in [*older.parts, *newer.parts]:
        known = parts.get(part.name)
        if known is None or known.ended <= part.ended:
            parts[part.name] = part
    return replace(newer, parts=list(parts.values()))


def write_results(path: Path, results: Results) -> None:
    """Write results into a file, a figure a line: each run, with median and spread for other readers."""
    document = {"form": FORM, "date": results.date, **asdict(results)}
    lines: dict[str, str] = {}
    for number, part in enumerate(document["parts"]):
        figures = [json.dumps(_as_json(figure), ensure_ascii=False) for figure in results.parts[number].figures]
        part["figures"] = f"figures of part {number}"
        lines[json.dumps(part["figures"])] = "[\n   " + ",\n   ".join(figures) + "\n  ]"
    text = json.dumps(document, indent=1, ensure_ascii=False)
    for mark, its in lines.items():
        text = text.replace(mark, its)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(path.name + ".new")
    written.write_text(text + "\n", encoding="utf-8")
    written.replace(path)


def _as_json(figure: Figure) -> dict[str, Any]:
    apart = spread(figure)
    more = {"median": _rounded(figure.median), "spread": None if apart is None else round(apart, 4)}
    return {**asdict(figure), "runs": [_rounded(run) for run in figure.runs], **more}


def _rounded(value: float) -> float:
    """Return a value with as many digits as any measurement may have."""
    return float(f"{value:.9g}")


def read_results(path: Path) -> Results:
    """Return the results of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("form") != FORM:
        raise ValueError(f"{path} has form {document.get('form')!r}, and {FORM} is known here")
    parts = [Part(**{**part, "figures": _figures(part["figures"])}) for part in document["parts"]]
    return Results(size=document["size"], machine=document["machine"], parts=parts)


def _figures(entries: Iterable[Mapping[str, Any]]) -> list[Figure]:
    return [Figure(**{name: entry[name] for name in Figure.__dataclass_fields__}) for entry in entries]


def last_kept(folder: Path) -> Path | None:
    """Return the newest of a folder's files, which are named by their dates; None if there is none."""
    dated = [path for path in folder.glob("*.json") if _is_date(path.stem)]
    return max(dated, key=lambda path: path.stem, default=None)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
