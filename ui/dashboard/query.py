"""The query of a page: what a request asks for, as it is being written, so not always a valid one."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import param

from engine import RequestError, TransferRequest, read_yaml
from ui.dashboard.sources import Sources

__all__ = ["Query"]

_LISTS = ("nights", "classes", "exclude_classes", "fields", "widen")
_TEXTS = ("where", "content", "topic")
_NAMES = ("source", *_LISTS, *_TEXTS, "limit", "skip_unreadable")
_DRAFT = "d"
"""The form of a link that holds what is no request yet: a source's name and what was typed."""
_MOST_CHARACTERS = 6_000
_MOST_NBYTES = 200_000
_SOURCE_KEYS = ("archive", "survey", "tns_catalogue")


class Query(param.Parameterized):
    """What the page asks for. Change several things at once by `update`: `revision` is bumped once then."""

    source = param.String(doc="Name of a source.")
    nights = param.List(item_type=str, doc="As a request has them: a night, a month, a range.")
    classes = param.List(item_type=str)
    exclude_classes = param.List(item_type=str)
    where = param.String(doc="SQL conditions, as they are typed.")
    content = param.String(default="lightcurve")
    fields = param.List(item_type=str, doc="For the content `fields`.")
    limit = param.Integer(default=None, allow_None=True)
    topic = param.String(doc="Name of the topic; empty makes one up.")
    skip_unreadable = param.Boolean()
    widen = param.List(item_type=str)
    revision = param.Integer(doc="Grows by one with each change.")

    def __init__(self, sources: Sources, **values: Any):
        super().__init__(**{"source": sources.first.name, **values})
        self.sources = sources
        self.param.watch(self._changed, list(_NAMES))

    def _changed(self, *_: param.parameterized.Event) -> None:
        self.revision += 1

    def update(self, **values: Any) -> None:
        """Change several things at once."""
        self.param.update(**values)

    def values(self) -> dict[str, Any]:
        """Return what is not at its default, as plain values."""
        found = {name: getattr(self, name) for name in _NAMES}
        return {name: value for name, value in found.items() if value != self.param[name].default}

    def request(self) -> TransferRequest:
        """Return the request that the query makes.

        Raises
        ------
        RequestError
            If it makes none yet.
        """
        values = {name: value for name, value in self.values().items() if name != "source"}
        if values.get("content") != "fields":
            values.pop("fields", None)
        if not values.get("where", "").strip():
            values.pop("where", None)
        return TransferRequest.from_dict(self.sources[self.source].request_keys() | values)

    def from_request(self, request: TransferRequest) -> None:
        """Take over a request.

        Raises
        ------
        RequestError
            If it names what is no source of the page.
        """
        self._take(request.to_dict())

    def to_link(self) -> str:
        """Return the query as a link, `?q=…`: a request's own, or, of what is none yet, one that only the page reads.

        Raises
        ------
        RequestError
            If it is too long for a link.
        """
        try:
            request = self.request()
        except ValueError:  # of the engine: it is no request yet
            return self._draft_link()
        return request.to_link()

    def _draft_link(self) -> str:
        text = json.dumps(self.values(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode().rstrip("=")
        link = f"?q={_DRAFT}{packed}"
        if len(link) > _MOST_CHARACTERS:
            raise RequestError(
                f"the query is too long for a link: {len(link):,} characters",
                accepted=f"{_MOST_CHARACTERS:,} characters",
                next_step="download it as YAML instead",
            )
        return link

    def from_link(self, text: str) -> None:
        """Take over the query of a link.

        Raises
        ------
        RequestError
            If it is none, or names what is no source of the page.
        """
        packed = text.strip().rpartition("q=")[2].partition("&")[0]
        if packed.startswith(_DRAFT):
            self._take_draft(packed[1:])
        else:
            self._check_source(packed)
            self._take(TransferRequest.from_link(text).to_dict())

    def _check_source(self, packed: str) -> None:
        """Refuse a link of a source that is none of ours before it is read: a survey may be the name of a file."""
        try:
            values = _unpacked(packed[1:])
        except RequestError:
            return  # the engine says what is wrong with it
        if isinstance(values, dict):
            self.sources.named(values, self.sources[self.source])

    def _take_draft(self, packed: str) -> None:
        values = _unpacked(packed)
        if not isinstance(values, dict) or not set(values) <= set(_NAMES):
            raise _damaged()
        if values.get("source", self.source) not in self.sources:
            raise RequestError(
                f"the link names the source {str(values['source'])[:100]!r}",
                accepted=", ".join(self.sources),
                next_step="choose one of them on the page",
            )
        try:
            Query(self.sources, **values)  # a value of another kind would end an update in its midst
        except (ValueError, TypeError):
            raise _damaged() from None
        self.update(**({name: self.param[name].default for name in _NAMES if name != "source"} | values))

    def to_yaml(self) -> str:
        """Return the request as YAML."""
        return self.request().to_yaml()

    def from_yaml(self, text: str) -> None:
        """Take over a request in YAML, our own or that of a service's page.

        Raises
        ------
        RequestError
            If it is none, or names what is no source of the page.
        """
        self._take(read_yaml(text))

    def _take(self, table: Mapping[str, Any]) -> None:
        # Before the request is made: a survey may be the name of a file, which is read then.
        source = self.sources.named(table, self.sources[self.source])
        values = {name: value for name, value in table.items() if name not in _SOURCE_KEYS}
        request = TransferRequest.from_dict(values | source.request_keys())
        defaults = {name: self.param[name].default for name in _NAMES}
        found = request.to_dict()
        where = request.where
        taken = {name: found[name] for name in _NAMES if name in found} | {"source": source.name}
        if not isinstance(where, str) and where is not None:
            taken["where"] = "\n".join(text if text.rstrip().endswith(";") else f"{text};" for text in where)
        self.update(**(defaults | taken))


def _unpacked(packed: str) -> Any:
    inflating = zlib.decompressobj()
    try:
        data = base64.urlsafe_b64decode(packed[:20_000] + "=" * (-len(packed) % 4))
        content = inflating.decompress(data, _MOST_NBYTES)
        if not inflating.eof:
            raise _damaged()
        return json.loads(content.decode("utf-8", "surrogatepass"))
    except (ValueError, zlib.error, RecursionError) as exc:
        raise exc if isinstance(exc, RequestError) else _damaged() from None


def _damaged() -> RequestError:
    return RequestError(
        "the link is cut off or changed: what it holds can't be unpacked",
        accepted="?q=…, as the page's address has it",
        next_step="copy it whole, on one line",
    )
