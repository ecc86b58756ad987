"""The command `estimate`: how many alerts a request selects, before it is sent."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import click

import engine
from consumer.cli import Command, Face, face_options, progress_bar
from ui.cli.clusters import cluster_of
from ui.cli.face_settings import settings_of
from ui.cli.options import request_from, request_options
from ui.cli.plan_notes import say_notes

__all__ = ["estimate"]


@click.command(cls=Command)
@request_options
@click.option("--exact", is_flag=True, help="Count all alerts, on the cluster if --dask names one; kept for next time.")
@face_options
def estimate(face: Face, exact: bool, **values: Any) -> None:
    """Show how many alerts a transfer would send, their size and how long it would take; starts nothing."""
    request, settings = request_from(values), settings_of(face)
    with cluster_of(settings) if exact else nullcontext() as client, progress_bar("reading footers") as progress:
        found = engine.estimate(
            request,
            client=client,
            settings=settings,
            exact=exact,
            on_plan=partial(say_notes, face),
            on_bounds=lambda most: face.say(f"at most {most:,} alerts; counting") if exact else None,
            on_wait=progress.begin,
            progress=progress,
        )
    face.emit(found.to_dict(), found.to_text())
