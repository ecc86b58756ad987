"""Commands about archives: make a sample, list nights, list fields, index what files hold."""

from __future__ import annotations

import click

import engine
from consumer.cli import (
    Face,
    Group,
    count_text,
    face_options,
    progress_bar,
    quoted,
    remember_archive,
    some_text,
    verb_text,
)
from engine import PROFILE_NAMES, TransferRequest
from ui.cli.clusters import cluster_of
from ui.cli.face_settings import settings_of

__all__ = ["archive"]


@click.group(cls=Group)
def archive() -> None:
    """Make a sample archive, or look at an archive."""


@archive.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--nights", multiple=True, metavar="NIGHTS", help="2021-11-22, a month, or a range; repeatable (three nights)."
)
@click.option("--alerts-per-night", type=int, default=2_000, show_default=True, metavar="N")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--profile", metavar="P", help=f"{', '.join(PROFILE_NAMES)}: the schema of that year (each night its own)."
)
@click.option("--survey", default="ztf", show_default=True, help="Whose alerts they are like: ztf, lsst.")
@face_options
def sample(
    face: Face,
    directory: str,
    nights: tuple[str, ...],
    alerts_per_night: int,
    seed: int,
    profile: str | None,
    survey: str,
) -> None:
    """Write a realistic archive below DIR/science.

    Objects are seen again: half of the alerts are of objects that the night before saw too, two thirds of those of the
    fourth night on end are of objects seen before, and some return after years. SIMBAD's types have their old or new
    names by year.
    """
    again = "nothing of this run is left; the same command writes the archive anew"
    with face.going_on(again), progress_bar("writing alerts") as progress:
        made = engine.write_sample(
            directory,
            nights=nights or None,
            alerts_per_night=alerts_per_night,
            seed=seed,
            profile=profile,
            survey=survey,
            progress=progress,
        )
    document = {name: getattr(made, name) for name in ("archive", "num_alerts", "num_files", "nights")}
    nights_ = f"{verb_text(len(made.nights), 'night', 'nights')} {some_text(made.nights, 10)}"
    text = f"{count_text(made.num_alerts, 'alert')} in {count_text(made.num_files, 'file')}, {nights_}\n"
    text += f"archive  {made.archive}\n"
    text += "look at some of it with:\n  alert-transfer preview "
    of_survey = [] if made.survey == TransferRequest.survey else ["--survey", made.survey]
    text += quoted("--archive", made.archive, "--nights", made.nights[0], *of_survey, "--where", made.example)
    face.emit(document, text)


@archive.command()
@click.option("--archive", "url", metavar="URL", help="Root that holds year=…/month=…/day=….")
@click.option(
    "--nights", multiple=True, metavar="NIGHTS", help="2021-11-22, a month, or a range; repeatable (all nights)."
)
@click.option("--classes", is_flag=True, help="Also the alerts of each class, where `archive index` has counted them.")
@click.option(
    "--survey", default="ztf", show_default=True, help="The data source: ztf, lsst, or a YAML file that describes one."
)
@face_options
def info(face: Face, url: str | None, nights: tuple[str, ...], classes: bool, survey: str) -> None:
    """List the nights of an archive: files, bytes, alerts, and with --classes the alerts of each class."""
    from ui.cli.render import info_tables

    if url:
        remember_archive(url)
    with progress_bar("reading footers") as progress:
        found = engine.archive_info(
            url, survey=survey, nights=nights or None, settings=settings_of(face), progress=progress
        )
    for note in found.notes():
        if found.unreadable or classes:
            face.say(f"note: {note}")
    face.emit(found.to_dict(classes=classes), *info_tables(found, classes=classes), found.origin())


@archive.command()
@click.option("--archive", "url", metavar="URL", help="Root that holds year=…/month=…/day=….")
@click.option(
    "--nights", multiple=True, metavar="NIGHTS", help="2021-11-22, a month, or a range; repeatable (all nights)."
)
@click.option(
    "--survey", default="ztf", show_default=True, help="The data source: ztf, lsst, or a YAML file that describes one."
)
@click.option("--tns-catalogue", metavar="FILE", help="What tnsclass is computed with, where files lack it.")
@click.option("--anew", is_flag=True, help="Read every file of these nights, whatever the catalogue knows.")
@face_options
def index(
    face: Face, url: str | None, nights: tuple[str, ...], survey: str, tns_catalogue: str | None, anew: bool
) -> None:
    """Build the catalogue of an archive, or bring it up to date.

    What files hold is read once, and then known to `plan`, `estimate`, `archive info` and `archive fields`: row groups
    and schemas, when and where the alerts are, how many there are of each class. Only files that are new or changed
    are read. The catalogue lies beside the archive's root, in ROOT.catalogue, or in your cache if that can't be
    written. With --dask the workers of a cluster read.
    """
    if url:
        remember_archive(url)
    settings = settings_of(face)
    again = f"what was indexed so far is kept; the same command {'without --anew ' * anew}goes on from there"
    with face.going_on(again), cluster_of(settings) as client, progress_bar("reading files") as progress:
        report = engine.index_archive(
            url,
            survey=survey,
            nights=nights or None,
            tns_catalogue=tns_catalogue,
            anew=anew,
            client=client,
            settings=settings,
            on_wait=progress.begin,
            progress=progress,
        )
    face.emit(report.to_dict(), report.to_text())


@archive.command()
@click.option("--archive", "url", metavar="URL", help="Root that holds year=…/month=…/day=….")
@click.option(
    "--nights",
    multiple=True,
    metavar="NIGHTS",
    help="2021-11-22, a month, or a range; repeatable (all nights, or 60 spread over an archive that has more).",
)
@click.option("--like", metavar="TEXT", help="Only fields whose name or meaning has this in it.")
@click.option(
    "--survey", default="ztf", show_default=True, help="The data source: ztf, lsst, or a YAML file that describes one."
)
@face_options
def fields(face: Face, url: str | None, nights: tuple[str, ...], like: str | None, survey: str) -> None:
    """List what a condition can name: type, unit, how often it is null, and what it means."""
    from ui.cli.render import fields_table

    if url:
        remember_archive(url)
    with progress_bar("reading footers") as progress:
        found = engine.fields(url, nights or None, like, survey=survey, settings=settings_of(face), progress=progress)
    if len(found.nights) < found.num_archive_nights and not nights:
        of = count_text(found.num_archive_nights, "night")
        face.say(f"looked into {len(found.nights):,} of {of}; choose others with --nights")
    nothing = f"no field has {like!r} in its name or meaning"
    face.emit(found.to_dict(), fields_table(found) if found.fields else nothing)
