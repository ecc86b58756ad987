"""The page's frame: header, four steps that may be visited in any order, and the summary beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
import param

from ui.dashboard.session import STEPS, Session

__all__ = ["Page", "View"]


class View(Protocol):
    """A part of the page."""

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown of it."""


STEP_VIEWS: dict[str, Callable[[Session], View]] = {}
"""A step -> what is in it; built when the step is first visited."""
SIDE_VIEWS: tuple[Callable[[Session], View], ...] = ()
"""What stands beside all steps."""

_THEME: dict[str, Any] = {
    "palette": {"primary": {"main": "#1d4fd7"}},
    "shape": {"borderRadius": 8},
    "typography": {"fontFamily": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"},
}


class Page:
    """The page of one session.

    Parameters
    ----------
    session
        Whose.
    """

    def __init__(self, session: Session):
        self._session = session
        self._built: dict[str, pn.viewable.Viewable] = {}
        self._place = pmui.Column(sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        self._stepper = pmui.StepperMenu(
            items=[{"label": name} for name in STEPS],
            active=session.step,
            alternative_label=True,
            non_linear=True,
            sizing_mode="stretch_width",
        )
        self._stepper.param.watch(self._chosen, "active")
        session.param.watch(self._show_step, "step")
        self._show_step()

    async def _chosen(self, event: param.parameterized.Event) -> None:
        self._session.step = event.new

    def _show_step(self, *_: param.parameterized.Event) -> None:
        name = STEPS[self._session.step]
        self._stepper.active = self._session.step
        if name not in self._built and name in STEP_VIEWS:
            self._built[name] = STEP_VIEWS[name](self._session).view()
        self._place[:] = [self._built[name]] if name in self._built else []

    def view(self) -> pmui.Page:
        """Return the whole page."""
        side = [view(self._session).view() for view in SIDE_VIEWS]
        content = pmui.Grid(
            pmui.Grid(self._stepper, self._place, size={"xs": 12, "md": 8}),
            pmui.Grid(*side, size={"xs": 12, "md": 4}),
            container=True,
            spacing=3,
            sizing_mode="stretch_width",
        )
        return pmui.Page(
            title="Alert Transfer",
            main=[pmui.Container(content, width_option="lg")],
            theme_config={"light": _THEME, "dark": _THEME},
            busy_indicator=None,
        )
