"""The page on Python keeps what it says: its code runs, and what needs a Kafka names what there is."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import consumer
import engine
from engine.aio import Twin

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python(?: job)?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_code_of_the_page_runs_from_above(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "docs/python.md", "exec"), {"__name__": "__page__"})


def called(text: str) -> list[tuple[str, list[str]]]:
    """Return the dotted names of our functions that code calls, and the names of their arguments."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [(ast.unparse(call.func), [word.arg for word in call.keywords if word.arg]) for call in calls]


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "python job"])
def test_what_needs_a_kafka_is_called_as_it_is(text):
    ours = [(name, words) for name, words in called(text) if name.startswith(("engine.", "consumer.", "job."))]
    assert ours
    for name, words in ours:
        found = {"engine": engine, "consumer": consumer, "job": engine.Job}[name.partition(".")[0]]
        for part in name.split(".")[1:]:
            found = getattr(found, part)
        assert set(words) <= set(inspect.signature(found).parameters), name


def test_the_page_names_each_twin():
    twins = {name for name, twin in vars(engine.aio).items() if isinstance(twin, Twin)}
    section = PAGE.partition("## Without blocking")[2]
    assert twins == {name for name in twins if re.search(rf"`{name}(?:\(job\))?`", section)}
