"""A command that somebody hands over as text, as the request that it makes."""

from __future__ import annotations

import os
from typing import Any

import click

from consumer.cli import command_named, shown
from engine import RequestError, TransferRequest
from ui.cli.options import limited_for_test, request_of
from ui.cli.shell_words import words_of

__all__ = ["from_command"]

_VERBS = ("plan", "estimate", "preview", "submit", "request")


def from_command(text: str, *, reads_files: bool = False) -> TransferRequest:
    """Return the request of a command, read by the command line's own parser.

    Parameters
    ----------
    text
        `alert-transfer submit --nights 2021-11-22 …`, as one types it; with `$` before it, or without the program.
        Where it goes (`--kafka`) and how it is waited for (`--wait`) are no part of a request.
    reads_files
        Whether `--request` and `--where @…` may read files; elsewhere than on the user's machine they may not.

    Raises
    ------
    RequestError
        If it is no command that takes a request, or one that the command line refuses.
    InputError
        If the request is not valid.
    """
    words = words_of(text.strip().removeprefix("$ ") if isinstance(text, str) else text)
    if words and os.path.basename(words[0]) == "alert-transfer":
        words = words[1:]
    place = next((index for index, word in enumerate(words) if word in _VERBS), None)
    command = None if place is None else command_named(words[place])
    if place is None or command is None or "--help" in words:
        raise RequestError(
            f"{shown(text)} is no command that makes a request",
            accepted=f"alert-transfer {' | '.join(_VERBS)}, with the options of a request",
        )
    # What all commands share may stand before the verb as well.
    given = [*words[:place], *words[place + 1 :]]
    try:
        with command.make_context(f"alert-transfer {words[place]}", given) as context:
            return request_of(_options(context.params), reads_files=reads_files)
    except click.UsageError as exc:
        raise RequestError(exc.format_message(), next_step=f"see: alert-transfer {words[place]} --help") from exc


def _options(values: dict[str, Any]) -> dict[str, Any]:
    """Return a command's options, those of them that stand for others replaced."""
    values = limited_for_test(values)
    if values.get("place"):
        values = values | {"request_file": values["place"]}
    return values
