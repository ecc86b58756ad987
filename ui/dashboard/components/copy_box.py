"""A text in a box, with a button that copies it."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["CopyBox"]


class CopyBox(Component):
    """A text in a box, with a button that copies it; the text is never taken for HTML.

    Over plain http a browser has no clipboard for pages. There the text is selected and copied as by hand; where that
    is refused too, it stays selected, and the button says which keys copy it.
    """

    text = param.String(doc="What is copied.")
    label = param.String(default="Copy", doc="On the button.")
    name_of = param.String(default="the text", doc="What it is, for screen readers: the button copies it.")

    _esm = HERE / "copy_box.js"
    _stylesheets = [*Component._stylesheets, (HERE / "copy_box.css").read_text(encoding="utf-8")]  # noqa: RUF012
