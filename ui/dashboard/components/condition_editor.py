"""The editor of conditions: a text area that colours its text, completes fields, and marks where an error is.

A text area and not a code editor: it comes with the keyboard, screen readers and phones as they are, Tab leaves it, and
a page that shows it fetches nothing.
"""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["ConditionEditor"]


class ConditionEditor(Component):
    """A text area for conditions in SQL."""

    value = param.String(doc="What is typed, a moment after each key.")
    label = param.String(default="Conditions")
    placeholder = param.String()
    completions = param.List(item_type=str, doc="Names of fields.")
    functions = param.List(item_type=dict, doc="`usage` and `gives` of each way to call a function.")
    mark = param.List(item_type=int, doc="Line and column, from 1, and length of what is wrong; or nothing.")
    problem = param.String(doc="What is wrong with it, for screen readers.")

    _esm = HERE / "condition_editor.js"

    def insert(self, text: str) -> None:
        """Have a text put where the caret is."""
        self._send_msg({"insert": text})
