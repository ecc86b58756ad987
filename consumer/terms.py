"""Messages in the terms of the face that shows them.

Code writes a message in one form, the command line's: `--archive URL`, `alert-transfer jobs --all`. On the command line
it stays so. Elsewhere the reader is in Python, and reads the argument or the call instead: `archive='URL'`,
`engine.jobs(everyone=True)`; or looks at the page, and reads which control to use: “Your jobs” (step Receive). The
tables here are the only place that knows all forms. What the page has no control for, its reader does in a shell: that
stays as it is.
"""

from __future__ import annotations

import contextlib
import contextvars
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

__all__ = ["CONTENT_CARDS", "command_line_terms", "in_face_terms", "in_page_terms", "in_python_terms", "page_terms"]

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
    "--test": ("test", _TRUE, ""),
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
        (rf"log {_TOPIC} --follow", "engine.job('{topic}').follow_log()"),
        (rf"status {_TOPIC} --receipt", "engine.job('{topic}').receipt()"),
        (rf"(?P<verb>cancel|log|status) {_TOPIC}", "engine.job('{topic}').{verb}()"),
        (rf"resume {_TOPIC}", "engine.resume('{topic}')"),
        ("jobs --all", "engine.jobs(everyone=True)"),
        ("jobs", "engine.jobs()"),
        (rf"topics clean {_TOPIC}", "engine.clean_topics('{topic}')"),
        ("topics clean", "engine.clean_topics()"),
        ("topics", "engine.topics()"),
        ("archive fields", "engine.fields()"),
        ("archive index --anew", "engine.index_archive(anew=True)"),
        ("archive index", "engine.index_archive()"),
        ("archive info", "engine.archive_info()"),
        ("archive sample DIR", "engine.write_sample('DIR')"),
        ("broker", "engine.start_broker()"),
        (rf"verify {_PATH}", "consumer.verify({path})"),
        ("consume", "consumer.consume"),
    )
)

# Option -> what the page has for it, with a value and without one.
_CONTROLS: dict[str, tuple[str, str]] = {
    "--archive": ("“Source” (step Data)", "“Source” (step Data)"),
    "--class": ("“Keep only” {} (step Filter)", "“Keep only” (step Filter)"),
    "--content": ("“{}” (step Content)", "the content (step Content)"),
    "--dask": ("dask in the server's configuration", "dask in the server's configuration"),
    "--exclude-class": ("“Leave out” {} (step Filter)", "“Leave out” (step Filter)"),
    "--field": ("“Fields to send” (step Content)", "“Fields to send” (step Content)"),
    "--kafka": ("kafka in the server's configuration", "kafka in the server's configuration"),
    "--limit": ("“Limit” {} (step Content)", "“Limit” (step Content)"),
    "--nights": ("“Observing nights” {} (step Data)", "“Observing nights” (step Data)"),
    "--skip-unreadable": ("", "“Leave out files that can't be read” (step Data)"),
    "--survey": ("the source's survey in the server's configuration",) * 2,
    "--test": ("", "“Test job”"),
    "--tns-catalogue": ("the source's tns_catalogue in the server's configuration",) * 2,
    "--where": ("the condition {} (step Filter)", "“Conditions” (step Filter)"),
    "--widen": ("“Fields to widen” {} (step Data)", "“Fields to widen” (step Data)"),
}
CONTENT_CARDS = {
    "lightcurve": "Light curve",
    "cutouts": "Stamps",
    "medium": "Everything but the stamps",
    "full": "Full alert",
    "fields": "Fields of your choice",
}
"""Content -> what its card on the page says."""
_JOBS = "“Your jobs” (step Receive)"
_PLACES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"{_COMMAND} {command}(?![\w-])"), place)
    for command, place in (
        (
            rf"status {_TOPIC} --request > request\.yaml, then alert-transfer submit --request request\.yaml",
            "choose the same on this page, and “Submit job”",
        ),
        (r"request --as yaml > request\.yaml", "“Copy or share”"),
        (rf"log {_TOPIC}(?: --follow)?", "the job's log (step Receive)"),
        (rf"cancel {_TOPIC}", "“Cancel job” (step Receive)"),
        (rf"resume {_TOPIC}", "“Resume job” (step Receive)"),
        (rf"status {_TOPIC}(?: --follow)?", _JOBS),
        ("jobs(?: --all)?", _JOBS),
        ("archive fields", "the table of fields (steps Filter and Content)"),
        ("archive info", "the calendar (step Data)"),
    )
)

_on_command_line = False
_on_page: contextvars.ContextVar[bool] = contextvars.ContextVar("on_page", default=False)


@contextlib.contextmanager
def page_terms() -> Iterator[None]:
    """Have messages stand in the page's terms, in this context and those made from it, until it ends."""
    before = _on_page.set(True)
    try:
        yield
    finally:
        _on_page.reset(before)


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
    """Return a message as the face that runs shows it: the page, the command line, or else Python."""
    if _on_page.get():
        return in_page_terms(text)
    return text if _on_command_line else in_python_terms(text)


def in_python_terms(text: str) -> str:
    """Return a message with arguments and calls where it names options and commands; what a user gave stays."""
    return _in_terms(text, _as_argument, _CALLS)


def in_page_terms(text: str) -> str:
    """Return a message with the page's controls where it names options and commands that it has any for."""
    return _in_terms(text, _as_control, _PLACES)


def _in_terms(
    text: str, argument: Callable[[str, str | None], str], calls: Sequence[tuple[re.Pattern[str], str]]
) -> str:
    if "--" not in text and "alert-transfer" not in text:
        return text
    parts, end = [], 0
    while found := _FOUND.search(text, end):
        parts.append(text[end : found.start()])
        part, end = _translated(text, found, argument, calls)
        parts.append(part)
    return "".join([*parts, text[end:]])


def _translated(
    text: str,
    found: re.Match[str],
    argument: Callable[[str, str | None], str],
    calls: Sequence[tuple[re.Pattern[str], str]],
) -> tuple[str, int]:
    """Return what stands for something that was found in a text, and where that ends there."""
    if found["option"]:
        values = _ARGUMENTS[found["option"]][2]
        if value := re.compile(f" (?:{values})").match(text, found.end()) if values else None:
            return argument(found["option"], value[0].strip()), value.end()
        return argument(found["option"], None), found.end()
    for pattern, call in calls:
        if command := pattern.match(text, found.start()):
            return _as_call(call, command), command.end()
    return found[0], found.end()


def _as_argument(option: str, value: str | None) -> str:
    name, form, values = _ARGUMENTS[option]
    if value is None:
        return f"{name}=" + ("" if values else form)
    return f"{name}={form.format(value)}"


def _as_control(option: str, value: str | None) -> str:
    if option not in _CONTROLS:
        return option if value is None else f"{option} {value}"
    given, bare = _CONTROLS[option]
    if value is None or not given:
        return bare
    return given.format(CONTENT_CARDS.get(value, value) if option == "--content" else value.strip('"'))


def _as_call(call: str, found: re.Match[str]) -> str:
    """Return a command as a call; a path, which stands there as the shell takes it, as Python writes it."""
    parts = found.groupdict()
    if "path" in parts:
        parts["path"] = repr("".join(shlex.split(parts["path"])))
    return call.format_map(parts)
