"""What the page's own components have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

__all__ = ["HERE", "Component"]

HERE = Path(__file__).parent
_STYLE = (HERE / "components.css").read_text(encoding="utf-8")


class Component(JSComponent):
    """A component that tells its events to whoever asked for them, and is dressed as the page is."""

    __abstract = True

    _stylesheets = [_STYLE]  # noqa: RUF012  as Panel declares it

    def __init__(self, **params: Any):
        super().__init__(**{"sizing_mode": "stretch_width", "margin": (0, 0, 0, 0)} | params)
        self._told: list[Callable[[Any], None]] = []

    def on_told(self, callback: Callable[[Any], None]) -> None:
        """Have something called with each event that the browser tells."""
        self._told.append(callback)

    def _handle_msg(self, data: Any) -> None:
        for callback in self._told:
            callback(data)
