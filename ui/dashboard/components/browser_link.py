"""What the page asks of the browser itself: its address, files that are dropped on it, and whether it is connected."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["BrowserLink"]


class BrowserLink(Component):
    """The browser around the page; nothing of it is seen but a sign where a file may be dropped, or a lost connection.

    It tells `{"went": search}` when the user goes back or forward; `{"name": …, "text": …}` of a file that was dropped,
    and `{"name": …, "nbytes": …}` of one that is too large; `{"typed": {field: text}}` of what was typed while
    the server was away.
    """

    most_nbytes = param.Integer(default=1_000_000, doc="Of a file that is dropped.")
    is_page = param.Boolean(default=True, doc="Whether the page is ours: it may be loaded again, and be dark.")

    search = param.String(default="", doc="What the address ends in, from the question mark on.")
    is_place = param.Boolean(default=False, doc="Whether that is a place to come back to.")
    has_address = param.Boolean(default=False, doc="Whether the page has an address of its own.")
    notices = param.List(default=[], doc="What was told last, each with a number.")

    _esm = HERE / "browser_link.js"
    _stylesheets = [(HERE / "browser_link.css").read_text(encoding="utf-8")]  # noqa: RUF012

    def show_address(self, address: str, *, is_place: bool) -> None:
        """Have the address end in a query, as a place to come back to or in the place of what it was."""
        self.param.update(search=address, is_place=is_place)

    def remember_theme(self, *, is_dark: bool) -> None:
        """Have the browser remember whether the reader likes the page dark."""
        self._send_msg({"dark": is_dark})

    def show_notice(self, text: str, *, is_error: bool) -> None:
        """Tell something for a moment; an error stays until it is closed."""
        number = self.notices[-1]["number"] + 1 if self.notices else 1
        self.notices = [*self.notices[-2:], {"number": number, "text": text, "is_error": is_error}]
