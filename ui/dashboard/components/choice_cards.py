"""Cards of which one is chosen: radio buttons, for the keyboard and for screen readers."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["ChoiceCards"]


class ChoiceCards(Component):
    """Cards of which one is chosen."""

    label = param.String(doc="What is chosen.")
    cards = param.List(item_type=dict, doc="`value`, `title`, `text` and `note` of each.")
    value = param.String()

    _esm = HERE / "choice_cards.js"
