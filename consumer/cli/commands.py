"""The command line `alert-transfer`: `consume` and `verify`, and what other rooms add.

Other commands come from the entry points `alert_transfer.commands`, loaded only when one of them is asked for: so the
light install has a command line, and fetching a topic does not wait for Dask to be imported.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.util import find_spec

import click
from click.shell_completion import CompletionItem

from consumer.cli.bars import consume_bar
from consumer.cli.completion import SHELLS, script
from consumer.cli.console import Face, Group, face_options, report, shared_options
from consumer.cli.ending import ending_in_order
from consumer.cli.heap import keep_freed_memory
from consumer.cli.imports import without_pandas
from consumer.cli.offered import Offered
from consumer.cli.output import fill_standard_streams
from consumer.dataset import MOST_REJECTED, PARTITIONINGS
from consumer.dataset import verify as prove
from consumer.errors import IncompleteError, InputError, JobError
from consumer.fetching import ConsumeResult
from consumer.fetching import consume as fetch
from consumer.hints import python, quoted
from consumer.receipt import FragmentGap, bounds_lines, here_text
from consumer.words import count_text, on_one_line, verb_text

__all__ = ["command_named", "main"]

_GROUP = "alert_transfer.commands"
_SHOWN_LINES = 20
_SHOWN_CHARACTERS = 20_000
# Named here so that the light install can say what to install, and `--help` need not import the engine.
_ENGINE_COMMANDS = {
    "archive": "Make a sample archive, or look at an archive.",
    "broker": "Run an embedded Kafka until Ctrl-C.",
    "cancel": "Stop a job; what was sent stays readable.",
    "config": "Show, check and describe the settings.",
    "demo": "Run the whole job on a sample archive.",
    "estimate": "Show how many alerts a transfer would send.",
    "jobs": "List your jobs, or those of everyone.",
    "log": "Show what happened in a job.",
    "plan": "Show what a transfer would do; starts nothing.",
    "preview": "Show the first alerts that a request selects.",
    "request": "Show a request as YAML, command, Python or link.",
    "resume": "Take up a job that was interrupted.",
    "serve": "Serve the dashboard, a page in the browser, until Ctrl-C.",
    "status": "Show how a job stands.",
    "submit": "Start a transfer.",
    "topics": "List the topics of jobs, or delete those whose time is over.",
}


class _Commands(Group):
    """Our own commands, and those of the other rooms as far as they are installed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ENGINE_COMMANDS])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None or name not in _ENGINE_COMMANDS:
            return own
        # Here, since `consume` needs none of it.
        from importlib.metadata import entry_points

        for entry in entry_points(group=_GROUP):
            try:
                offered: Offered = entry.load()
                if (found := offered.named(name)) is not None:
                    return found
            except ModuleNotFoundError as exc:
                raise InputError(
                    f"`alert-transfer {name}` needs the engine, which is not installed here (no module {exc.name!r})",
                    accepted="consume and verify, with the light install",
                    next_step="in a clone of alert-transfer: pip install '.[all]'",
                ) from exc
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        # Without an import of the engine, and by the light install too.
        found = sorted(self._helps().items()) if not incomplete.startswith("-") else []
        items = [CompletionItem(name, help=help_) for name, help_ in found if name.startswith(incomplete)]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def _helps(self) -> dict[str, str]:
        return {name: command.get_short_help_str(80) for name, command in self.commands.items()} | _ENGINE_COMMANDS

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._helps().items()))


@click.group(cls=_Commands)
@shared_options
@click.version_option(package_name="alert-transfer", prog_name="alert-transfer")
def _group(**_: object) -> None:
    """Take any selection out of an alert archive and stream it into Kafka; fetch it from there to Parquet."""


@_group.command()
@click.argument("topic")
@click.option("--outdir", required=True, metavar="DIR", help="Folder for the Parquet files.")
@click.option(
    "--partitionby",
    default="time",
    show_default=True,
    metavar="|".join(PARTITIONINGS),
    help="How files are sorted into folders.",
)
@click.option("--limit", type=int, metavar="N", help="Stop after N new alerts.")
@click.option("--no-wait", is_flag=True, help="End with what is there now.")
@click.option("--restart", is_flag=True, help="Empty what this program wrote in DIR, and begin anew.")
@click.option("--share", metavar="I/N", help="Fetch only part I of N: N consumers share the topic, a folder each.")
@face_options
def consume(
    face: Face,
    topic: str,
    outdir: str,
    partitionby: str,
    limit: int | None,
    no_wait: bool,
    restart: bool,
    share: str | None,
) -> None:
    """Fetch a topic to Parquet; may be stopped and run again at any time."""
    kafka, options = face.kafka_settings()
    # Not --restart, which would throw away what is here by then.
    again = [topic, "--outdir", outdir]
    again += [] if partitionby == "time" else ["--partitionby", partitionby]
    again += [] if limit is None else ["--limit", str(limit)]
    again += ["--no-wait"] if no_wait else []
    again += [] if share is None else ["--share", share]
    hint = f"what was written stays; go on by:\n  alert-transfer consume {quoted(*again)}"
    keep_freed_memory()
    with face.going_on(hint), without_pandas(), consume_bar(topic) as draw:
        result = fetch(
            topic,
            outdir,
            kafka=kafka,
            kafka_options=options,
            partitionby=partitionby,
            limit=limit,
            wait=not no_wait,
            restart=restart,
            share=share,
            note=face.say,
            progress=draw,
        )
    alerts, files = count_text(result.num_alerts, "alert"), count_text(result.num_files, "file")
    text = f"{alerts} in {result.outdir} ({result.num_alerts_new:,} new, {files})"
    text += (
        f"; {count_text(result.num_duplicates, 'second copy', 'second copies')} dropped"
        if result.num_duplicates
        else ""
    )
    rows = "every row" if share is None else f"every row of share {share}"
    was_stopped = result.state in ("failed", "cancelled", "interrupted")
    lacking = f"it has not sent {rows}" if was_stopped else f"not {rows} is here yet"
    if result.num_rejected and not result.missing and result.state in ("complete", "empty"):
        lacking = "not every message of the topic can be read, so the folder does not count as complete"
    text += f"\nthe job is {result.state}; " + (f"{rows} is here" if result.complete else lacking)
    bounds = (result.left_out, result.num_left_out_here, result.num_archive_duplicates, result.num_unfinished)
    text += "".join(f"\n{line}" for line in bounds_lines(*bounds))
    if result.error:
        text += "\nit failed: " + result.error["message"][:_SHOWN_CHARACTERS].replace("\n", "\n  ")
    if result.num_rejected:
        text += (
            f"\n{count_text(result.num_rejected, 'message')} can't be read: in {result.outdir}.transfer/rejected, "
            "named by partition and offset"
        )
        text += f" (the first {MOST_REJECTED:,} at most)" if result.num_rejected > MOST_REJECTED else ""
    if result.problems:
        text += "\nthe folder does not hold what was written there, and nothing else:"
        text += "".join(f"\n{on_one_line(line)}" for line in result.problems[:_SHOWN_LINES])
        text += "\nmove away what is not of this program; what is gone or changed, fetch anew with --restart"
    if result.num_files:
        text += f"\nread them with: {_how_to_read(result.outdir, partitionby)}"
    face.emit(asdict(result), text)
    raise click.exceptions.Exit(_exit_code(result))


def _how_to_read(outdir: str, partitionby: str) -> str:
    arguments, modules = json.dumps(outdir, ensure_ascii=False), ""
    if partitionby not in ("time", "none"):
        # Without a schema, pyarrow reads labels such as 01 as numbers, and reads no null from the name of a folder.
        schema = f'pyarrow.schema([("{partitionby}", pyarrow.string())])'
        arguments += f', partitioning=pyarrow.dataset.partitioning({schema}, flavor="hive")'
        modules = ", pyarrow.dataset"
    # The light install has no pandas.
    module, function = ("pandas", "read_parquet") if find_spec("pandas") else ("pyarrow.parquet", "read_table")
    return f"{python()} -c {quoted(f'import {module}{modules}; print({module}.{function}({arguments}))')}"


def _exit_code(result: ConsumeResult) -> int:
    lacking = not result.complete and not result.stopped_early and result.state in ("complete", "empty")
    if result.num_rejected or result.problems or lacking:
        return IncompleteError.exit_code
    if result.state in ("failed", "cancelled", "interrupted"):
        return JobError.exit_code
    return 0


@_group.command()
@click.argument("outdirs", metavar="DIR...", nargs=-1, required=True)
@face_options
def verify(face: Face, outdirs: tuple[str, ...]) -> None:
    """Prove from the disk alone that DIR (or several, of shares) holds every alert of its job."""
    result = prove(*outdirs)
    whole = result.topic if result.share is None else f"share {result.share} of {result.topic}"
    counts = (result.num_alerts, result.num_expected, result.missing)
    text = here_text(*counts, is_total_known=result.is_total_known, of=f" of {whole}")
    if result.complete and result.share is None:
        text += ": every one, exactly once"
    elif result.complete:
        text += ", by their number; name the folders of all shares to have each alert proved"
    elif too_many := sum(gap.excess for gap in result.fragments):
        text += f"; {too_many:,} {verb_text(too_many, 'is', 'are')} too many"
    bounds = (result.left_out, result.num_left_out_here, result.num_archive_duplicates, result.num_unfinished)
    text += "".join(f"\n{line}" for line in bounds_lines(*bounds))
    if not result.complete and result.state not in ("complete", "empty"):
        text += f"\nwhen a consumer last looked, the job was {result.state}"
    if result.num_rejected:
        text += f"\n{count_text(result.num_rejected, 'message')} of the topic could not be read: not complete"
    if result.num_passed_over:
        text += f"\n{count_text(result.num_passed_over, 'record')} of the manifest can't be read and prove nothing"
    wrong = [*result.problems, *(_gap_text(gap) for gap in result.fragments)]
    text += "".join(f"\n{on_one_line(line)}" for line in wrong[:_SHOWN_LINES])
    if len(wrong) > _SHOWN_LINES:
        text += f"\nand {len(wrong) - _SHOWN_LINES:,} more; all of them: --json"
    face.emit(asdict(result), text)
    raise click.exceptions.Exit(0 if result.complete else IncompleteError.exit_code)


def _gap_text(gap: FragmentGap) -> str:
    parts = [f"{n:,} {what}" for n, what in ((gap.missing, "missing"), (gap.excess, "too many")) if n]
    return f"fragment {gap.fragment}: alerts {', '.join(parts)}"


@_group.command()
@click.argument("shell", type=click.Choice(SHELLS))
@face_options
def completion(face: Face, shell: str) -> None:
    """Print the script by which a shell completes these commands: topics, fields, classes and nights, too."""
    text = script(_group, shell)
    face.emit_as_is({"shell": shell, "script": text}, text.rstrip("\n"))


def command_named(name: str) -> click.Command | None:
    """Return a command of `alert-transfer`, for those who read words by its options."""
    return _group.get_command(click.Context(_group), name)


def main() -> None:
    """Run the command line."""
    fill_standard_streams()
    with ending_in_order():
        exit_code = report(_group)
    sys.exit(exit_code)
