"""Where the page, its plots and its JSON are written: into the repository, or into a folder beside."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.page.beside import Found
from benchmarks.page.making import Links, page_text
from benchmarks.page.readme import readme_lines, with_lines
from benchmarks.running.results import Results, read_results, write_results

__all__ = ["DOCS", "KEPT", "README", "kept_page", "kept_readme", "write_kept", "write_page"]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
KEPT = ROOT / "benchmarks" / "results"
PLOTS = DOCS / "images" / "benchmarks"
README = ROOT / "README.md"


def kept_page(results: Results | None, plots: list[str]) -> str:
    """Return the page as it stands in docs/."""
    date = "" if results is None else results.date
    links = Links(images="images/benchmarks", json_path=f"../benchmarks/results/{date}.json", plots=plots)
    return page_text(results, links)


def kept_readme(text: str, results: Results | None) -> str:
    """Return README's text with the figures that matter."""
    return with_lines(text, readme_lines(results, "docs/benchmarks.md"))


def write_kept(results: Results) -> Path:
    """Write page, plots, JSON and README's lines into the repository; return the page's path."""
    # matplotlib takes a second, and whoever only reads results needs none of it.
    from benchmarks.page.plots import write_plots

    kept = KEPT / f"{results.date}.json"
    write_results(kept, results)
    # As anyone will read it, who makes the page again.
    results = read_results(kept)
    plots = write_plots(Found(results.figures), PLOTS)
    README.write_text(kept_readme(README.read_text(encoding="utf-8"), results), encoding="utf-8")
    page = DOCS / "benchmarks.md"
    page.write_text(kept_page(results, plots), encoding="utf-8")
    return page


def write_page(results: Results, folder: Path) -> Path:
    """Write page and plots into a folder beside the run's JSON; return the page's path."""
    from benchmarks.page.plots import write_plots

    plots = write_plots(Found(results.figures), folder / "images")
    write_results(folder / f"{results.date}.json", results)
    page = folder / "benchmarks.md"
    docs = f"{os.path.relpath(DOCS, folder)}/"
    links = Links(images="images", json_path=f"{results.date}.json", plots=plots, docs=docs)
    page.write_text(page_text(results, links), encoding="utf-8")
    return page
