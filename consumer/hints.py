"""Commands inside texts, made such that they run in the shell in which a person reads them.

Messages name commands plainly: `alert-transfer jobs`. A person who called `.venv/bin/alert-transfer` may have no such
command, and one who named Kafka by `--kafka` has to name it again. So where a command prints a text, the plain name
becomes what this installation is called by, and options that were given by hand are carried along.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

__all__ = ["python", "quoted", "runnable"]

_PROGRAM = "alert-transfer"
_READ_KAFKA = ("cancel", "consume", "jobs", "log", "resume", "status", "submit", "topics", "topics clean")
_READ_ARCHIVE = ("archive fields", "archive index", "archive info", "estimate", "plan", "preview", "submit")
_READ_CONFIG = {*_READ_KAFKA, *_READ_ARCHIVE, "config check", "config show", "serve"}
_TAKEN_BY = {
    "--kafka": {*_READ_KAFKA, "serve"},
    "--dask": {"estimate", "preview", "resume", "serve", "submit"},
    "--archive": {*_READ_ARCHIVE},
    "--config": _READ_CONFIG,
}
_COMMANDS = sorted({*_READ_CONFIG, "archive sample", "broker", "demo", "verify"}, key=len, reverse=True)
# Not what is a path already, nor part of another word.
_BEFORE, _AFTER = r"(?<![\w./\\-])", r"(?![\w-])"
_NAMED = re.compile(rf"{_BEFORE}{_PROGRAM} (?P<command>{'|'.join(_COMMANDS)}|(?:[a-z]+ )*--help){_AFTER}(?P<rest>.*)")
_TOOL = re.compile(rf"{_BEFORE}(?P<tool>pip (?=install)|dask (?=worker))")


def runnable(text: str, options: Mapping[str, str] | None = None) -> str:
    """Return a text whose commands run when pasted into the shell.

    Parameters
    ----------
    text
        For people; commands in it are named plainly, at most one a line.
    options
        Option -> its value, of those that were given by hand (`--kafka`, `--dask`, `--archive`, `--config`): a
        command that takes one gets it, unless the text gives it one.
    """

    def carry(found: re.Match[str]) -> str:
        command, rest = found["command"], found["rest"]
        there = {word.partition("=")[0] for word in rest.split()}
        carried = [
            word
            for option, value in (options or {}).items()
            if command in _TAKEN_BY[option] and not there & {option, "--help"}
            for word in (option, value)
        ]
        return " ".join(filter(None, [_program(), command, quoted(*carried)])) + rest

    return _TOOL.sub(lambda found: f"{_tool(found['tool'].strip())} ", _NAMED.sub(carry, text))


def quoted(*words: str | os.PathLike[str]) -> str:
    """Return words as the shell takes them: with blanks, quotation marks or `$` in quotes."""
    texts = [os.fspath(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


def python() -> str:
    """Return what calls the Python that this program runs in, and so has its packages."""
    found = shutil.which("python", path=_path_of_shell())
    # Compared by folder: the interpreter of an environment is a link to one that has other packages.
    if found and _folder(found) == _folder(sys.executable):
        return "python"
    return quoted(_shortest(sys.executable))


def _program() -> str:
    # As it was called, or, where a program of another name imported us, as it was installed.
    called = sys.argv[0] if Path(sys.argv[0]).stem == _PROGRAM else None
    ours = (called and shutil.which(called)) or shutil.which(_PROGRAM, path=sysconfig.get_path("scripts"))
    if ours is None:
        return f"{python()} -c {quoted('from consumer.cli import main; main()')}"
    return _name_or_path(_PROGRAM, ours)


def _tool(name: str) -> str:
    ours = shutil.which(name, path=sysconfig.get_path("scripts"))
    return name if ours is None else _name_or_path(name, ours)


def _name_or_path(name: str, ours: str) -> str:
    found = shutil.which(name, path=_path_of_shell())
    return name if found and os.path.samefile(found, ours) else quoted(_shortest(ours))


def _path_of_shell() -> str:
    """Return the shell's PATH: ours, but for `uv run`, which puts the environment's programs before it."""
    path = os.environ.get("PATH", os.defpath)
    if "UV_RUN_RECURSION_DEPTH" not in os.environ:
        return path
    scripts = _folder(sys.executable)
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if Path(entry).resolve() != scripts)


def _folder(file: str) -> Path:
    return Path(file).absolute().parent.resolve()


def _shortest(file: str) -> str:
    """Return a path from the working directory if the file is below it, else the whole path."""
    path, here = Path(os.path.abspath(file)), Path.cwd()
    if not path.is_relative_to(here):
        return str(path)
    return os.path.join(os.curdir, path.name) if path.parent == here else str(path.relative_to(here))
