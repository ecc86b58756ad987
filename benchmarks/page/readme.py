"""README's lines on benchmarks: three figures that matter, between two marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.page.beside import Found, beside
from benchmarks.page.words import SPARKS, factor_text, share_text, span_text
from benchmarks.running.results import Results

__all__ = ["BEGIN", "END", "readme_lines", "with_lines"]

BEGIN, END = "<!-- figures: written by benchmarks/suite.py -->", "<!-- end of figures -->"


def readme_lines(results: Results | None, page: str) -> list[str]:
    """Return what README says of the figures, each from the least to the most of its cases; else the link alone."""
    told = _told(Found(results.figures)) if results is not None else []
    if results is None or not told:
        return [f"How fast it is, and beside what, is told in [{page}]({page})."]
    cores = f"{results.machine['cores']} cores"
    return [
        f"Measured side by side on {cores}, {results.date}; where not as well stands in [{page}]({page}):",
        "",
        *told,
    ]


def _told(found: Found) -> list[str]:
    told = []
    for spark in (SPARKS[0], SPARKS[2]):
        cases = [case for case in found.cases("experiments") if spark in found.whats("experiments", case)]
        some = [beside(found, case, spark) for case in cases]
        if faster := _span((one.faster for one in some), factor_text):
            cpu = _span((one.cpu for one in some), share_text)
            told.append(
                f"- {faster} times as many alerts a second as {spark}" + (f", at {cpu} of its CPU" if cpu else "")
            )
    clients = [beside(found, case, "fink-client", section="consumers") for case in found.cases("consumers")]
    if faster := _span((one.faster for one in clients), factor_text):
        told.append(f"- topics fetched to disk {faster} times as fast as by fink-client")
    return told


def _span(values: Iterable[float | None], text: Callable[[float], str]) -> str:
    texts = [text(value) for value in sorted(value for value in values if value is not None)]
    return span_text(texts) if texts else ""


def with_lines(text: str, lines: Sequence[str]) -> str:
    """Return a page's text with other lines between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are not there")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"
