"""What every command of `alert-transfer` shares: options, output as text or JSON, errors, exit codes.

`consumer.cli` and the engine's commands in `ui` are built on it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from click.core import ParameterSource

from consumer.cli.completion import answer_shell, is_asked, let_complete
from consumer.cli.ending import INTERRUPTED, going_on, interruption_kept, say_interrupted
from consumer.cli.examples import examples_of, indented
from consumer.cli.memory import note_archive
from consumer.cli.nearest import nearest_command
from consumer.cli.output import OutputError, ReaderGone, say, write, written
from consumer.errors import AlertTransferError, InputError
from consumer.hints import runnable
from consumer.settings import kafka_settings, shown, without_secrets
from consumer.terms import command_line_terms
from consumer.words import printable

__all__ = ["Command", "Face", "Group", "face_options", "remember_archive", "report", "shared_options", "show_error"]

_ARCHIVE = "alert_transfer.archive"
_READER_GONE = 141
"""What the shell has of a program that SIGPIPE ended, 128 + 13."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """How a command was called, and how it answers."""

    kafka: str | None = None
    dask: str | None = None
    config: str | None = None
    json: bool = False
    debug: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    """Options that were given by hand, which a further command would have to be given again."""

    def say(self, text: str) -> None:
        """Tell people something on stderr; documents go to stdout."""
        say(runnable(text, self.given))

    def emit(self, document: Any, *parts: Any) -> None:
        """Answer: one JSON document on stdout, or texts (or things that rich can draw), one below the other."""
        if self.json:
            write(_as_json(document))
            return
        for part in parts:
            if isinstance(part, str):
                write(runnable(part, self.given))
            else:
                write(_drawn(part), is_drawn=True)

    def emit_as_is(self, document: Any, text: str) -> None:
        """Answer with one JSON document, or with a text that stays as it is, commands in it, too."""
        write(_as_json(document) if self.json else text)

    @contextlib.contextmanager
    def going_on(self, text: str) -> Iterator[None]:
        """Say how to go on if this block is interrupted; of blocks in blocks only the innermost does."""
        with going_on(runnable(text, self.given)):
            yield

    def kafka_settings(self) -> tuple[str | None, dict[str, Any]]:
        """Return (address, further librdkafka properties): the flag, else the environment's, else the file's.

        Raises
        ------
        InputError
            If the configuration is not what it should be, or can't be read.
        """
        return kafka_settings(self.config, self.kafka)


def _as_json(document: Any) -> str:
    """Return a document as JSON in ASCII, so without control characters."""
    return json.dumps(document, allow_nan=False).replace("\x7f", "\\u007f")


def _drawn(part: Any) -> str:
    """Return what rich draws of a thing, as the terminal takes it; what a terminal would obey is written out."""
    from rich.console import Console
    from rich.segment import Segment, Segments

    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=is_terminal or None, width=None if is_terminal else 160)
    segments = [Segment(printable(segment.text), segment.style) for segment in console.render(part)]
    console.print(Segments(segments), end="")
    return drawn.getvalue().removesuffix("\n")


class _Strict(click.Command):
    """A command that refuses an option that is given more often than it counts, and one that is empty.

    click takes the last of several and drops the others. An empty one would count as not given, and a variable of the
    shell that is not set becomes one.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        let_complete(self.params)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # the line is not written to its end
            return super().parse_args(ctx, args)
        # The parser of click empties the list that it is given.
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        for parameter, times in Counter(order).items():
            if not isinstance(parameter, click.Option) or parameter.multiple:
                continue
            name = max(parameter.opts, key=len)
            negation = next(iter(parameter.secondary_opts), None)
            if parameter.is_flag:
                if negation is not None and name in args and negation in args:
                    raise click.UsageError(f"{name} and {negation} are both given", ctx)
            elif times > 1:
                raise click.UsageError(f"{name} is given {times} times, and only one can count", ctx)
            elif values.get(parameter.name) == "":
                raise click.UsageError(f"{name} is empty: give it a value, or leave it out", ctx)
        with written():  # here click answers --help and --version
            return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if examples := examples_of(ctx.command_path.partition(" ")[2]):
            with formatter.section("Examples"):
                # As they stand, since a line that is broken elsewhere is no command.
                formatter.write(runnable(indented(examples)))


class Command(_Strict):
    """A command of ours."""


class Group(_Strict, click.Group):
    """A group of commands, which names the nearest if users type one that is not there."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        near = nearest_command(name, self.list_commands(ctx))
        raise InputError(
            f"there is no command {shown(name)}",
            accepted=", ".join(self.list_commands(ctx)),
            next_step=f"did you mean: {ctx.command_path} {near}" if near else f"see: {ctx.command_path} --help",
        )


_SHARED = [
    click.option(
        "--kafka", envvar="ALERT_TRANSFER_KAFKA", metavar="HOST:PORT", help="Kafka [env ALERT_TRANSFER_KAFKA]."
    ),
    click.option(
        "--dask",
        envvar="ALERT_TRANSFER_DASK",
        metavar="TCP://HOST:PORT",
        help="Dask scheduler [env ALERT_TRANSFER_DASK].",
    ),
    click.option(
        "--config", envvar="ALERT_TRANSFER_CONFIG", metavar="FILE", help="YAML file [env ALERT_TRANSFER_CONFIG]."
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
]
_NAMES = ("kafka", "dask", "config", "as_json", "debug")


def face_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options and, as its first argument, the `Face` they make up.

    Given before the command's name they count as well; after it they win.
    """

    @functools.wraps(command)
    def call(**values: Any) -> Any:
        context = click.get_current_context()
        inherited = context.find_root().params
        shared = {name: values.pop(name) or inherited.get(name) for name in _NAMES}
        as_json, debug = bool(shared.pop("as_json")), bool(shared.pop("debug"))
        given = _given(context)
        try:
            return command(Face(json=as_json, debug=debug, given=given, **shared), **values)
        except AlertTransferError as exc:
            archive = context.meta.get(_ARCHIVE)
            exc.next_step = exc.next_step and runnable(
                exc.next_step, given | ({"--archive": archive} if archive else {})
            )
            raise

    return shared_options(call)


def remember_archive(url: str) -> None:
    """Have the hints of the command that runs name the archive which an option or a file has named."""
    click.get_current_context().meta[_ARCHIVE] = url
    note_archive(url)


def _given(context: click.Context) -> dict[str, str]:
    """Return the shared options that were given on this command line, not by the environment."""
    by_hand = ParameterSource.COMMANDLINE
    return {
        f"--{name}": level.params[name]
        for name in ("kafka", "dask", "config")
        for level in (context.find_root(), context)
        if level.get_parameter_source(name) == by_hand
    }


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command or a group the shared options."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def report(group: click.Group, arguments: list[str] | None = None) -> int:
    """Run a group of commands; whatever goes wrong is told in one block. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line_terms():
        return _report(group, arguments, as_json="--json" in arguments, debug="--debug" in arguments)


def _report(group: click.Group, arguments: list[str], *, as_json: bool, debug: bool) -> int:
    try:
        return _run(group, arguments)
    except AlertTransferError as exc:
        _traceback(debug)
        show_error(exc, as_json)
        return exc.exit_code
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        help_ = exc.ctx.command_path if isinstance(exc, click.UsageError) and exc.ctx else "alert-transfer"
        show_error(InputError(exc.format_message(), next_step=f"see: {help_} --help"), as_json)
        return InputError.exit_code
    except (KeyboardInterrupt, click.Abort) as exc:
        say_interrupted(exc)
        return INTERRUPTED
    except ReaderGone:
        return _READER_GONE
    except Exception as exc:  # noqa: BLE001  the last line of defence: people get a block, not a traceback
        _traceback(debug)
        message = f"internal error: {type(exc).__name__}: {exc}"
        show_error(
            AlertTransferError(message, next_step="run it again with --debug, and report what it shows"), as_json
        )
        return 1


def _run(group: click.Group, arguments: list[str]) -> int:
    if is_asked():
        return answer_shell(group)
    # Not by `main`, which takes any broken pipe, of whatever connection, for our reader's.
    with interruption_kept(), group.make_context("alert-transfer", list(arguments)) as context:
        return group.invoke(context) or 0


def show_error(error: AlertTransferError, as_json: bool) -> None:
    """Tell an error: as JSON on stdout, or as a short block on stderr, also where stdout takes nothing."""
    error.next_step = error.next_step and runnable(error.next_step)
    if as_json and not isinstance(error, OutputError):
        texts = {name: text and without_secrets(text) for name, text in error.as_dict().items()}
        with contextlib.suppress(ReaderGone, OutputError):
            write(_as_json({"error": texts}))
            return
    say(f"Error: {without_secrets(str(error))}")


def _traceback(debug: bool) -> None:
    if debug:
        say(without_secrets(traceback.format_exc()))
