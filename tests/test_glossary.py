"""The glossary's names are the code's."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
ENTRY = re.compile(r"^- ((?:\*\*[^*]+\*\*(?:, )?)+)(?: \(`([\w.]+)`\))?: ", re.MULTILINE)
ENTRIES = ENTRY.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))


def test_every_line_of_the_list_is_an_entry_and_each_term_has_one():
    lines = [line for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    assert len(lines) == len(ENTRIES)
    terms = [term for names, _ in ENTRIES for term in re.findall(r"\*\*([^*]+)\*\*", names)]
    assert len(terms) == len(set(terms))
    assert {"heartbeat", "predicate", "field", "leaf", "fragment", "receipt", "spool"} <= set(terms)


@pytest.mark.parametrize("name", sorted(name for _, name in ENTRIES if name))
def test_a_name_of_the_glossary_is_there(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_readers_find_it():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert "docs/glossary.md" in readme
    assert "(glossary.md)" in (DOCS / "architecture.md").read_text(encoding="utf-8")
