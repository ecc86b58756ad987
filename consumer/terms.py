"""Messages in the terms of the face that shows them.

Code writes a message in one form, the command line's: `--archive URL`, `alert-transfer jobs --all`. On the command line
it stays so. Elsewhere the reader is in Python, and reads the argument or the call instead: `archive='URL'`,
`engine.jobs(everyone=True)`. The two tables here are the only place that knows both forms.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator

__all__ = ["command_line_terms", "in_face_terms", "in_python_terms"]

_LIST, _TEXT, _NUMBER, _TRUE, _FALSE = "['{}']", "'{}'", "{}", "True", "False"

# Option -> (argument, how its value is written, what counts as its value). Other words after it go on the sentence.
_ARGUMENTS: dict[str, tuple[str, str, str]] = {
    "--all": ("everyone", _TRUE, ""),
    "--anew": ("anew", _TRUE, ""),
    "--archive": ("archive", _TEXT, "URL"),
    "--class": ("classes", _LIST, "LABEL"),
    "--content": ("content", _TEXT, "lightcurve|cutouts|medium|full|fields"),
    "--data": ("data_dir", _TEXT, "DIR"),
    "--dask": ("dask", _TEXT, r"t(?:cp|ls)://[\w.:-]+\w"),
    "--exclude-class": ("exclude_classes", _LIST, "LABEL"),
    "--field": ("fields", _LIST, "PATH|…"),
    "--host": ("host", _TEXT, "ADDRESS"),
    "--kafka": ("kafka", _TEXT, r"host:port(?:\[,host:port\])?"),
    "--like": ("like", _TEXT, "TEXT"),
    "--limit": ("limit", _NUMBER, r"\d+|N\b"),
    "--nights": ("nights", _TEXT, r"\d{4}-[\d:-]*\d"),
    "--no-wait": ("wait", _FALSE, ""),
    "--older-than": ("older_than", _NUMBER, r"\d+|DAYS"),
    "--outdir": ("outdir", _TEXT, "DIR"),
    "--partitionby": ("partitionby", _TEXT, "time|finkclass|tnsclass|none"),
    "--restart": ("restart", _TRUE, ""),
    "--share": ("share", _TEXT, r"\d+/\d+|I/N"),
    "--skip-unreadable": ("skip_unreadable", _TRUE, ""),
    "--survey": ("survey", _TEXT, "ztf|lsst"),
    "--tns-catalogue": ("tns_catalogue", _TEXT, "FILE"),
    "--topic": ("topic", _TEXT, "TOPIC"),
    "--where": ("where", "{}", r'"[^"]*"'),
    "--widen": ("widen", _LIST, r"[^\s,;]+(?=$|[,;])"),
    "--yes": ("yes", _TRUE, ""),
}
_OPTION = re.compile(
    # Not inside a word or a path, nor where the command line itself is spoken of.
    r"(?<![\w'\"=/\\-])(?<!command line's )(?P<option>"
    + "|".join(sorted(map(re.escape, _ARGUMENTS), key=len, reverse=True))
    + r")(?![\w/\\-]|\.\w)"
)
# What a user gave stands in quotes, and may hold anything. An apostrophe in a word opens none.
_QUOTED = r"""(?<!\w)(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")(?!\w)"""
# So does a line of a condition, above the carets that point into it.
_POINTED_AT = r"\n  [^\n]*\n +\^+"
_COMMAND = r"(?<![\w./\\-])alert-transfer"
_FOUND = re.compile(rf"{_POINTED_AT}|{_QUOTED}|{_COMMAND}(?= )|{_OPTION.pattern}")
_TOPIC = r"(?P<topic>[\w.-]*\w)"
_PATH = r"""(?P<path>'[^']*'|"[^"]*"|[^\s,;]+)"""
# Most particular first.
_CALLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"{_COMMAND} {command}(?![\w-])"), call)
    for command, call in (
        (
            rf"status {_TOPIC} --request > request\.yaml, then alert-transfer submit --request request\.yaml",
            "engine.submit(engine.TransferRequest.from_dict(engine.job('{topic}').request()))",
        ),
        (r"request --as yaml > request\.yaml", "request.to_yaml()"),
        (rf"status {_TOPIC} --follow", "engine.job('{topic}').wait()"),
        (rf"status {_TOPIC} --receipt", "engine.job('{topic}').receipt()"),
        (rf"(?P<verb>cancel|log|status) {_TOPIC}", "engine.job('{topic}').{verb}()"),
        (rf"resume {_TOPIC}", "engine.resume('{topic}')"),
        ("jobs --all", "engine.jobs(everyone=True)"),
        ("jobs", "engine.jobs()"),
        (rf"topics clean {_TOPIC}", "engine.clean_topics('{topic}')"),
        ("topics clean", "engine.clean_topics()"),
        ("topics", "engine.topics()"),
        ("archive fields", "engine.archive_fields()"),
        ("archive index --anew", "engine.index_archive(anew=True)"),
        ("archive index", "engine.index_archive()"),
        ("archive info", "engine.archive_info()"),
        ("archive sample DIR", "engine.write_sample('DIR')"),
        ("broker", "engine.start_broker()"),
        (rf"verify {_PATH}", "consumer.verify({path})"),
        ("consume", "consumer.consume"),
    )
)

_on_command_line = False


@contextlib.contextmanager
def command_line_terms() -> Iterator[None]:
    """Have messages stay in the command line's terms, in all threads of this process, until the context ends."""
    global _on_command_line
    before, _on_command_line = _on_command_line, True
    try:
        yield
    finally:
        _on_command_line = before


def in_face_terms(text: str) -> str:
    """Return a message as the face that runs shows it: as it stands on the command line, else in Python's terms."""
    return text if _on_command_line else in_python_terms(text)


def in_python_terms(text: str) -> str:
    """Return a message with arguments and calls where it names options and commands; what a user gave stays."""
    if "--" not in text and "alert-transfer" not in text:
        return text
    parts, end = [], 0
    while found := _FOUND.search(text, end):
        parts.append(text[end : found.start()])
        part, end = _translated(text, found)
        parts.append(part)
    return "".join([*parts, text[end:]])


def _translated(text: str, found: re.Match[str]) -> tuple[str, int]:
    """Return what stands for something that was found in a text, and where that ends there."""
    if found["option"]:
        argument, form, values = _ARGUMENTS[found["option"]]
        value = re.compile(f" (?:{values})").match(text, found.end()) if values else None
        if value:
            return f"{argument}={form.format(value[0].strip())}", value.end()
        return f"{argument}=" + ("" if values else form), found.end()
    for pattern, call in _CALLS:
        if command := pattern.match(text, found.start()):
            return _as_call(call, command), command.end()
    return found[0], found.end()


def _as_call(call: str, found: re.Match[str]) -> str:
    """Return a command as a call; a path, which stands there as the shell takes it, as Python writes it."""
    parts = found.groupdict()
    if "path" in parts:
        parts["path"] = repr("".join(shlex.split(parts["path"])))
    return call.format_map(parts)
