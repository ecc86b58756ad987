"""A request in the form that somebody asks for: YAML, command, Python, link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from consumer.cli import Face
from engine import TransferRequest, write_yaml

__all__ = ["form_option", "show_request"]

_FORMS: dict[str, Callable[[TransferRequest], str]] = {
    "yaml": TransferRequest.to_yaml,
    "command": TransferRequest.to_command,
    "python": TransferRequest.to_python,
    "link": TransferRequest.to_link,
}

form_option = click.option("--as", "form", type=click.Choice(list(_FORMS)), help="In which form (yaml).")


def show_request(face: Face, table: Mapping[str, Any], form: str | None) -> None:
    """Answer with a request, in a form.

    Parameters
    ----------
    face
        How the command was called.
    table
        The request, of any version: as YAML it is shown as it is.
    form
        None stands for YAML, and in JSON for the table itself.
    """
    text = write_yaml(table) if form in (None, "yaml") else _FORMS[form](TransferRequest.from_dict(table))
    document = dict(table)
    face.emit_as_is(document if form is None else {"request": document, "as": form, "text": text}, text.rstrip("\n"))
