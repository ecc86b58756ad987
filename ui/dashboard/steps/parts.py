"""What the steps have in common: their frame, and the place of an error beside what caused it."""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from ui.dashboard.causes import cause_of
from ui.dashboard.errors import ErrorBox
from ui.dashboard.estimating import Estimator
from ui.dashboard.query import Query

__all__ = ["ProblemPlace", "heading", "step_paper"]

_STYLE = """
h2 { font-size: 18px; font-weight: 600; margin: 0 0 4px; }
h3 { font-size: 14px; font-weight: 600; margin: 14px 0 2px; }
p { margin: 0; font-size: 14px; color: var(--mui-palette-text-secondary, #5d6470); }
:host { color: var(--mui-palette-text-primary, inherit); }
"""


def heading(title: str, hint: str = "", *, level: int = 3) -> pn.pane.HTML:
    """Return a heading with a sentence below it."""
    below = f"<p>{escape(hint)}</p>" if hint else ""
    return pn.pane.HTML(
        f"<h{level}>{escape(title)}</h{level}>{below}",
        stylesheets=[_STYLE],
        sizing_mode="stretch_width",
        margin=(0, 0, 4, 0),
    )


def step_paper(title: str, hint: str, *parts: Any) -> pmui.Paper:
    """Return the frame of a step around its parts."""
    return pmui.Paper(
        heading(title, hint, level=2),
        *parts,
        elevation=0,
        sizing_mode="stretch_width",
        margin=(0, 0, 0, 0),
        sx={"p": {"xs": "14px", "sm": "24px"}, "border": "1px solid", "borderColor": "divider", "borderRadius": "12px"},
    )


class ProblemPlace:
    """The place of the errors that a part of the query causes.

    Parameters
    ----------
    estimator
        Which finds errors.
    query
        Of the session.
    causes
        As `cause_of` returns them.
    """

    def __init__(self, estimator: Estimator, query: Query, *causes: str):
        self._estimator, self._query, self._causes = estimator, query, causes
        # Where a condition is wrong is told by carets below its line, so all characters are of one width.
        font = (
            {"--error-font": "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"}
            if "where" in causes
            else {}
        )
        self.column = pn.Column(sizing_mode="stretch_width", margin=(6, 0, 0, 0), styles=font)
        estimator.param.watch(self._show, "problem")
        self.found: Exception | None = None
        self._show_now()

    async def _show(self, _: param.parameterized.Event) -> None:
        self._show_now()

    def _show_now(self) -> None:
        problem = self._estimator.problem
        is_mine = problem is not None and cause_of(problem, self._query) in self._causes
        self.found = problem if is_mine else None
        self.column[:] = [ErrorBox(problem).view()] if is_mine else []
