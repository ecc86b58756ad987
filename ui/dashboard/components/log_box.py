"""The log of a job, line by line; it stays at its end while lines come, unless one scrolls up."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["LogBox"]


class LogBox(Component):
    """Lines of a log; others wrote some of them, so they are shown as text, never as HTML."""

    lines = param.List(item_type=str, doc="The last lines.")
    num_before = param.Integer(default=0, doc="How many lines there are before those.")

    _esm = HERE / "log_box.js"
    _stylesheets = [*Component._stylesheets, (HERE / "log_box.css").read_text(encoding="utf-8")]  # noqa: RUF012
