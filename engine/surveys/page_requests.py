"""Requests as other services' pages give them for download, as ours. Each service's own is in its survey's folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.surveys.lsst import PAGE_KEYS, is_of_the_page, table_of_the_page

__all__ = ["PAGE_KEYS", "table_of_any_page"]


def table_of_any_page(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as one of a request's keys, if it is a page's; any other as it is.

    Raises
    ------
    RequestError
        If it is a page's, and names what only that service can do.
    """
    return table_of_the_page(values) if is_of_the_page(values) else dict(values)
