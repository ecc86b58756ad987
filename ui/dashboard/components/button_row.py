"""Buttons in a row, one component whatever their number."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["ButtonRow"]


class ButtonRow(Component):
    """Buttons under one name; `on_told` is given the value of the one that was pressed."""

    label = param.String(doc="What the buttons are for, for screen readers.")
    buttons = param.List(item_type=dict, doc="`value` and `label` of each, and `title` if there is more to say.")
    pressed = param.List(item_type=str, doc="Values of those that are in force.")

    _esm = HERE / "button_row.js"
