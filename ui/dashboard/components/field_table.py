"""The table of an archive's fields: searched in the browser, to insert a field or to choose some."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["FieldTable"]


class FieldTable(Component):
    """Fields with their units, meanings and shares of nulls; `on_told` is given the name that is to be inserted."""

    title = param.String(default="Fields of this archive")
    fields = param.List(item_type=dict, doc="`name`, `type`, `unit`, `meaning`, `null` and `nights` of each.")
    chooses = param.Boolean(doc="Whether fields are chosen, instead of inserted.")
    chosen = param.List(item_type=str)
    is_open = param.Boolean()

    _esm = HERE / "field_table.js"
