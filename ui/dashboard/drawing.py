"""Changes of a figure that is on a page: of Bokeh's models, which Panel does not watch."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

__all__ = ["redraw"]


def redraw(pane: pn.pane.Bokeh, change: Callable[[], None]) -> None:
    """Change a figure, and have every page that shows it follow.

    Parameters
    ----------
    pane
        That shows the figure.
    change
        Changes the figure's models.
    """
    shown = [model.document for model, _ in pane._models.values() if model.document is not None]
    served = [document for document in shown if document.session_context is not None]
    if served:
        # The page's models are changed only while the page is locked.
        served[0].add_next_tick_callback(change)
        return
    change()
    if shown:
        pn.io.push_notebook(pane)
