"""The command that shows a request in another form."""

from __future__ import annotations

from typing import Any

import click

from consumer.cli import Command, Face, face_options
from engine import InputError
from ui.cli.options import request_from, request_options
from ui.cli.request_forms import form_option, show_request

__all__ = ["request"]


@click.command(cls=Command)
@click.argument("place", metavar="[REQUEST]", required=False)
@request_options
@form_option
@face_options
def request(face: Face, place: str | None, form: str | None, **values: Any) -> None:
    """Show a request as YAML, command, Python or link; starts nothing.

    REQUEST is a YAML file, a link or -, as after --request, or options say it.
    """
    if place and values["request_file"]:
        raise InputError(
            f"the request is given twice: as {place!r} and by --request", next_step="leave one of the two out"
        )
    values["request_file"] = place or values["request_file"]
    show_request(face, request_from(values).to_dict(), form)
