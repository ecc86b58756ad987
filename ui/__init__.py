"""Faces for people: thin layers over the public names of `engine` and `consumer`.

The command line is one, in `cli`; the page another, in `dashboard`, which `app()` shows in a notebook. What both show
in the same words comes in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ui.dashboard import app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    # Imported on first use: the command line has no need of Panel.
    if name == "app":
        from ui.dashboard import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
