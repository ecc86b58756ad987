"""The page of benchmarks, made of what the suite measured: each figure on it comes from there."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.page_beside import Found, head_lines
from benchmarks.page_goals import Judged, judged
from benchmarks.page_sections import SECTIONS, Section
from benchmarks.page_words import SPARKS, number_text, span_text, table, wrapped
from benchmarks.suite_results import Part, Results

__all__ = ["page_text"]

HEAD_PLOT = "spark"
UNMEASURED = "Not measured yet: `make bench-full` on a quiet machine writes this page, its plots and its JSON."


def page_text(results: Results | None, *, images: str, json_path: str, plots: Sequence[str], docs: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    results
        What was measured; None makes a page that says that nothing is.
    images
        Folder of the plots, as the page links it.
    json_path
        The file of the results, as the page links it.
    plots
        Names of the plots that there are.
    docs
        How the page links the folder docs/, with a slash at its end; empty if it stands there.
    """
    lines = ["# Benchmarks", ""]
    if results is None or not results.parts:
        return "\n".join([*lines, UNMEASURED, ""])
    found = Found(results.figures)
    lines += [*_head(found, results, images, plots), ""]
    lines += [*_taken_on(results, json_path, docs), ""]
    for section in SECTIONS:
        lines += [*_section(section, found, results, images, plots, docs), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(found: Found, results: Results, images: str, plots: Sequence[str]) -> list[str]:
    told = head_lines(found)
    if not told:
        return ["Spark was not measured in this run, so nothing is said of it here."]
    cases = [case for case in found.cases("experiments") if set(SPARKS) & set(found.whats("experiments", case))]
    lines = [f"alert-transfer beside Spark, the least and the most of {', '.join(cases)}:", ""]
    if results.size == "full" and (missed := [one for one in _all_judged(found) if not one.is_reached]):
        told[-1] += f" Of {len(_all_judged(found))} goals of our own {len(missed)} are not reached: see below."
    lines += [line for one in told for line in wrapped(f"- {one}", "  ")]
    if HEAD_PLOT in plots:
        (text,) = (section.plot_text for section in SECTIONS if section.plot == HEAD_PLOT)
        lines += ["", f"![{text}]({images}/{HEAD_PLOT}.svg)"]
    return lines


def _all_judged(found: Found) -> list[Judged]:
    return [one for name in dict.fromkeys(section.name for section in SECTIONS) for one in judged(found, name)]


def _taken_on(results: Results, json_path: str, docs: str) -> list[str]:
    """Tell the machine, versions and how the page is made."""
    machine, measured = results.machine, [part for part in results.parts if not part.is_check]
    newest = max(measured or results.parts, key=lambda part: part.ended)
    versions = ", ".join(f"{name} {version}" for name, version in newest.versions.items())
    rounds = max((len(figure.runs) for figure in results.figures), default=1)
    runs = f"medians of up to {rounds} runs" if rounds > 1 else "single runs"
    command = {"full": "make bench-full", "small": "make bench"}[results.size]
    return wrapped(
        f"Measured on {results.date} by `{command}`: {runs} on {machine['cores']} cores of {machine['cpu']} with "
        f"{machine['memory_gb']} GB, broker included; load before each part {_loads(measured)}. Versions: {versions}. "
        f"`spread` is how far a row's runs are apart at most, as a share of their median. Each run is in the "
        f"[JSON]({json_path}), of which this page is made; no figure is written by hand. What no script of the suite "
        f"measures stands in [benchmarks]({docs}../benchmarks/README.md)."
    )


def _loads(parts: Sequence[Part]) -> str:
    return span_text([number_text(load) for load in sorted(part.load_before for part in parts)]) if parts else "unknown"


def _section(
    section: Section, found: Found, results: Results, images: str, plots: Sequence[str], docs: str
) -> list[str]:
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
    more = f" More: [{section.more[0]}]({docs}{section.more[1]})." if section.more else ""
    lines += ["", *wrapped(section.text + more)]
    if older := [part for part in parts if part.ended[:10] != results.date]:
        lines += ["", *(f"Of another day: `{part.command}`, {part.ended[:10]}." for part in older)]
    lines += ["", f"Commit {_commits(parts)}.", "", *tables]
    if section.plot in plots and section.plot != HEAD_PLOT:
        lines += ["", f"![{section.plot_text}]({images}/{section.plot}.svg)"]
    if section.has_goals and results.size == "full":
        against = (
            f"; what stands against them: [{section.against[0]}]({docs}{section.against[1]})" if section.against else ""
        )
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
