"""The page of benchmarks, made of what the suite measured: each figure on it comes from there."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.page_beside import Found, beside, head_lines
from benchmarks.page_goals import Judged, judged
from benchmarks.page_sections import SECTIONS, Section
from benchmarks.page_words import SPARKS, factor_text, number_text, share_text, span_text, table
from benchmarks.suite_results import Part, Results

__all__ = ["BEGIN", "END", "page_text", "readme_lines", "with_lines"]

BEGIN, END = "<!-- figures: written by benchmarks/suite.py -->", "<!-- end of figures -->"
UNMEASURED = "Not measured yet: `make bench-full` on a quiet machine writes this page, its plots and its JSON."


def page_text(results: Results | None, *, images: str, json_path: str, plots: Sequence[str]) -> str:
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
    """
    lines = ["# Benchmarks", ""]
    if results is None or not results.parts:
        return "\n".join([*lines, UNMEASURED, ""])
    found = Found(results.figures)
    lines += [*_head(found, results, images, plots), ""]
    lines += [*_taken_on(results, json_path), ""]
    shown_plots = {"spark"} if "spark" in plots else set()
    for section in SECTIONS:
        lines += [*_section(section, found, results, images, set(plots) - shown_plots), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(found: Found, results: Results, images: str, plots: Sequence[str]) -> list[str]:
    told = head_lines(found)
    if not told:
        return ["Spark was not measured in this run, so nothing is said of it here."]
    lines = ["alert-transfer beside Spark 3.5, the least and the most of "]
    lines[0] += f"{', '.join(_cases_with_spark(found))}:" if _cases_with_spark(found) else "the experiments:"
    lines += ["", *(f"- {line}" for line in told)]
    if results.size == "full" and (missed := [one for one in _all_judged(found) if not one.is_reached]):
        lines[-1] += f" Of {len(_all_judged(found))} goals of our own {len(missed)} are not reached: see below."
    if "spark" in plots:
        lines += ["", f"![{SECTIONS[0].plot_text.capitalize()}]({images}/spark.svg)"]
    return lines


def _cases_with_spark(found: Found) -> list[str]:
    return [case for case in found.cases("experiments") if set(SPARKS) & set(found.whats("experiments", case))]


def _all_judged(found: Found) -> list[Judged]:
    return [one for name in dict.fromkeys(section.name for section in SECTIONS) for one in judged(found, name)]


def _taken_on(results: Results, json_path: str) -> list[str]:
    """Tell the machine, versions and how the page is made."""
    machine, measured = results.machine, [part for part in results.parts if not part.is_check]
    newest = max(measured or results.parts, key=lambda part: part.ended)
    versions = ", ".join(f"{name} {version}" for name, version in newest.versions.items())
    rounds = max((len(figure.runs) for figure in results.figures), default=1)
    runs = f"medians of up to {rounds} runs" if rounds > 1 else "single runs"
    command = {"full": "make bench-full", "small": "make bench"}[results.size]
    return [
        f"Measured on {results.date} by `{command}`: {runs} on {machine['cores']} cores of {machine['cpu']} with "
        f"{machine['memory_gb']} GB, broker included; load before each part {_loads(measured)}. Versions: {versions}. "
        f"`spread` is how far a row's runs are apart at most, as a share of their median. Each run is in the "
        f"[JSON]({json_path}), of which this page is made; no figure is written by hand. What no script of the suite "
        "measures stands in [benchmarks](../benchmarks/README.md)."
    ]


def _loads(parts: Sequence[Part]) -> str:
    return span_text([number_text(load) for load in sorted(part.load_before for part in parts)]) if parts else "unknown"


def _section(section: Section, found: Found, results: Results, images: str, plots: set[str]) -> list[str]:
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
    lines += ["", section.text]
    if older := [part for part in parts if part.ended[:10] != results.date]:
        lines += ["", *(f"Of another day: `{part.command}`, {part.ended[:10]}." for part in older)]
    lines += ["", f"Commit {_commits(parts)}.", "", *tables]
    if section.plot in plots:
        lines += ["", f"![{section.plot_text.capitalize()}]({images}/{section.plot}.svg)"]
    if section.lines is not SECTIONS[1].lines and results.size == "full":
        lines += _goals(list(judged(found, section.name)))
    return lines


def _commits(parts: Sequence[Part]) -> str:
    def text(commit: str) -> str:
        known, changed, _ = commit.partition("+")
        return f"{known} with changes" if changed else known

    return ", ".join(dict.fromkeys(text(part.commit) for part in parts))


def _goals(goals: Sequence[Judged]) -> list[str]:
    """Tell what was not reached of the goals, and how many were."""
    if not goals:
        return []
    missed = [one for one in goals if not one.is_reached]
    if not missed:
        return ["", f"All {len(goals)} goals are reached." if len(goals) > 1 else "The goal is reached."]
    rows = [[one.goal.case, one.text, one.aimed_at, number_text(one.value)] for one in missed]
    return [
        "",
        f"Not reached, {len(missed)} of {len(goals)} goals:",
        "",
        *table(["case", "goal", "aimed at", "is"], rows),
    ]


def readme_lines(results: Results | None, page: str) -> list[str]:
    """Return what README says of the figures: the three that matter, or the link alone."""
    found = Found(results.figures if results is not None else [])
    told = []
    spark = next((name for name in (*SPARKS[:1], *SPARKS[2:]) if _cases_of(found, name)), None)
    if spark is not None:
        some = [beside(found, case, spark) for case in _cases_of(found, spark)]
        faster = sorted(one.faster for one in some if one.faster is not None)
        cpu = sorted(one.cpu for one in some if one.cpu is not None)
        if faster:
            told.append(f"- {span_text([factor_text(value) for value in faster])} times as many alerts a second as {spark}")
        if cpu:
            told.append(f"- at {span_text([share_text(value) for value in cpu])} of its processor time")
    clients = [beside(found, case, "fink-client", section="consumers") for case in found.cases("consumers")]
    if times := sorted(one.faster for one in clients if one.faster is not None):
        told.append(f"- topics fetched to disk {span_text([factor_text(value) for value in times])} times as fast as fink-client does")
    if not told or results is None:
        return [f"What was measured, and how, is told in [{page}]({page})."]
    return [
        f"Measured side by side on {results.machine['cores']} cores on {results.date} ([{page}]({page}), where not as well):",
        "",
        *told,
    ]


def _cases_of(found: Found, other: str) -> list[str]:
    return [case for case in found.cases("experiments") if other in found.whats("experiments", case)]


def with_lines(text: str, lines: Sequence[str]) -> str:
    """Return a page's text with other lines between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are not there")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"
