"""Commands that take a request: what it would do, its first alerts, and the transfer itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

import engine
from consumer.cli import Command, Face, count_text, face_options, progress_bar, python, quoted
from engine import TEST_ALERTS, InputError
from ui.cli.clusters import cluster_of
from ui.cli.face_settings import settings_of
from ui.cli.options import limited_for_test, request_from, request_options
from ui.cli.plan_notes import say_notes
from ui.cli.started_jobs import run_job

__all__ = ["plan", "preview", "submit"]


@click.command(cls=Command)
@request_options
@face_options
def plan(face: Face, **values: Any) -> None:
    """Show what a transfer would do; starts nothing. With --debug, also the predicate that dask-sql answers."""
    request = request_from(values)
    with progress_bar("reading footers") as progress:
        found = engine.plan(request, settings=settings_of(face), progress=progress)
    face.emit(found.to_dict(), found.to_text(debug=face.debug))


@click.command(cls=Command)
@request_options
@click.option("--output", metavar="FILE", help="Write them, with all columns, to this Parquet file.")
@click.option("--overwrite", is_flag=True, help="Write over FILE if it is there.")
@face_options
def preview(face: Face, output: str | None, overwrite: bool, **values: Any) -> None:
    """Show the first alerts that a request selects (10, or --limit): those that a job with this limit sends."""
    from ui.cli.parquet_output import check_output, write_output
    from ui.cli.render import alerts_table, as_json

    if overwrite and output is None:
        raise InputError("--overwrite is given without --output", next_step="give --output FILE.parquet as well")
    file = None if output is None else check_output(output, overwrite=overwrite)
    request, settings = request_from(values), settings_of(face)
    limit = 10 if values["limit"] is None else values["limit"]
    with cluster_of(settings) as client, progress_bar("reading footers") as progress:

        def planned(plan: engine.TransferPlan) -> None:
            say_notes(face, plan)
            progress.begin("reading alerts, fragment by fragment")

        alerts = engine.preview(
            request,
            limit=limit,
            settings=settings,
            client=client,
            on_plan=planned,
            on_wait=progress.begin,
            progress=progress,
            note=lambda text: face.say(f"note: {text}"),
        )
    if file is not None:
        write_output(file, alerts, overwrite=overwrite)
        face.say(f"{count_text(alerts.num_rows, 'alert')} in {file}; {_how_to_read(file)}")
    rows = [as_json(row) for row in alerts.to_pylist(maps_as_pydicts="lossy")] if face.json else None
    face.emit(rows, alerts_table(alerts) if alerts.num_rows else "no alert of these nights fulfils the conditions")


def _how_to_read(file: Path) -> str:
    path = json.dumps(str(file), ensure_ascii=False)
    return f"read it with:\n  {python()} -c {quoted(f'import pandas; print(pandas.read_parquet({path}))')}"


@click.command(cls=Command)
@request_options
@click.option("--wait", is_flag=True, help="Wait until the job has ended (always so without --dask).")
@click.option(
    "--share", multiple=True, metavar="NAME", help="Let this user of Kafka read the job's topics, too; repeatable."
)
@click.option("--test", is_flag=True, help=f"Send the first {TEST_ALERTS} alerts only, the whole way.")
@face_options
def submit(face: Face, wait: bool, share: tuple[str, ...], test: bool, **values: Any) -> None:
    """Start a transfer."""
    request, settings = request_from(limited_for_test({**values, "test": test})), settings_of(face)
    with face.going_on("no job was started; the same command starts it"), progress_bar("reading footers") as progress:

        def submitted(on_start: Callable[[engine.Job], None]) -> engine.Job:
            tell = partial(say_notes, face)
            return engine.submit(
                request,
                settings=settings,
                share=share,
                test=test,
                on_note=lambda text: face.say(f"note: {text}"),
                on_plan=tell,
                on_start=on_start,
                on_wait=progress.begin,
                progress=progress,
            )

        run_job(face, settings, submitted, progress, wait=wait)
