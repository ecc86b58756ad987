"""TransferRequest: what a user asks for, the same in Python, in YAML and on the command line."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import yaml

from consumer.wire import check_topic
from engine.contents import CONTENTS
from engine.errors import RequestError
from engine.survey import survey_named

__all__ = ["TransferRequest", "parse_nights"]

_TEXT_LISTS = ("nights", "classes", "exclude_classes", "fields", "widen")


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """A selection of alerts and the content to send of them; validated, immutable.

    Raises
    ------
    RequestError
        If a value is not valid in itself. Nothing is read or contacted here.
    """

    nights: tuple[str, ...]
    """`2021-11-22`, or a range with both ends, `2021-11-22:2021-11-30`; text or a list of texts."""
    archive: str | None = None
    """Root that holds `year=…/month=…/day=…`; None means the configuration's."""
    survey: str = "ztf"
    classes: tuple[str, ...] = ()
    """Labels to keep; none or `allclasses` means all."""
    exclude_classes: tuple[str, ...] = ()
    where: str | None = None
    """SQL conditions, separated by `;`; all must hold."""
    content: str = "lightcurve"
    fields: tuple[str, ...] = ()
    """For the content `fields`."""
    limit: int | None = None
    """Exactly the first so many matches in the archive's order."""
    topic: str | None = None
    """Name of the topic to make; None makes one up."""
    tns_catalogue: str | None = None
    skip_unreadable: bool = False
    widen: tuple[str, ...] = ()
    """Fields where integers and floats shall meet as double."""

    def __post_init__(self):
        for name in _TEXT_LISTS:
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        parse_nights(self.nights)
        survey_named(self.survey)
        if self.archive is not None:
            object.__setattr__(self, "archive", str(self.archive))
        if self.tns_catalogue is not None:
            object.__setattr__(self, "tns_catalogue", str(self.tns_catalogue))
        if self.content not in CONTENTS:
            near = difflib.get_close_matches(str(self.content), CONTENTS, n=1)
            raise RequestError(
                f"there is no content {self.content!r}",
                accepted=", ".join(CONTENTS),
                next_step=f"did you mean {near[0]!r}?" if near else "choose one of them",
            )
        if (self.content == "fields") != bool(self.fields):
            raise RequestError(
                "the content 'fields' and a list of fields belong together"
                + (", but no field is given" if not self.fields else f", but the content is {self.content!r}"),
                accepted="content 'fields' with at least one field, or another content with none",
                next_step="give --content fields and --field PATH (repeatable)",
            )
        if self.limit is not None and (
            isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 1
        ):
            raise RequestError(f"limit is {self.limit!r}", accepted="a whole number of 1 or more, or none")
        if not isinstance(self.where, str | None):
            raise RequestError(f"where is {self.where!r}", accepted="text: SQL conditions, each ended by ;")
        if not isinstance(self.skip_unreadable, bool):
            raise RequestError(f"skip_unreadable is {self.skip_unreadable!r}", accepted="true or false")
        if self.topic is not None:
            check_topic(self.topic)

    def dates(self) -> list[dt.date]:
        """Return every night that is asked for, in order, once."""
        return parse_nights(self.nights)

    def to_dict(self) -> dict[str, Any]:
        """Return what is not at its default, as plain values; `from_dict` takes it back."""
        values = {}
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if value != field_.default:
                values[field_.name] = list(value) if isinstance(value, tuple) else value
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TransferRequest:
        """Return the request that a mapping of names and values describes.

        Raises
        ------
        RequestError
            If a name is unknown, or nights are missing, or a value is not valid.
        """
        if not isinstance(values, Mapping):
            raise RequestError("a request is a table of keys and values", accepted=", ".join(_names(cls)))
        for name in values:
            if name not in _names(cls):
                near = difflib.get_close_matches(str(name), _names(cls), n=1)
                raise RequestError(
                    f"a request has no {name!r}",
                    accepted=", ".join(_names(cls)),
                    next_step=f"did you mean {near[0]!r}?" if near else None,
                )
        if "nights" not in values:
            raise RequestError(
                "the request names no nights", next_step="give --nights 2021-11-22 or a range, 2021-11-22:2021-11-30"
            )
        return cls(**values)

    def to_yaml(self) -> str:
        """Return the request as YAML."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str) -> TransferRequest:
        """Return the request that a YAML text describes.

        Raises
        ------
        RequestError
            If it is not YAML or not a valid request.
        """
        return cls.from_dict(read_yaml(text))


def read_yaml(text: str) -> Mapping[str, Any]:
    """Return a YAML text as a table.

    Raises
    ------
    RequestError
        If it is not YAML, or not a table.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise RequestError(f"the request is not YAML: {exc}") from exc
    if not isinstance(values, Mapping):
        raise RequestError("the request is not a table of keys and values", accepted=", ".join(_names(TransferRequest)))
    return values


def parse_nights(nights: Sequence[str]) -> list[dt.date]:
    """Return the nights that texts name, in order, once.

    Parameters
    ----------
    nights
        `2021-11-22`, or `2021-11-22:2021-11-30`, both ends included.

    Raises
    ------
    RequestError
        If there is none, one is not a date, or a range ends before it begins.
    """
    accepted = "2021-11-22, or a range with both ends, 2021-11-22:2021-11-30"
    if not nights:
        raise RequestError("the request names no nights", accepted=accepted)
    found: set[dt.date] = set()
    for text in nights:
        try:
            ends = [dt.datetime.strptime(end.strip(), "%Y-%m-%d").date() for end in text.split(":")]
        except ValueError as exc:
            raise RequestError(f"{text!r} is not a night", accepted=accepted) from exc
        if len(ends) > 2 or ends[-1] < ends[0]:
            raise RequestError(f"{text!r} is not a range of nights from the first to the last", accepted=accepted)
        found.update(dt.date.fromordinal(day) for day in range(ends[0].toordinal(), ends[-1].toordinal() + 1))
    return sorted(found)


def _names(cls) -> list[str]:
    return [field_.name for field_ in fields(cls)]


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str | dt.date):
        value = [value]
    if value is None:
        value = []
    if not isinstance(value, Sequence):
        raise RequestError(f"{name} is {value!r}", accepted="text, or a list of texts")
    # YAML reads an unquoted 2021-11-22 as a date.
    texts = tuple(item.isoformat() if type(item) is dt.date else item for item in value)
    for item in texts:
        if not isinstance(item, str):
            raise RequestError(f"{name} holds {item!r}", accepted="text, or a list of texts")
    return texts
