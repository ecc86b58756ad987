"""What the values of a request's options may become in the shell: fields, classes, nights, contents, surveys.

Fields and nights are those of the archive that the line names, else the configuration's, else the one that was used
last. They are remembered for a day; to look anew one footer is read, and what takes longer than a moment goes without.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
import pyarrow as pa
from click.shell_completion import CompletionItem

import engine
from consumer.cli import complete_by, last_archive, option_of, remember, remembered

__all__ = ["complete_requests"]

_PATIENCE_S = 2.0
_FRESH_S = 86_400.0
_SURVEYS = ("ztf", "lsst")
_NAME = re.compile(r"[\w.]*$")


def complete_requests() -> None:
    """Have the options of requests complete."""
    complete_by("--archive", _archives)
    complete_by("--class", _classes)
    complete_by("--exclude-class", _classes)
    complete_by("--content", lambda context, incomplete: engine.CONTENTS)
    complete_by("--survey", lambda context, incomplete: _SURVEYS)
    complete_by("--field", lambda context, incomplete: _facts(context).get("fields", ()))
    complete_by("--widen", lambda context, incomplete: _facts(context).get("fields", ()))
    complete_by("--nights", _nights)
    complete_by("--where", _conditions)


def _archives(context: click.Context, incomplete: str) -> Iterable[str | CompletionItem[str]]:
    last = last_archive()
    return [last] if last and last.startswith(incomplete) else [CompletionItem(incomplete, type="dir")]


def _classes(context: click.Context, incomplete: str) -> Iterable[str]:
    labels = engine.known_labels(option_of(context, "survey") or engine.TransferRequest.survey)
    return [f"(SIMBAD) {label}" if kept_by == "simbad" else label for label, kept_by in labels.items()]


def _nights(context: click.Context, incomplete: str) -> Iterable[str]:
    first, colon, _ = incomplete.partition(":")
    nights = _facts(context).get("nights", ())
    return [f"{first}:{night}" for night in nights if night >= first] if colon else nights


def _conditions(context: click.Context, incomplete: str) -> Iterable[str]:
    """Give the condition as it is written, with its last name completed."""
    if incomplete.startswith("@"):
        return []
    begun = _NAME.search(incomplete)
    start = incomplete if begun is None else incomplete[: begun.start()]
    return [start + name for name in _facts(context).get("fields", ())]


def _facts(context: click.Context) -> dict[str, Any]:
    """Return `fields` and `nights` of the archive that is meant; nothing where they can't be found out soon."""
    named = option_of(context, "archive") or option_of(context, "url")
    settings = engine.load_settings(option_of(context, "config"), archive=named)
    url = settings.archive or last_archive()
    if url is None:
        return {}
    known = remembered(url)
    if known is None or time.time() - float(known["at"]) > _FRESH_S:
        looked = _looked_at(url, settings)
        if looked:
            remember(url, looked)
            return looked
    return known or {}


def _looked_at(url: str, settings: engine.Settings) -> dict[str, Any] | None:
    """Return what one footer and the folders' names say, if that is there soon."""
    found: list[dict[str, Any]] = []

    def look() -> None:
        # An archive that is not there has no fields; to say so the command is the place.
        with contextlib.suppress(Exception):
            archive = engine.Archive(url, settings.storage_options)
            nights = archive.nights()
            (footer,) = archive.footers(archive.files(nights[-1:])[:1])
            fields = list(_names(list(footer.schema)))
            found.append({"nights": [night.isoformat() for night in nights], "fields": fields})

    # A thread that still waits does not keep the program from ending.
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return found[0] if found else None


def _names(fields: Sequence[pa.Field], prefix: str = "") -> Iterator[str]:
    """Yield the names of root columns and of all that lies in structs."""
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _names(list(field.type), f"{prefix}{field.name}.")
        else:
            yield prefix + field.name
