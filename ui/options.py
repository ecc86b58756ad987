"""The request on the command line: one option for each of its keys, and a YAML file for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from consumer.console import remember_archive
from engine.contents import CONTENTS
from engine.errors import RequestError
from engine.request import TransferRequest, read_yaml

__all__ = ["request_from", "request_options"]

_OPTIONS = [
    click.option(
        "--request",
        "request_file",
        type=click.Path(),
        metavar="FILE",
        help="YAML file with a request; options given beside it win.",
    ),
    click.option("--survey", help="The data source (ztf)."),
    click.option(
        "--archive", metavar="URL", help="Root that holds year=…/month=…/day=…: a path, s3://…, any fsspec URL."
    ),
    click.option(
        "--nights", multiple=True, metavar="NIGHTS", help="2021-11-22, or a range, 2021-11-22:2021-11-30; repeatable."
    ),
    click.option(
        "--class",
        "classes",
        multiple=True,
        metavar="LABEL",
        help="Keep this class: Fink, (SIMBAD) X, (TNS) X; repeatable.",
    ),
    click.option(
        "--exclude-class", "exclude_classes", multiple=True, metavar="LABEL", help="Drop this class; repeatable."
    ),
    click.option("--where", metavar="SQL", help="Conditions, separated by ';', or @file.sql."),
    click.option("--content", metavar="CONTENT", help=f"{', '.join(CONTENTS)} (lightcurve)."),
    click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="PATH",
        help="With --content fields: a root column or candidate.x; repeatable.",
    ),
    click.option("--limit", type=int, metavar="N", help="Exactly the first N matches in the archive's order."),
    click.option("--topic", help="Name of the topic to make; must begin with ftransfer_."),
    click.option(
        "--tns-catalogue",
        metavar="FILE",
        help="Parquet with ra, declination, type; gives tnsclass where the archive lacks it.",
    ),
    click.option(
        "--skip-unreadable",
        is_flag=True,
        default=None,
        help="Send the rest where a file of the archive can't be read, and tell what was left out.",
    ),
    click.option(
        "--widen",
        multiple=True,
        metavar="FIELD",
        help="Let integers and floats of this field meet as double; repeatable.",
    ),
]


def request_options(command: Callable) -> Callable:
    """Give a command the options of a request."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_from(values: Mapping[str, Any]) -> TransferRequest:
    """Return the request that a command's options make up, taken out of `values`.

    Raises
    ------
    InputError
        If the file can't be read, or the request is not valid.
    """
    given: dict[str, Any] = {}
    if values["request_file"]:
        given |= read_yaml(_text_of(values["request_file"], "the request"))
    names = set(TransferRequest.__dataclass_fields__)
    given |= {name: value for name, value in values.items() if name in names and value is not None and value != ()}
    where = given.get("where")
    if isinstance(where, str) and where.startswith("@"):
        given["where"] = _text_of(where[1:], "the file of conditions")
    request = TransferRequest.from_dict(given)
    if isinstance(request.archive, str):
        remember_archive(request.archive)
    return request


def _text_of(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise RequestError(f"{what} {path!r} can't be read: {reason}", next_step="check the path") from exc
