"""The request on the command line: one option for each of its keys, and a file or a link for all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from consumer.cli import read_stream, read_text, remember_archive, shown
from engine import CONTENTS, TEST_ALERTS, RequestError, TransferRequest, looks_like_link, read_yaml

__all__ = ["limited_for_test", "request_from", "request_of", "request_options"]

_OPTIONS = [
    click.option(
        "--request",
        "request_file",
        type=click.Path(),
        metavar="FILE|LINK|-",
        help="YAML file with a request, or its link, or - for YAML from stdin; options given beside it win.",
    ),
    click.option("--survey", help="The data source: ztf, lsst, or a YAML file that describes one (ztf)."),
    click.option(
        "--archive", metavar="URL", help="Root that holds year=…/month=…/day=…: a path, s3://…, any fsspec URL."
    ),
    click.option(
        "--nights",
        multiple=True,
        metavar="NIGHTS",
        help="2021-11-22, a month 2021-11, or a range, 2021-11-22:2021-11-30; repeatable.",
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
    click.option(
        "--where",
        multiple=True,
        metavar="SQL",
        help="Conditions, separated by ';', or @file.sql; repeatable, and all must hold.",
    ),
    click.option("--content", metavar="CONTENT", help=f"{', '.join(CONTENTS)} (lightcurve)."),
    click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="PATH",
        help="A root column or a leaf at any depth, candidate.x; stands for --content fields; repeatable.",
    ),
    click.option("--limit", type=int, metavar="N", help="Exactly the first N matches in the archive's order."),
    click.option("--topic", help="Name of the topic to make; must begin with ftransfer_."),
    click.option(
        "--tns-catalogue",
        metavar="FILE",
        help="Parquet or TNS's CSV with ra, declination, type; gives tnsclass where the archive lacks it.",
    ),
    click.option(
        "--skip-unreadable/--no-skip-unreadable",
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


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a request."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limited_for_test(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's options with the limit that `--test` stands for, where it is given.

    Raises
    ------
    InputError
        If a limit is given beside it.
    """
    if not values.get("test"):
        return dict(values)
    if values["limit"] is not None:
        raise RequestError(
            f"--test is --limit {TEST_ALERTS}, and --limit {values['limit']} is given beside it",
            accepted="one of the two",
        )
    return {**values, "limit": TEST_ALERTS}


def request_from(values: Mapping[str, Any]) -> TransferRequest:
    """Return the request of the command that runs, taken out of the values of its options; its hints name the archive.

    Raises
    ------
    InputError
        If the file can't be read, or the request is not valid.
    """
    request = request_of(values)
    if request.archive is not None:
        remember_archive(request.archive)
    return request


def request_of(values: Mapping[str, Any], *, reads_files: bool = True) -> TransferRequest:
    """Return the request that options make up.

    Parameters
    ----------
    values
        The options by their names.
    reads_files
        Whether `--request` and `--where` may name files.

    Raises
    ------
    InputError
        If the file can't be read, or the request is not valid.
    """
    given: dict[str, Any] = {}
    if values["request_file"]:
        given |= _table_at(values["request_file"], reads_files=reads_files)
    names = set(TransferRequest.__dataclass_fields__)
    options = {name: value for name, value in values.items() if name in names and value is not None and value != ()}
    if "where" in options:
        options["where"] = [_conditions(text, reads_files=reads_files) for text in options["where"]]
    # Fields and a content of their own belong together: an option for the one also decides on the other of the file.
    if "fields" in options:
        if options.setdefault("content", "fields") != "fields":
            raise RequestError(
                f"--field and --content {shown(options['content'])} contradict each other: what --field names is the "
                "content",
                accepted="--field alone or beside --content fields, or another content without --field",
                next_step="leave one of the two out",
            )
    elif options.get("content", "fields") != "fields":
        given.pop("fields", None)
    return TransferRequest.from_dict(given | options)


def _table_at(place: str, *, reads_files: bool) -> dict[str, Any]:
    """Return the table of the request that a link is, or that a file or stdin has, as YAML or as a link."""
    if looks_like_link(place) and not (reads_files and os.path.exists(place)):
        return TransferRequest.from_link(place).to_dict()
    if not reads_files:
        raise _no_files("--request", place)
    if place != "-":
        text = read_text(place, "the request", error=RequestError)
    elif sys.stdin is None:
        raise RequestError("the request is asked for on stdin, which is closed", next_step="name a file instead")
    else:
        text = read_stream(sys.stdin.buffer, "the request on stdin", error=RequestError)
    is_link = len(text.split()) == 1 and looks_like_link(text)
    return TransferRequest.from_link(text).to_dict() if is_link else read_yaml(text)


def _no_files(option: str, place: str) -> RequestError:
    return RequestError(
        f"the command reads {shown(place)} by {option}, and files are not read here",
        accepted="a command that holds the whole request",
        next_step="run `alert-transfer request --as command` with these options where the file is, and take its answer",
    )


def _conditions(text: str, *, reads_files: bool) -> str:
    """Return the text of one `--where`, or of the file that it names."""
    if not text.strip():
        raise RequestError(
            "--where is empty",
            accepted="SQL conditions, or @file.sql",
            next_step="leave it out, or write --where true to have every alert whatever the file of the request says",
        )
    if not text.startswith("@"):
        return text
    if not reads_files:
        raise _no_files("--where", text)
    read = read_text(text[1:], "the file of conditions", error=RequestError)
    if not read.strip():
        raise RequestError(
            f"the file of conditions {shown(text[1:])} is empty", next_step="leave it out to have every alert"
        )
    return read
