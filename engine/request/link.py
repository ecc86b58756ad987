"""A request as a link: `?q=a…`, one parameter of a URL, that stands in a mail, a notebook or an address bar.

Behind the letter of the form (`a`) come the request's keys as JSON, sorted and without blanks, compressed by zlib and
written as base64 of URLs. zlib's checksum tells a link that a mail program has cut, or a hand mistyped.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from consumer.settings import shown
from engine.errors import RequestError

__all__ = ["MOST_CHARACTERS", "from_link", "looks_like_link", "to_link"]

MOST_CHARACTERS = 6_000
"""Of a link: servers and mail programs pass on some 8,000 of an address, and a page's own address comes before it."""

_PARAMETER = "q"
_FORM = "a"
_MOST_READ = 20_000
_MOST_NBYTES = 1_000_000
_ACCEPTED = "?q=a…, a URL that ends so, or a… alone, as the link of a request has it"


def to_link(values: Mapping[str, Any]) -> str:
    """Return a request's table as a link.

    Raises
    ------
    RequestError
        If it would be longer than links may be.
    """
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    link = f"?{_PARAMETER}={_FORM}{packed}"
    if len(link) > MOST_CHARACTERS:
        raise RequestError(
            f"the request is too long for a link: {len(link):,} characters",
            accepted=f"{MOST_CHARACTERS:,} characters",
            next_step="hand over its YAML instead: alert-transfer request --as yaml > request.yaml",
        )
    return link


def looks_like_link(text: str) -> bool:
    """Return whether a text is meant as a link, rather than as the name of a file."""
    return bool(re.search(r"[?&]q=", text) or re.fullmatch(r"https?://.*|[a-z]eN[\w-]{8,}", text.strip(), re.DOTALL))


def from_link(link: str) -> dict[str, Any]:
    """Return the table of the request in a link.

    Parameters
    ----------
    link
        `?q=…`, a URL with it, or the parameter alone.

    Raises
    ------
    RequestError
        If it is none, or was cut or changed.
    """
    if not isinstance(link, str):
        raise RequestError(f"the link is {shown(link)}", accepted=_ACCEPTED)
    if len(link) > _MOST_READ:
        raise RequestError(f"the link has {len(link):,} characters", accepted=f"{MOST_CHARACTERS:,} characters at most")
    packed = _parameter("".join(link.split()))
    if re.fullmatch(r"[b-z][\w-]+", packed, re.ASCII):
        raise RequestError(
            f"the link has the form {packed[0]!r}, which this version doesn't know",
            accepted=_ACCEPTED,
            next_step="install a newer alert-transfer, or ask for the request's YAML",
        )
    if not re.fullmatch(rf"{_FORM}[\w-]+=*", packed, re.ASCII):
        raise RequestError(f"{shown(link)} is no link of a request", accepted=_ACCEPTED)
    return _table(_unpacked(packed[1:].rstrip("=")))


def _parameter(text: str) -> str:
    if "?" not in text and "=" not in text.rstrip("="):
        return text
    query = text.partition("?")[2] or text
    pairs = parse_qsl(query.partition("#")[0], keep_blank_values=True, errors="replace")
    found = [value for name, value in pairs if name == _PARAMETER]
    if len(found) != 1:
        said = "has no q=" if not found else f"has q= {len(found)} times"
        raise RequestError(f"the link {shown(text)} {said}", accepted=_ACCEPTED)
    return found[0]


def _unpacked(packed: str) -> bytes:
    inflating = zlib.decompressobj()
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        content = inflating.decompress(data, _MOST_NBYTES)
    except (ValueError, zlib.error):
        raise _damaged() from None
    if inflating.unconsumed_tail:
        raise RequestError(f"the request in the link has more than {_MOST_NBYTES:,} bytes")
    if not inflating.eof or inflating.unused_data:
        raise _damaged()
    return content


def _table(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content.decode(), object_pairs_hook=_once_each)
    except RequestError:
        raise
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number without end, a nesting without end
        raise RequestError("the link holds no request", accepted=_ACCEPTED) from None
    if not isinstance(values, dict) or _is_nested(values):
        raise RequestError("the link holds no request", accepted=_ACCEPTED)
    return values


def _is_nested(values: dict[str, Any]) -> bool:
    """Return whether a value is more than a list of plain ones, as none of a request is."""
    plain = str | int | float | None
    return not all(
        isinstance(value, plain) or (isinstance(value, list) and all(isinstance(item, plain) for item in value))
        for value in values.values()
    )


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise RequestError(f"the request in the link has the key {shown(name)} twice", accepted="each key once")
        values[name] = value
    return values


def _damaged() -> RequestError:
    return RequestError(
        "the link is cut off or changed: what it holds can't be unpacked",
        accepted=_ACCEPTED,
        next_step="copy it whole, on one line",
    )
