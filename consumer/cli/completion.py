"""Completion in the shell: the scripts for bash, zsh and fish, and what a word may become.

click asks the parameter at which the user is. What other rooms know of values they say by `complete_by`. Whatever goes
wrong gives no suggestion and no message: the user is in the middle of a line.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from consumer.cli.memory import start_remembering
from consumer.dataset import PARTITIONINGS
from consumer.kafka import Cluster
from consumer.settings import kafka_settings
from consumer.wire import manifest_topic

__all__ = ["SHELLS", "answer_shell", "complete_by", "is_asked", "let_complete", "option_of", "script"]

SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "alert-transfer"
_VARIABLE = "_ALERT_TRANSFER_COMPLETE"
_TOPICS_S = 1.0
_DIRECTORIES = ("--outdir", "--dir", "--data", "outdirs", "directory")
_FILES = ("--config", "--output", "--tns-catalogue", "--request")

Source = Callable[[click.Context, str], Iterable[str | CompletionItem[str]]]
"""Called with the context, whose parameters are what was given, and the beginning of a value; gives values, also such
that begin otherwise."""


def _topics(context: click.Context, incomplete: str) -> Iterable[str]:
    """Give the topics of jobs that Kafka has."""
    kafka, options = kafka_settings(option_of(context, "config"), option_of(context, "kafka"))
    if kafka is None:
        return []
    connection = Cluster(bootstrap=kafka, options=options).open({})
    try:
        names = connection.raw.list_topics(timeout=_TOPICS_S).topics
    finally:
        connection.close()
    return sorted(name for name in names if manifest_topic(name) in names)


def _path(kind: str) -> Source:
    return lambda context, incomplete: [CompletionItem(incomplete, type=kind)]


_SOURCES: dict[str, Source] = {
    **{name: _path("dir") for name in _DIRECTORIES},
    **{name: _path("file") for name in _FILES},
    "topic": _topics,
    "names": _topics,
    "--partitionby": lambda context, incomplete: PARTITIONINGS,
}


def complete_by(name: str, source: Source) -> None:
    """Have the values of an option (`--field`) or an argument (`topic`), of whatever command, completed by a source."""
    _SOURCES[name] = source


def option_of(context: click.Context, name: str) -> Any:
    """Return the value of an option that stands before the word in question, or in the environment."""
    return context.params.get(name) or context.find_root().params.get(name)


class _Completed(click.types.StringParamType):
    """A text whose values a source may know; which do is known once all rooms are loaded."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        source = _SOURCES.get(_name_of(param))
        if source is None:
            return super().shell_complete(ctx, param, incomplete)
        found = source(ctx, incomplete)
        items = [item if isinstance(item, CompletionItem) else CompletionItem(item) for item in found]
        return [item for item in items if str(item.value).startswith(incomplete)]


def let_complete(parameters: Sequence[click.Parameter]) -> None:
    """Have parameters that take texts complete by the sources of their names."""
    for parameter in parameters:
        if type(parameter.type) is click.types.StringParamType:
            parameter.type = _Completed()


def _name_of(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.name or ""
    return max(parameter.opts, key=len)


class _Bash(BashComplete):
    """Bash, which splits words at colons too, and wants signs of its own escaped."""

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local completion type value
    COMPREPLY=()
    while IFS= read -r completion; do
        type=${completion%%%%,*}
        value=${completion#*,}
        if [[ $type == dir ]]; then
            compopt -o dirnames
        elif [[ $type == file ]]; then
            compopt -o default
        elif [[ -n $value ]]; then
            COMPREPLY+=("$value")
        fi
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(self._line)
        incomplete = words.pop() if words and (self._quote or not self._line[-1:].isspace()) else ""
        return words[1:], incomplete

    @property
    def _line(self) -> str:
        return os.environ["COMP_WORDS"]

    @property
    def _quote(self) -> str:
        """The quote that is open at the end of the line, if one is."""
        quote = ""
        for found in re.finditer(r"""\\.|['"]""", self._line):
            if found[0] in "'\"" and quote in ("", found[0]):
                quote = "" if quote else found[0]
        return quote

    def format_completion(self, item: CompletionItem[str]) -> str:
        value = item.value
        if not self._quote:
            _, incomplete = self.get_completion_args()
            # Bash replaces what stands behind the last of these.
            broken = re.match(r".*[:=]", incomplete)
            value = value.removeprefix(broken[0]) if broken else value
            value = re.sub(r"([^\w./:@%+,=-])", r"\\\1", value) if item.type == "plain" else value
        return f"{item.type},{value}"


add_completion_class(_Bash, "bash")


def script(group: click.Command, shell: str) -> str:
    """Return the script that a shell reads to complete our commands."""
    kind = get_completion_class(shell)
    if kind is None:
        raise LookupError(shell)
    return kind(group, {}, _PROGRAM, _VARIABLE).source()


def is_asked() -> bool:
    """Return whether a shell asks what a word may become, instead of running a command."""
    return _VARIABLE in os.environ


def answer_shell(group: click.Command) -> int:
    """Say on stdout what the word may become that the shell's variables describe. Returns the exit code."""
    start_remembering()
    # A message would stand in the line that the user writes, and a traceback even more so.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception):
        return shell_complete(group, {}, _PROGRAM, _VARIABLE, os.environ[_VARIABLE])
    return 0
