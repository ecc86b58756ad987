"""The bar at the lower edge of a phone's page: the summary in one line, and what opens the whole of it."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["SummaryBar"]


class SummaryBar(Component):
    """One line that is always in sight where the page is narrow; nothing where it is wide."""

    text = param.String(doc="The summary in a sentence.")
    is_open = param.Boolean(doc="Whether the whole summary is shown, above the bar.")

    _esm = HERE / "summary_bar.js"
    _stylesheets = [*Component._stylesheets, (HERE / "summary_bar.css").read_text(encoding="utf-8")]  # noqa: RUF012
