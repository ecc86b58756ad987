"""TransferRequest: what a user asks for, the same in Python, in YAML and on the command line."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any

from consumer.settings import items_of, refuse_password, shown, truth_value, whole_number
from consumer.wire import check_topic
from engine.archive import night_texts, parse_nights
from engine.errors import RequestError
from engine.pipeline import CONTENTS
from engine.request.command import to_command
from engine.request.keys import KEYS, check_keys, meant_content
from engine.request.link import from_link, to_link
from engine.request.python_form import to_python
from engine.request.yaml_form import read_yaml, write_yaml
from engine.surveys import survey_named

__all__ = ["TEST_ALERTS", "TransferRequest"]

TEST_ALERTS = 10
"""Alerts of a test job."""

MOST_CHARACTERS = 4_096
"""Of an address, a label or the name of a field; conditions have their own bound."""

_LISTS = ("classes", "exclude_classes", "fields", "widen")
_TEXTS = ("survey", "content", "topic")
_PLACES = ("archive", "tns_catalogue")


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """A selection of alerts and the content to send of them; validated, immutable.

    Raises
    ------
    RequestError
        If a value is not valid in itself. Nothing is read or contacted here.
    """

    nights: tuple[str, ...]
    """`2021-11-22`, a month `2021-11`, or a range with both ends, `2021-11-22:2021-11-30`; a date; or several."""
    archive: str | None = None
    """Root that holds `year=…/month=…/day=…`; None means the configuration's."""
    survey: str = "ztf"
    classes: tuple[str, ...] = ()
    """Labels to keep; none or `allclasses` means all."""
    exclude_classes: tuple[str, ...] = ()
    where: str | tuple[str, ...] | None = None
    """SQL conditions, separated by `;`; one text, or several, each of which stands alone. All must hold."""
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

    def __post_init__(self) -> None:
        self._set("nights", night_texts(self.nights))
        for name in _LISTS:
            self._set(name, items_of(name, getattr(self, name), _text_in(name), error=RequestError))
        if isinstance(self.survey, os.PathLike):
            self._set("survey", os.fspath(self.survey))
        if isinstance(self.content, list | tuple):
            raise RequestError(f"content is {shown(self.content)}", accepted=f"one of {', '.join(CONTENTS)}, as text")
        for name in _TEXTS:
            if (name, getattr(self, name)) != ("topic", None):
                self._set(name, _one_text(name, getattr(self, name)))
        for name in _PLACES:
            if getattr(self, name) is not None:
                self._set(name, _place(name, getattr(self, name)))
        self._set("where", _conditions(self.where))
        parse_nights(self.nights)
        survey_named(self.survey)
        if self.content not in CONTENTS:
            near = meant_content(self.content)
            raise RequestError(
                f"there is no content {shown(self.content)}",
                accepted=", ".join(CONTENTS),
                next_step=f"did you mean {near!r}?" if near else "choose one of them",
            )
        if (self.content == "fields") != bool(self.fields):
            raise RequestError(
                "the content 'fields' and a list of fields belong together"
                + (", but no field is given" if not self.fields else f", but the content is {self.content!r}"),
                accepted="content 'fields' with at least one field, or another content with none",
                next_step="give --content fields and --field PATH (repeatable)",
            )
        if self.limit is not None:
            self._set("limit", whole_number("limit", self.limit, otherwise=", or none", error=RequestError))
        self._set("skip_unreadable", truth_value("skip_unreadable", self.skip_unreadable, error=RequestError))
        if self.topic is not None:
            check_topic(self.topic)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

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
            raise RequestError("a request is a table of keys and values", accepted=", ".join(KEYS))
        check_keys(values)
        given = {name: value for name, value in values.items() if value is not None}
        if "nights" not in given:
            raise RequestError(
                "the request names no nights", next_step="give --nights 2021-11-22 or a range, 2021-11-22:2021-11-30"
            )
        return cls(**given)

    def to_yaml(self) -> str:
        """Return the request as YAML."""
        return write_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> TransferRequest:
        """Return the request that a YAML text describes, our own or a service's page's.

        Raises
        ------
        RequestError
            If it is not YAML or not a valid request.
        """
        return cls.from_dict(read_yaml(text))

    def to_link(self) -> str:
        """Return the request as a link, `?q=…`, which goes behind the address of a page.

        Raises
        ------
        RequestError
            If it would have more than 6,000 characters; its YAML has no such bound.
        """
        return to_link(self.to_dict())

    @classmethod
    def from_link(cls, link: str) -> TransferRequest:
        """Return the request in a link: a URL, `?q=…`, or what stands behind it.

        Raises
        ------
        RequestError
            If it is no link of a request, was cut or changed, or is of a later form; if the request is not valid.
        """
        return cls.from_dict(from_link(link))

    def to_command(self, verb: str = "submit") -> str:
        """Return the command that makes the request, quoted for the shell.

        Parameters
        ----------
        verb
            plan, estimate, preview, submit or request.

        Raises
        ------
        RequestError
            If there is no such command; if the request is longer than a shell takes.
        """
        return to_command(self.to_dict(), verb)

    def to_python(self) -> str:
        """Return Python that makes the request, under the name `request`."""
        return to_python(self.to_dict())


def _text_in(name: str) -> Callable[[Any], str]:
    """Return what gives an item of a list of texts as Python's own text."""
    return lambda item: _one_text(name, item, "holds")


def _one_text(name: str, value: Any, verb: str = "is") -> str:
    if hasattr(value, "as_py"):  # pyarrow's scalars
        value = value.as_py()
    if not isinstance(value, str):
        raise RequestError(
            f"{name} {verb} {shown(value)}", accepted="text, or a list of texts" * (verb == "holds") or "text"
        )
    text = str(value)
    _check_characters(name, text)
    if len(text) > MOST_CHARACTERS:
        raise RequestError(f"{name} {verb} {shown(text)}", accepted=f"at most {MOST_CHARACTERS:,} characters")
    return text


def _check_characters(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise RequestError(
            f"{name} has half of a character: {text[exc.start]!r} at position {exc.start}",
            accepted="text that can be written as UTF-8",
        ) from None


def _place(name: str, value: Any) -> str:
    """Return a path or a URL as text."""
    text = value
    if isinstance(value, os.PathLike):
        text = os.fspath(value)
    elif hasattr(value, "joinpath"):  # universal_pathlib's paths, which for URLs are not of the operating system
        text = str(value)
    text = _one_text(name, text)
    if not text.strip() or "\0" in text:
        raise RequestError(
            f"{name} is {shown(text)}", accepted="a path or a URL", next_step="leave it out if there is none"
        )
    refuse_password(name, text, error=RequestError)
    if isinstance(value, PurePath) and (match := re.match(r"([a-z][a-z0-9+]+):/(?!/)", text)):
        raise RequestError(
            f"{name} is {shown(text)}: a Path makes {match[1]}:/ of {match[1]}://",
            accepted="a path, or a URL as text",
            next_step=f"give it as text: {name}='{match[1]}://…'",
        )
    return text


def _conditions(value: Any) -> str | tuple[str, ...] | None:
    """Return conditions as one text, as several, or as None where there is none."""

    def text_of(item: Any) -> str:
        if hasattr(item, "as_py"):
            item = item.as_py()
        if not isinstance(item, str):
            raise RequestError(
                f"where holds {shown(item)}" if is_list else f"where is {shown(item)}",
                accepted="SQL conditions, each ended by ; — a text, or a list of texts, all of which must hold",
                next_step="in YAML, a text with ': ' in it needs quotes" if isinstance(item, Mapping) else None,
            )
        text = str(item)
        _check_characters("where", text)
        if text.lstrip().startswith("@"):
            raise RequestError(
                f"where is {shown(text)}, the name of a file; only the command line's --where reads files",
                accepted="SQL conditions, each ended by ;",
                next_step="put the file's text in its place; in YAML, below the line `where: |`, indented",
            )
        if is_list and not text.strip():
            raise RequestError("where holds a text that is empty", next_step="take it out of the list")
        return text

    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    texts = items_of("where", value, text_of, error=RequestError)
    if is_list and len(texts) > 1:
        return texts
    return texts[0] if texts and texts[0].strip() else None
