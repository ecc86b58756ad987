"""Where the summary stands, always in sight: beside the steps, or, on a phone, behind a bar below them."""

from __future__ import annotations

import panel as pn
import param

from ui.dashboard.components import SummaryBar
from ui.dashboard.estimating import estimator_of
from ui.dashboard.session import Session
from ui.dashboard.summary import summary_sentence

__all__ = ["STICKY", "SummaryPlace"]


class SummaryPlace:
    """The summary's place on a page of its own.

    Parameters
    ----------
    session
        Whose page it is.
    summary
        What is shown.
    """

    def __init__(self, session: Session, summary: pn.viewable.Viewable):
        self._session = session
        self._estimator = estimator_of(session)
        self._bar = SummaryBar()
        self._sheet = pn.Column(summary, sizing_mode="stretch_width", margin=(0, 0, 0, 0), stylesheets=[_STYLE])
        names = ["info", "most", "estimate", "problem", "is_working", "counting"]
        self._estimator.param.watch(self._changed, names)
        self._bar.param.watch(self._opened, "is_open")
        watcher = session.param.watch(self._stepped, "step")
        session.on_end(lambda: session.param.unwatch(watcher))
        self._say()

    def view(self) -> pn.viewable.Viewable:
        """Return the summary, and its bar."""
        return pn.Column(self._bar, self._sheet, sizing_mode="stretch_width", margin=(0, 0, 0, 0))

    async def _changed(self, *_: param.parameterized.Event) -> None:
        self._say()

    def _say(self) -> None:
        self._bar.text = summary_sentence(self._session.query, self._estimator)

    async def _opened(self, event: param.parameterized.Event) -> None:
        self._sheet.css_classes = ["open"] if event.new else []

    async def _stepped(self, _: param.parameterized.Event) -> None:
        self._bar.is_open = False


# Only where the page is wide: it would hold the bar of a narrow one below others.
STICKY = "@media (min-width: 900px) { :host { position: sticky; top: 24px; } }"
"""Style of the page's part in which the summary stands: it stays as the steps scroll."""
# Above the page's own bar, and below what opens inside of it.
_STYLE = """
@media (min-width: 900px) { :host { max-height: calc(100vh - 112px); overflow-y: auto; } }
@media (max-width: 899.95px) {
  :host { display: none !important; }
  :host(.open) { display: flex !important; position: fixed; top: auto; left: 0; right: 0; bottom: 60px; width: auto;
    max-height: calc(100vh - 60px); overflow-y: auto; z-index: 1200; box-shadow: 0 -8px 24px #0004; }
}
"""
