"""The page on requests keeps what it says: every example of it is read."""

import re
from pathlib import Path

import click
import pytest

from engine.archive import parse_nights
from engine.conditions import notes_on_comments, one_text
from engine.errors import RequestError
from engine.request import TransferRequest
from ui.cli.options import request_options

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "requests.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+(?: \w+)?)\n(.*?)```", PAGE, re.DOTALL)


def table(title: str) -> list[list[str]]:
    """Return the rows of the table whose first column has a title, as the pieces of code in each cell."""
    (block,) = re.findall(rf"^\| {re.escape(title)} .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[", ".join(re.findall(r"`([^`]+)`", cell)) for cell in row.split("|")[1:-1]] for row in block.splitlines()]


def blocks(kind: str) -> list[str]:
    found = [text for name, text in BLOCKS if name == kind]
    assert found, kind
    return found


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_request_of_the_page_is_one(text):
    request = TransferRequest.from_yaml(text)
    assert TransferRequest.from_yaml(request.to_yaml()) == request
    assert notes_on_comments(one_text(request.where)) == []


@pytest.mark.parametrize("text", blocks("yaml refused"))
def test_what_the_page_says_is_refused_is(text):
    with pytest.raises(RequestError):
        TransferRequest.from_yaml(text)


def test_the_note_is_the_pages():
    (text,) = blocks("yaml noted")
    (note,) = notes_on_comments(one_text(TransferRequest.from_yaml(text).where))
    assert f"    note        {note}\n" in PAGE


def test_the_python_of_the_page_runs():
    for text in blocks("python"):
        exec(compile(text, "docs/requests.md", "exec"), {})


def test_the_nights_of_the_page():
    for nights, _ in table("Nights"):
        assert parse_nights(nights)
    for nights, offered in table("Not a night"):
        with pytest.raises(RequestError) as caught:
            parse_nights(nights)
        assert offered in caught.value.next_step


def test_the_page_has_every_key_and_option():
    rows = table("key in YAML, argument in Python")
    assert {key for key, *_ in rows} == set(TransferRequest.__dataclass_fields__)
    options = {name for _, options, *_ in rows for name in options.split(", ")}
    command = click.command()(request_options(lambda **_: None))
    assert options | {"--request"} == {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
