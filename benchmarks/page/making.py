"""The page of benchmarks, made of what the suite measured: each figure on it comes from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.page.beside import Found, head_lines
from benchmarks.page.goals import Judged, judged
from benchmarks.page.sections import SECTIONS, Section
from benchmarks.page.words import SPARKS, number_text, span_text, table, wrapped
from benchmarks.running.results import Part, Results

__all__ = ["Links", "page_text"]

HEAD_PLOT = "spark"
UNMEASURED = "Not measured yet: `make bench-full` on a quiet machine writes this page, its plots and its JSON."


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where things are, as the page links them."""

    images: str
    """Folder of the plots."""
    json_path: str
    """File of the results."""
    plots: Sequence[str]
    """Names of the plots that there are."""
    docs: str = ""
    """The folder docs/, with a slash at its end; empty if the page stands there."""

    def to(self, text: str, path: str) -> str:
        """Return a link to what has a place as seen from docs/."""
        return f"[{text}]({self.docs}{path})"

    def plot(self, name: str | None) -> list[str]:
        """Return the lines that show a plot, if there is one of that name."""
        if name is None or name not in self.plots:
            return []
        (text,) = (section.plot_text for section in SECTIONS if section.plot == name)
        return ["", f"![{text}]({self.images}/{name}.svg)"]


def page_text(results: Results | None, links: Links) -> str:
    """Return the page; without results one that says that there are none."""
    lines = ["# Benchmarks", ""]
    if results is None or not results.parts:
        return "\n".join([*lines, UNMEASURED, ""])
    found = Found(results.figures)
    lines += [*_head(found, results, links), ""]
    lines += [*_taken_on(results, links), ""]
    for section in SECTIONS:
        lines += [*_section(section, found, results, links), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(found: Found, results: Results, links: Links) -> list[str]:
    told = head_lines(found)
    if not told:
        return ["Spark was not measured in this run, so nothing is said of it here."]
    cases = [case for case in found.cases("experiments") if set(SPARKS) & set(found.whats("experiments", case))]
    lines = [f"alert-transfer beside Spark, the least and the most of {', '.join(cases)}:", ""]
    if results.size == "full" and (missed := [one for one in _all_judged(found) if not one.is_reached]):
        told[-1] += f" Of {len(_all_judged(found))} goals of our own {len(missed)} are not reached: see below."
    lines += [line for one in told for line in wrapped(f"- {one}", "  ")]
    return [*lines, *links.plot(HEAD_PLOT)]


def _all_judged(found: Found) -> list[Judged]:
    return [one for name in dict.fromkeys(section.name for section in SECTIONS) for one in judged(found, name)]


def _taken_on(results: Results, links: Links) -> list[str]:
    """Tell the machine, versions and how the page is made."""
    machine, measured = results.machine, [part for part in results.parts if not part.is_check]
    versions = ", ".join(f"{name} {' and '.join(each)}" for name, each in _versions(measured or results.parts).items())
    rounds = max((len(figure.runs) for figure in results.figures), default=1)
    runs = f"medians of up to {rounds} runs" if rounds > 1 else "single runs"
    command = {"full": "make bench-full", "small": "make bench"}[results.size]
    return wrapped(
        f"Measured on {results.date} by `{command}`: {runs} on {machine['cores']} cores of {machine['cpu']} with "
        f"{machine['memory_gb']} GB, broker included; load before each part {_loads(measured)}. Versions: {versions}. "
        f"`spread` is how far a row's runs are apart at most, as a share of their median. Each run is in the "
        f"[JSON]({links.json_path}), of which this page is made; no figure is written by hand. What no script of the "
        f"suite measures stands in {links.to('benchmarks', '../benchmarks/README.md')}."
    )


def _versions(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return all that parts were measured with: each in its own time, and not each with all that is installed."""
    found: dict[str, list[str]] = {}
    for part in sorted(parts, key=lambda part: part.ended):
        for name, version in part.versions.items():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    return found


def _loads(parts: Sequence[Part]) -> str:
    return span_text([number_text(load) for load in sorted(part.load_before for part in parts)]) if parts else "unknown"


def _section(section: Section, found: Found, results: Results, links: Links) -> list[str]:
    lines = [f"## {section.title}", ""]
    tables = section.lines(found, section.name)
    if not tables:
        return [*lines, "Left out: not measured in this run."]
    parts = [
        part
        for part in results.parts
        if not part.is_check and any(figure.section == section.name for figure in part.figures)
    ]
    lines += [f"    {part.command}" for part in parts]
    more = f" More: {links.to(*section.more)}." if section.more else ""
    lines += ["", *wrapped(section.text + more)]
    if older := [part for part in parts if part.ended[:10] != results.date]:
        lines += ["", *(f"Of another day: `{part.command}`, {part.ended[:10]}." for part in older)]
    lines += ["", f"Commit {_commits(parts)}.", "", *tables]
    if section.plot != HEAD_PLOT:
        lines += links.plot(section.plot)
    if section.has_goals and results.size == "full":
        against = f"; what stands against them: {links.to(*section.against)}" if section.against else ""
        lines += _goals(list(judged(found, section.name)), against)
    return lines


def _commits(parts: Sequence[Part]) -> str:
    def text(commit: str) -> str:
        known, changed, _ = commit.partition("+")
        return f"{known} with changes" if changed else known

    return ", ".join(dict.fromkeys(text(part.commit) for part in parts))


def _goals(goals: Sequence[Judged], against: str) -> list[str]:
    """Tell what was not reached of the goals, and how many were."""
    if not goals:
        return []
    missed = [one for one in goals if not one.is_reached]
    if not missed:
        return ["", f"All {len(goals)} goals are reached." if len(goals) > 1 else "The goal is reached."]
    rows = [[one.goal.case, one.text, one.aimed_at, number_text(one.value)] for one in missed]
    return [
        "",
        f"Not reached, {len(missed)} of {len(goals)} goals{against}:",
        "",
        *table(["case", "goal", "aimed at", "is"], rows),
    ]
