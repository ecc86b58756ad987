"""The house keeps its walls: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A file imports only files of the lines above its own; files of one line don't import each other.
# A set inside a line is one room that was cut into several files: these may import each other.
TIERS: list[list[str | set[str]]] = []


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def top_names(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def importers(package: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT))
        for room in ("engine", "ui", "consumer")
        for path in files(room)
        if package in top_names(path)
    )
