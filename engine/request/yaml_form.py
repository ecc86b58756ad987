"""A request as YAML: our own, and that of other services."""

from __future__ import annotations

from typing import Any

from consumer.settings import read_table, write_yaml
from engine.conditions import looks_like_condition
from engine.errors import RequestError
from engine.request.keys import KEYS, TEXT_KEYS
from engine.surveys import PAGE_KEYS, table_of_any_page

__all__ = ["read_yaml", "write_yaml"]


def read_yaml(text: str) -> dict[str, Any]:
    """Return a YAML text as the table that `TransferRequest.from_dict` takes.

    Under all keys that hold texts, texts are read as they are written: `no`, `1e5` and `2021-11-22` too. What a
    service's page gives for download is read as the request that it stands for.

    Raises
    ------
    RequestError
        If it is empty, not YAML, or not a table; if it is too large or nested too deeply, names a key twice, or has an
        alias or a tag; if a comment of YAML takes a condition out of `where`; if it is a page's and names what only
        that service can do.
    """
    accepted = f"keys and values; the keys are {', '.join(KEYS)}"
    values = read_table(
        text,
        "the request",
        error=RequestError,
        accepted=accepted,
        texts=(*TEXT_KEYS, *PAGE_KEYS),
        hides=dict.fromkeys(("where", "extra_cond"), looks_like_condition),
    )
    if not values:
        raise RequestError("the request is empty", accepted=accepted)
    return table_of_any_page(values)
