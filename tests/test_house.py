"""The house keeps its walls: who may import whom, and what each room shows to the others."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ("engine", "consumer", "ui")
ROOMS = sorted(
    ".".join(path.parent.relative_to(ROOT).parts) for top in HOUSE for path in (ROOT / top).rglob("__init__.py")
)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*HOUSE, cache_dir=None)


def test_rooms_import_as_pyproject_says():
    # In a process of its own: it configures logging, and switches off each logger that is there.
    words = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_others_import_a_room_and_never_its_modules(graph):
    """A room's modules are its own; what others use is in its `__all__`. Rooms inside a room may use its modules."""
    broken = []
    for imported in graph.modules:
        room = imported.rpartition(".")[0]
        if not room or room in HOUSE:
            continue  # what stands in a root, engine.errors say, or a room as such, is for everybody
        importers = graph.find_modules_that_directly_import(imported)
        broken += [(who, imported) for who in importers if who != room and not who.startswith(f"{room}.")]
    assert broken == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_lives_there_and_shows_names_that_exist(room):
    module = importlib.import_module(room)
    assert len(re.findall(r"[.:](?=\s|$)", module.__doc__)) >= 2, "what lives there, what may come in"
    public = [name for name in getattr(module, "__all__", []) if not hasattr(module, name)]
    assert public == []


def test_no_import_is_relative_but_in_the_stubs_of_rooms():
    for top in HOUSE:
        for path in (ROOT / top).rglob("*.py"):
            assert not re.search(r"^\s*from \.", path.read_text(encoding="utf-8"), re.MULTILINE), path
