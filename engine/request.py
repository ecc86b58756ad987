"""TransferRequest: what a user asks for, the same in Python, in YAML and on the command line."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any

import yaml

from consumer.settings import items_of, read_table, refuse_password, shown, truth_value, whole_number
from consumer.wire import check_topic
from consumer.words import printable
from engine.archive import night_texts, parse_nights
from engine.conditions import looks_like_condition
from engine.errors import RequestError
from engine.pipeline import CONTENTS
from engine.surveys import survey_named

__all__ = ["TransferRequest", "parse_nights", "read_yaml", "write_yaml"]

MOST_CHARACTERS = 4_096
"""Of an address, a label or the name of a field; conditions have their own bound."""

_LISTS = ("classes", "exclude_classes", "fields", "widen")
_TEXTS = ("survey", "content", "topic")
_PLACES = ("archive", "tns_catalogue")
_NOT_TEXTS = ("limit", "skip_unreadable")
# Other names of the keys. A name that only resembles a key is found without.
_OTHER_NAMES = {
    **dict.fromkeys(["condition", "conditions", "extra_cond", "filter", "filters", "query", "sql", "expr"], "where"),
    **dict.fromkeys(["date", "dates", "day", "days", "month", "start", "stop", "startdate", "stopdate"], "nights"),
    **dict.fromkeys(["column", "columns", "cols", "select"], "fields"),
    **dict.fromkeys(["label", "labels", "finkclass", "tnsclass"], "classes"),
    **dict.fromkeys(["exclude", "exclude_class", "excludes"], "exclude_classes"),
    **dict.fromkeys(["source", "datasource"], "survey"),
    **dict.fromkeys(["max", "n", "num_alerts"], "limit"),
    **dict.fromkeys(["catalog", "catalogue", "tns_catalog"], "tns_catalogue"),
}
_OTHER_CONTENTS = {
    **dict.fromkeys(["history", "lc", "light", "lightpacket", "photometry"], "lightcurve"),
    **dict.fromkeys(["images", "stamp", "stamps", "thumbnails"], "cutouts"),
    **dict.fromkeys(["mediumpacket", "nocutouts"], "medium"),
    **dict.fromkeys(["*", "all", "everything", "fullpacket", "packet"], "full"),
    **dict.fromkeys(["columns", "custom", "select"], "fields"),
}
_PROGRAMS = ("filters", "blocks")
"""Keys under which requests to other services name programs of theirs, by names that only the service knows."""
_CONFIGURATION = ("kafka", "dask", "storage_options", "kafka_options")


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
            near = _meant_content(self.content)
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
            raise RequestError("a request is a table of keys and values", accepted=", ".join(_names(cls)))
        if unknown := [name for name in values if name not in _names(cls)]:
            raise RequestError(
                f"a request has no {', '.join(map(shown, unknown))}",
                accepted=", ".join(_names(cls)),
                next_step=_meant_keys({name: values[name] for name in unknown}),
            )
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
        """Return the request that a YAML text describes.

        Raises
        ------
        RequestError
            If it is not YAML or not a valid request.
        """
        return cls.from_dict(read_yaml(text))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines line by line, never folded: a comment in a condition ends with its line."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = None
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]", text):
            style = '"'  # in other styles PyYAML writes ends of lines that it doesn't read back
        elif "\n" in text and not re.search(r"^\s|[ \t]$|[ \t]\n|\n\s*$", text.removesuffix("\n")):
            style = "|"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return a request's table, of any version, as YAML that `read_yaml` reads."""
    made = _dumped(values, allow_unicode=True)
    # What a terminal would obey is written by its number, so that the request is shown and read back as it is.
    return made if printable(made) == made else _dumped(values, allow_unicode=False)


def _dumped(values: Mapping[str, Any], *, allow_unicode: bool) -> str:
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=allow_unicode, width=float("inf"))


def read_yaml(text: str) -> dict[str, Any]:
    """Return a YAML text as the table that `TransferRequest.from_dict` takes.

    Under all keys that hold texts, texts are read as they are written: `no`, `1e5` and `2021-11-22` too.

    Raises
    ------
    RequestError
        If it is empty, not YAML, or not a table; if it is too large or nested too deeply, names a key twice, or has an
        alias or a tag; if a comment of YAML takes a condition out of `where`.
    """
    names = _names(TransferRequest)
    accepted = f"keys and values; the keys are {', '.join(names)}"
    texts = [name for name in names if name not in _NOT_TEXTS]
    values = read_table(
        text, "the request", error=RequestError, accepted=accepted, texts=texts, hides={"where": looks_like_condition}
    )
    if not values:
        raise RequestError("the request is empty", accepted=accepted)
    return values


def _names(cls: type[Any]) -> list[str]:
    return [field_.name for field_ in fields(cls)]


def _meant_keys(unknown: Mapping[Any, Any]) -> str | None:
    """Return what to do about keys that a request has not, of each if there are several."""
    meant = {shown(name): _meant_key(name, value) for name, value in unknown.items()}
    if len(meant) == 1:
        return next(iter(meant.values()))
    return "; ".join(f"{name}: {step}" for name, step in meant.items() if step) or None


def _meant_key(name: Any, value: Any) -> str | None:
    if name in _PROGRAMS and isinstance(value, list) and not any(looks_like_condition(str(item)) for item in value):
        named = ", ".join(str(item)[:50] for item in value[:5])
        return f"only the service knows {named or 'its names'}: write what they stand for as conditions, under 'where'"
    word = str(name).strip().lower().replace("-", "_") if isinstance(name, str) else ""
    if word in _CONFIGURATION:
        return f"{word} belongs into the configuration, not into the request"
    names = _names(TransferRequest)
    near = word if word in names else _OTHER_NAMES.get(word)
    near = near or next(iter(difflib.get_close_matches(word[:100], names, n=1)), None)
    return f"did you mean {near!r}?" if near else None


def _meant_content(text: str) -> str | None:
    word = re.sub(r"[\s_-]+", "", text[:100].lower())
    return _OTHER_CONTENTS.get(word) or next(iter(difflib.get_close_matches(word, CONTENTS, n=1)), None)


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
