"""What stands in the repository is what the suite makes of its JSON: no figure is written by hand."""

import re

from benchmarks.page.writing import DOCS, KEPT, README, kept_page, kept_readme
from benchmarks.running.results import last_kept, read_results

LAST = last_kept(KEPT)
RESULTS = None if LAST is None else read_results(LAST)


def test_the_page_is_made_of_the_last_json_and_its_plots_are_there():
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    images = re.findall(r"\]\((images/benchmarks/(\w+)\.svg)\)", text)
    assert text == kept_page(RESULTS, [name for _, name in images]), "made anew by: benchmarks/suite.py --page"
    assert [path for path, _ in images if not (DOCS / path).exists()] == []
    assert {path.stem for path in (DOCS / "images/benchmarks").glob("*.svg")} == {name for _, name in images}


def test_readme_has_its_figures():
    text = README.read_text(encoding="utf-8")
    assert text == kept_readme(text, RESULTS), "made anew by: benchmarks/suite.py --page"
