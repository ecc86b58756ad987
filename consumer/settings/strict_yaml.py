"""YAML without second meanings, for the requests and configurations that users write.

Read from the parser's events, not by its constructor, so that what is not accepted never becomes a value: a key that
stands twice, an alias, a tag, a nesting without end. Keys are read as they are written (`on` is no truth value), and
so are dates, and whatever stands under a key that the caller names as one of texts. Numbers are decimal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import yaml

from consumer.errors import InputError
from consumer.settings.text_files import MAX_NBYTES
from consumer.settings.values import shown

__all__ = ["MAX_NBYTES", "read_table"]

MAX_DEPTH = 20

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# YAML 1.1's, in which most files are written: `yes` in a file must keep its meaning.
_TRUTH = {
    word: value
    for value, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for plain in words
    for word in (plain, plain.capitalize(), plain.upper())
}
# No zero in front and no more digits than an integer of 64 bits has: what looks otherwise is a code or a password.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+][0-9]+)?|[-+]?(0|[1-9][0-9]*)\.([eE][-+][0-9]+)?", re.ASCII)
_SPECIAL = {f"{sign}.{word}": float(f"{sign}{word}") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")}
_SPECIAL |= {f".{word}": float("nan") for word in ("nan", "NaN", "NAN")}
# Behind a text, to the end of its line; the signs before it end a list or a table.
_COMMENT = re.compile(r"[ \t,\]}]*(#[^\r\n\x85\u2028\u2029]*)")
_STR = "tag:yaml.org,2002:str"


def read_table(
    text: str,
    what: str,
    *,
    error: type[InputError],
    accepted: str | None = None,
    texts: Collection[str] = (),
    secret: bool = False,
    hides: Mapping[str, Callable[[str], bool]] | None = None,
    lines: dict[tuple[str, ...], int] | None = None,
) -> dict[str, Any]:
    """Return a YAML text as a table.

    Parameters
    ----------
    text
        At most 1 MB.
    what
        What it is, for messages: `the request`.
    error
        What is raised.
    accepted
        What is accepted, for messages.
    texts
        Keys of the table under which whatever isn't null is a text, as it is written.
    secret
        Whether messages must show nothing of the values.
    hides
        Key of the table -> whether a comment looks like a part of its value: such a one is refused where it follows a
        text without quotation marks, which ends at ` #`.
    lines
        Takes the line of each key of the table, and of tables in it: ("kafka_options", "sasl.password") -> 7.

    Raises
    ------
    InputError
        If it is not YAML or not one table; if it is too large or nested too deeply, names a key twice, or has an alias
        or a tag; if a comment looks like a part of a value.
    """
    if not isinstance(text, str):
        raise error(f"{what} is {type(text).__name__}, not text", accepted=accepted)
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_NBYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_NBYTES:
        raise error(f"{what} has more than {MAX_NBYTES:,} bytes", accepted=accepted)
    reader = _Reader(what, error, accepted, frozenset(texts), text, dict(hides or {}), lines)
    try:
        values = reader.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except InputError:
        raise
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise error(
            f"{what} is not YAML (line {line}): it has the character U+{exc.character:04X}", accepted=accepted
        ) from None
    except yaml.MarkedYAMLError as exc:
        place = reader.place(exc.problem_mark or exc.context_mark)
        # The parser's words hold a piece of the line at times, in quotation marks; and any file may hold a secret.
        problem = "" if secret or not exc.problem or "'" in exc.problem else f": {exc.problem[:200]}"
        hint = "quote a text that begins with one of @ ` * & ! % or has ': ' in it; indent with blanks, not tabs"
        # Not chained: the parser's own error shows the line, and with it what is secret.
        raise error(f"{what} is not YAML{place}{problem}", accepted=accepted, next_step=hint) from None
    except (ValueError, OverflowError):  # an escape or a version that is out of range
        raise error(
            f"{what} is not YAML: a number in an escape or a directive is too large", accepted=accepted
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise error(f"{what} is not a table of keys and values", accepted=accepted)
    return values


class _Reader:
    """One YAML text, from the parser's events."""

    def __init__(
        self,
        what: str,
        error: type[InputError],
        accepted: str | None,
        texts: frozenset[str],
        source: str,
        hides: dict[str, Callable[[str], bool]],
        lines: dict[tuple[str, ...], int] | None,
    ):
        self._what, self._error, self._accepted, self._texts = what, error, accepted, texts
        self._source, self._hides = source, hides
        self._lines, self._place = lines, list[str]()
        self._hiding: Callable[[str], bool] | None = None
        self._events: Iterator[Any] = iter(())

    @staticmethod
    def place(mark: Any) -> str:
        return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""

    def document(self, events: Iterator[Any]) -> Any:
        self._events = events
        value, num_documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                num_documents += 1
                if num_documents > 1:
                    self._refuse(event, "has a second document", "one table, without a line of ---")
                value = self._value(next(events), 0, as_text=False)
        return value

    def _value(self, event: Any, depth: int, *, as_text: bool) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(
                event, "has an alias or an anchor", "write the value out; quote a text that begins with * or &"
            )
        if event.tag is not None and not (event.tag == _STR and isinstance(event, yaml.ScalarEvent)):
            self._refuse(event, "has a tag", "leave it out; quote a text that begins with !")
        if isinstance(event, yaml.ScalarEvent):
            if self._hiding and not event.style:
                self._check_comment(event.end_mark)
            return event.value if event.tag or event.style else _plain(event.value, as_text)
        if depth == MAX_DEPTH:
            self._refuse(event, f"is nested more than {MAX_DEPTH} levels deep", None)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1, as_text=as_text) for item in self._until(yaml.SequenceEndEvent)]
        return self._table(depth, as_text)

    def _table(self, depth: int, as_text: bool) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key in self._until(yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent) or key.tag or key.anchor:
                self._refuse(key, "has a key that is not text", "write keys and values as name: value")
            name, line = key.value, key.start_mark.line + 1
            if name in values:
                raise self._error(
                    f"{self._what} has the key {shown(name)} twice, in lines {lines[name]} and {line}",
                    accepted="each key once",
                    next_step="put both values under one key, or take one of them out",
                )
            lines[name] = line
            if depth == 0:
                self._hiding = self._hides.get(name)
            self._place.append(name)
            if self._lines is not None:
                self._lines[tuple(self._place)] = line
            values[name] = self._value(
                next(self._events), depth + 1, as_text=as_text or (depth == 0 and name in self._texts)
            )
            self._place.pop()
        return values

    def _check_comment(self, end: Any) -> None:
        """Refuse a comment behind a text that may have been meant as part of it."""
        comment = _COMMENT.match(self._source, end.index)
        if comment and self._hiding and self._hiding(comment[1]):
            raise self._error(
                f"{self._what} has a value that ends before {shown(comment[1])}, which YAML takes for a comment"
                f"{self.place(end)}",
                accepted="a text with ' #' in it in quotes, or on lines of its own below `|`",
                next_step="if it is part of the value, quote the whole text or write it below `|`; if it is a comment, "
                "put it on a line of its own",
            )

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _refuse(self, event: Any, said: str, next_step: str | None) -> None:
        raise self._error(
            f"{self._what} {said}{self.place(event.start_mark)}", accepted=self._accepted, next_step=next_step
        )


def _plain(word: str, as_text: bool) -> Any:
    if word in _NULLS:
        return None
    if as_text:
        return word
    if word in _TRUTH:
        return _TRUTH[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    return _SPECIAL.get(word, word)
