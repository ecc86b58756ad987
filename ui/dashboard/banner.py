"""The banner: that Kafka or the cluster can't be reached, now; it goes by itself when they are back."""

from __future__ import annotations

from html import escape

import panel as pn
import param

from ui.dashboard.session import Session

__all__ = ["Banner"]


class Banner:
    """What of the service is lost, if anything is.

    Parameters
    ----------
    session
        Whose page it is.
    """

    def __init__(self, session: Session):
        self._services = session.services
        self._pane = pn.pane.HTML("", sizing_mode="stretch_width", margin=(0, 0, 0, 0), stylesheets=[_STYLE])
        watcher = self._services.param.watch(self._changed, ["broker_problem", "cluster_problem"])
        session.on_end(lambda: self._services.param.unwatch(watcher))
        self._show()

    def view(self) -> pn.pane.HTML:
        """Return the banner; it takes no place while all is well."""
        return self._pane

    async def _changed(self, *_: param.parameterized.Event) -> None:
        self._show()

    def _show(self) -> None:
        lost = [(self._services.broker_problem, "Kafka"), (self._services.cluster_problem, "The Dask cluster")]
        lines = [
            f"<p><b>{what} can't be used now:</b> {escape(problem)}. "
            "Your query is kept; the page goes on by itself when it is back.</p>"
            for problem, what in lost
            if problem
        ]
        self._pane.object = f"<div class='banner' role='alert'>{''.join(lines)}</div>" if lines else ""
        self._pane.visible = bool(lines)


_STYLE = """
.banner { border-radius: 12px; padding: 12px 20px; margin-bottom: 16px; background: #8a1c13; color: #fff;
  font-size: 14px; overflow-wrap: anywhere; }
.banner p { margin: 4px 0; }
"""
