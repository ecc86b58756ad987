"""Messages name options and commands on the command line, arguments and calls in Python."""

import ast
import pickle
import re
from pathlib import Path

import pytest

from consumer.cli.commands import _ENGINE_COMMANDS
from consumer.errors import InputError
from consumer.terms import CONTENT_CARDS, command_line_terms, in_page_terms, in_python_terms, page_terms

ROOT = Path(__file__).resolve().parents[2]
# They pass options to other programs, or are the command line.
NOT_MESSAGES = ("consumer/cli/", "consumer/hints.py", "consumer/terms.py", "engine/local/", "engine/sample/")
NOT_MESSAGES += ("consumer/dataset/request_file.py",)  # a comment of a file that the command line reads
COMMANDS = "|".join([*_ENGINE_COMMANDS, "consume", "verify"])
OF_A_FACE = re.compile(rf"(?<![\w-])--[a-z]|\balert-transfer (?:{COMMANDS})\b")


def texts_of(tree: ast.AST):
    """Yield each text of a module as a whole, docstrings apart, with `x` for what is filled in."""
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    prose |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}

    def text(node: ast.AST) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.JoinedStr):
            return "".join(text(part) or "x" for part in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = (text(node.left), text(node.right))
            return None if sides == (None, None) else "".join(side or "x" for side in sides)
        return None

    def walk(node: ast.AST):
        found = text(node)
        if found is not None:
            yield found
            return
        for child in ast.iter_child_nodes(node):
            if id(child) not in prose:
                yield from walk(child)

    yield from walk(tree)


def messages() -> list[tuple[str, str]]:
    found = []
    for top in ("engine", "consumer"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(NOT_MESSAGES):
                found += [(name, t) for t in texts_of(ast.parse(path.read_text("utf-8"))) if OF_A_FACE.search(t)]
    return found


def test_no_message_names_an_option_or_a_command_in_python():
    """Of all texts in the code, so that a message written tomorrow is tested too."""
    found = messages()
    assert len(found) > 40
    left = [(name, in_python_terms(text)) for name, text in found]
    left = [(name, text) for name, text in left if OF_A_FACE.search(text) and "the command line's --" not in text]
    assert left == []


@pytest.mark.parametrize(
    ("text", "in_python"),
    [
        ("give --archive URL, or set it", "give archive='URL', or set it"),
        ("give --tns-catalogue FILE, or leave", "give tns_catalogue='FILE', or leave"),
        ("name a folder by --data; it is", "name a folder by data_dir=; it is"),
        ("in /my data --all. It", "in /my data everyone=True. It"),
        ("choose an --outdir whose path", "choose an outdir= whose path"),
        ("as double: --widen candidate.x", "as double: widen=['candidate.x']"),
        ("--widen names fields in which", "widen= names fields in which"),
        ("--widen a.b, or take others", "widen=['a.b'], or take others"),
        ("with: --where \"tns = 'SN Ia'\"", "with: where=\"tns = 'SN Ia'\""),
        ("send the rest with --skip-unreadable", "send the rest with skip_unreadable=True"),
        ("--content fields --field …", "content='fields' fields=['…']"),
        ("--partitionby time or none", "partitionby='time' or none"),
        ("see: alert-transfer jobs --all", "see: engine.jobs(everyone=True)"),
        ("by alert-transfer request --as yaml > request.yaml", "by request.to_yaml()"),
        ("see: alert-transfer log ftransfer_a.b-c", "see: engine.job('ftransfer_a.b-c').log()"),
        ("with: alert-transfer resume ftransfer_x", "with: engine.resume('ftransfer_x')"),
        ("with: alert-transfer verify 'my alerts'", "with: consumer.verify('my alerts')"),
        ("as --limits has it, '--limit' too", "as --limits has it, '--limit' too"),
    ],
)
def test_arguments_and_calls_take_the_place_of_options_and_commands(text, in_python):
    assert in_python_terms(text) == in_python
    assert in_python_terms(in_python) == in_python


@pytest.mark.parametrize(
    "text",
    [
        "no folder 'my --archive URL'",
        "the conditions 'magpsf < 18 --limit 5' end",
        "there is no class 'see alert-transfer jobs'",
        """the label "it's --all of them" is in no list""",
        r"""the label 'it\'s "all" --all' is in no list""",
        "there is no field 'x' (line 1, column 5)\n  x > --all of\n  ^",
        "/data/--archive/part.parquet is not Parquet",
        "/my data/a --archive/part.parquet is not Parquet",
        "/my data/a --all.parquet is not Parquet",
        "/opt/alert-transfer jobs/part.parquet is not Parquet",
    ],
)
def test_what_a_user_gave_stays_as_it_was_given(text):
    assert in_python_terms(text) == text
    assert in_python_terms(f"{text}; the archive's: give --archive URL") == f"{text}; the archive's: give archive='URL'"


def test_an_error_is_read_in_the_terms_of_its_face():
    made = InputError("--widen names x", accepted="--share 1/2", next_step="give --archive URL")
    for error in (made, pickle.loads(pickle.dumps(made))):
        assert (error.message, error.accepted, error.next_step) == (
            "widen= names x",
            "share='1/2'",
            "give archive='URL'",
        )
        assert "--" not in str(error)
        with command_line_terms():
            assert error.next_step == "give --archive URL"
            assert str(error).count("--") == 3
        assert error.as_dict() == {
            "message": "--widen names x",
            "accepted": "--share 1/2",
            "next": "give --archive URL",
        }


# What an operator or a shell does stays as it is: the page has nothing for it.
IN_A_SHELL = ("alert-transfer archive", "alert-transfer broker", "alert-transfer topics", "alert-transfer verify")
IN_A_SHELL += ("--outdir", "--restart", "--partitionby", "--share", "--older-than", "--all", "--topic")


def test_on_the_page_messages_name_controls_that_it_has():
    shown = [in_page_terms(text) for _, text in messages()]
    left = [text for text in shown if OF_A_FACE.search(text) and not any(one in text for one in IN_A_SHELL)]
    assert [text for text in left if not text.startswith("--") and "the command line's --" not in text] == []
    page = "".join(path.read_text("utf-8") for path in (ROOT / "ui" / "dashboard").rglob("*.[pj][ys]"))
    page += repr(list(CONTENT_CARDS.values()))
    named = {name for text in shown for name in re.findall("“([^”]+)”", text)}
    assert len(named) > 8
    assert [name for name in sorted(named) if f'"{name}"' not in page and f"'{name}'" not in page] == []


@pytest.mark.parametrize(
    ("text", "on_page"),
    [
        ("ask for x as double: --widen x", "ask for x as double: “Fields to widen” x (step Data)"),
        ("send the rest with --skip-unreadable", "send the rest with “Leave out files that can't be read” (step Data)"),
        ("--content full or less", "“Full alert” (step Content) or less"),
        ("type: --where \"tns = 'Ia'\"", "type: the condition tns = 'Ia' (step Filter)"),
        ("see: alert-transfer jobs --all", "see: “Your jobs” (step Receive)"),
        ("with: alert-transfer resume ftransfer_x", "with: “Resume job” (step Receive)"),
        ("make one: alert-transfer archive sample DIR", "make one: alert-transfer archive sample DIR"),
        ("another --outdir, or 'my --widen x'", "another --outdir, or 'my --widen x'"),
    ],
)
def test_on_the_page_a_control_stands_for_an_option(text, on_page):
    error = InputError("x", next_step=text)
    with command_line_terms(), page_terms():
        assert error.next_step == on_page
    assert in_page_terms(on_page) == on_page
