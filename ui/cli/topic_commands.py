"""Commands about the topics of jobs: list them, and delete those whose time is over."""

from __future__ import annotations

import click
from click.core import ParameterSource

import engine
from consumer.cli import Command, Face, Group, face_options
from ui.cli.face_settings import settings_of

__all__ = ["topics"]


@click.group(cls=Group, invoke_without_command=True)
@face_options
def topics(face: Face) -> None:
    """List the topics of jobs, with age, size, owner and state; or delete those whose time is over."""
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        _hand_on(context)
        return
    from ui.cli.topic_tables import topics_table

    found = engine.topics(settings=settings_of(face), note=face.say)
    face.emit([one.to_dict() for one in found], topics_table(found) if found else "this Kafka has no topic of a job")


def _hand_on(context: click.Context) -> None:
    """Have what stands between `topics` and `clean` count as if it stood before both."""
    root = context.find_root()
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        if source == ParameterSource.COMMANDLINE:
            root.params[name] = value
            root.set_parameter_source(name, source)


@topics.command(cls=Command)
@click.argument("names", metavar="[TOPIC]...", nargs=-1)
@click.option(
    "--older-than",
    type=float,
    metavar="DAYS",
    help="Delete those of complete jobs that ended so long ago (default: as long as manifests are kept, 30).",
)
@click.option("--all", "everyone", is_flag=True, help="Also topics of others.")
@click.option("--yes", is_flag=True, help="Do it; without it, only what would be deleted is shown.")
@face_options
def clean(face: Face, names: tuple[str, ...], older_than: float | None, everyone: bool, yes: bool) -> None:
    """Delete your topics of jobs that ended and whose time is over, and topics that nobody can read.

    Named, a TOPIC is deleted whatever its age, unless its job runs. Nothing is deleted without --yes.
    """
    from ui.cli.topic_tables import cleaning_table, cleaning_text

    cleaning = engine.clean_topics(
        *names,
        settings=settings_of(face),
        older_than=older_than,
        everyone=everyone,
        yes=yes,
        note=face.say,
    )
    face.emit(cleaning.to_dict(), *([cleaning_table(cleaning)] if cleaning.items else []), cleaning_text(cleaning))
    if cleaning.of("failed"):
        raise click.exceptions.Exit(1)
