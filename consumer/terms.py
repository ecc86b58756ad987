"""Messages in the terms of the face that shows them.

Code writes a message in one form, the command line's: `--archive URL`, `alert-transfer jobs --all`. On the command line
it stays so. Elsewhere the reader is in Python, and reads the argument or the call instead: `archive='URL'`,
`engine.jobs(everything=True)`. The two tables here are the only place that knows both forms.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from functools import partial

__all__ = ["command_line_terms", "in_face_terms", "in_python_terms"]

_LIST, _TEXT, _NUMBER, _TRUE, _FALSE = "['{}']", "'{}'", "{}", "True", "False"

# Option -> (argument, how its value is written, what counts as its value). Other words after it go on the sentence.
_ARGUMENTS: dict[str, tuple[str, str, str]] = {
    "--all": ("everything", _TRUE, ""),
    "--archive": ("archive", _TEXT, "URL"),
    "--class": ("classes", _LIST, "LABEL"),
    "--content": ("content", _TEXT, "lightcurve|cutouts|medium|full|fields"),
    "--dask": ("dask", _TEXT, r"tcp://[\w.:-]+\w"),
    "--exclude-class": ("exclude_classes", _LIST, "LABEL"),
    "--field": ("fields", _LIST, "PATH|…"),
    "--kafka": ("kafka", _TEXT, r"host:port(?:\[,host:port\])?"),
    "--like": ("like", _TEXT, "TEXT"),
    "--limit": ("limit", _NUMBER, r"\d+|N\b"),
    "--nights": ("nights", _TEXT, r"\d{4}-[\d:-]*\d"),
    "--no-wait": ("wait", _FALSE, ""),
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
}
_OPTION = re.compile(
    # Not inside a word or a quoted value, nor where the command line itself is spoken of.
    r"(?<![\w'\"=-])(?<!command line's )(?P<option>"
    + "|".join(sorted(map(re.escape, _ARGUMENTS), key=len, reverse=True))
    + r")(?![\w-])"
)
_TOPIC = r"(?P<topic>[\w.-]*\w)"
_PATH = r"""(?P<path>'[^']*'|"[^"]*"|[^\s,;]+)"""
# Most particular first.
_CALLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![\w./\\-])alert-transfer {command}(?![\w-])"), call)
    for command, call in (
        (
            rf"status {_TOPIC} --request > request\.yaml, then alert-transfer submit --request request\.yaml",
            "engine.submit(engine.TransferRequest.from_dict(engine.job('{topic}').request()))",
        ),
        (rf"status {_TOPIC} --follow", "engine.job('{topic}').wait()"),
        (rf"status {_TOPIC} --receipt", "engine.job('{topic}').receipt()"),
        (rf"(?P<verb>cancel|log|status) {_TOPIC}", "engine.job('{topic}').{verb}()"),
        (rf"resume {_TOPIC}", "engine.resume('{topic}')"),
        ("jobs --all", "engine.jobs(everything=True)"),
        ("jobs", "engine.jobs()"),
        ("archive fields", "engine.archive_fields()"),
        ("archive info", "engine.Archive('URL').nights()"),
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
    """Return a message with arguments and calls where it names options and commands."""
    if "--" not in text and "alert-transfer" not in text:
        return text
    for pattern, call in _CALLS:
        text = pattern.sub(partial(_as_call, call), text)
    parts, end = [], 0
    for found in _OPTION.finditer(text):
        argument, form, values = _ARGUMENTS[found["option"]]
        value = re.compile(f" (?:{values})").match(text, found.end()) if values else None
        parts.append(text[end : found.start()])
        if value:
            parts.append(f"{argument}={form.format(value[0].strip())}")
        else:
            parts.append(f"{argument}=" + ("" if values else form))
        end = value.end() if value else found.end()
    return "".join([*parts, text[end:]])


def _as_call(call: str, found: re.Match[str]) -> str:
    """Return a command as a call; a path, which stands there as the shell takes it, as Python writes it."""
    parts = found.groupdict()
    if "path" in parts:
        parts["path"] = repr("".join(shlex.split(parts["path"])))
    return call.format_map(parts)
