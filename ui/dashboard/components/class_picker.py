"""The picker of classes: a search over all of them by group, with counts, to keep some and to leave out others."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["ClassPicker"]


class ClassPicker(Component):
    """A combobox over the classes; what was chosen stands below it."""

    labels = param.List(item_type=dict, doc="`label`, `name`, `group`, `count` and `also` of each, in order.")
    keep = param.List(item_type=str, doc="Labels to keep.")
    is_about = param.Boolean(doc="Whether the counts are estimates.")
    note = param.String(doc="What one should know of the counts.")
    leave_out = param.List(item_type=str, doc="Labels to leave out.")

    _esm = HERE / "class_picker.js"
