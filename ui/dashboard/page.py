"""The page's frame: header, four steps that may be visited in any order, and the summary beside them.

A step is built when it is first visited: a hundred components cost a second of the server's loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import panel as pn
import panel_material_ui as pmui
import param

from ui.dashboard.address import open_address, watch_address
from ui.dashboard.banner import Banner
from ui.dashboard.chosen_nights import split_words
from ui.dashboard.components import BrowserLink
from ui.dashboard.estimating import estimator_of
from ui.dashboard.receive import ReceiveStep, SubmitButtons
from ui.dashboard.session import STEPS, Session
from ui.dashboard.sharing import MOST_YAML_NBYTES, ShareDialog, take_yaml, too_large
from ui.dashboard.steps import ContentStep, DataStep, FilterStep
from ui.dashboard.summary import Summary
from ui.dashboard.summary_place import STICKY, SummaryPlace
from ui.dashboard.theme import THEME

__all__ = ["Page", "View"]

_NO_MARGIN = (0, 0, 0, 0)


class View(Protocol):
    """A part of the page."""

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown of it."""


_VIEWS: dict[str, Callable[[Session], View]] = {
    "Data": DataStep,
    "Filter": FilterStep,
    "Content": ContentStep,
    "Receive": ReceiveStep,
}


class Page:
    """The page of one session.

    Parameters
    ----------
    session
        Whose.
    search
        What stands behind the page's path in the browser's address.
    is_whole
        Whether it is a page of its own, and not a part of a notebook.
    home
        Path of the page.
    has_login
        Whether users log in, and so may log out.
    """

    def __init__(
        self, session: Session, search: str = "", *, is_whole: bool = True, home: str = "/", has_login: bool = False
    ):
        self._session = session
        self._is_whole = is_whole
        self._home, self._has_login = home, has_login
        self._browser = BrowserLink(
            most_nbytes=MOST_YAML_NBYTES,
            is_page=is_whole,
            has_address=is_whole,
            search=search,
            sizing_mode="fixed",
            width=0,
        )
        self._browser.on_told(self._told)
        session.param.watch(self._noticed, "notice")
        open_address(session, search)
        self._went = watch_address(session, self._browser.show_address) if is_whole else None
        self._built: dict[str, pn.viewable.Viewable] = {}
        self._place = pmui.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._dialogs = pn.Column(margin=_NO_MARGIN)
        self._share: ShareDialog | None = None
        self._stepper = pmui.StepperMenu(
            items=[{"label": name} for name in STEPS],
            active=session.step,
            alternative_label=True,
            non_linear=True,
            sizing_mode="stretch_width",
            margin=(0, 0, 16, 0),
        )
        self._back = pmui.Button(label="Back", variant="text", on_click=self._previous)
        self._on = pmui.Button(label="Next", variant="contained", on_click=self._next)
        self._stepper.param.watch(self._chosen, "active")
        session.param.watch(self._stepped, "step")
        self._show_step()

    async def _chosen(self, event: param.parameterized.Event) -> None:
        self._session.step = min(event.new, len(STEPS) - 1)

    async def _stepped(self, _: param.parameterized.Event) -> None:
        # Who is quick clicks before the page has said that it is there.
        await self._session.until_shown()
        if not self._session.is_ended:
            self._show_step()

    async def _previous(self, _: Any) -> None:
        self._session.step = max(self._session.step - 1, 0)

    async def _next(self, _: Any) -> None:
        self._session.step = min(self._session.step + 1, len(STEPS) - 1)

    def _show_step(self) -> None:
        step = self._session.step
        name = STEPS[step]
        if name not in self._built:
            self._built[name] = _VIEWS[name](self._session).view()
        self._place[:] = [self._built[name]]
        self._stepper.active = step
        self._back.disabled = step == 0
        self._on.visible = step < len(STEPS) - 1

    async def _noticed(self, _: param.parameterized.Event) -> None:
        if (notice := self._session.notice) is not None:
            self._browser.show_notice(notice.text, is_error=notice.is_error)

    def _told(self, data: Any) -> None:
        """Take what the browser tells; it may be anybody's."""
        if not isinstance(data, dict):
            return
        name, text = str(data.get("name") or "the file"), data.get("text")
        if isinstance(data.get("went"), str) and self._went is not None:
            self._went(data["went"])
        elif isinstance(data.get("typed"), dict):
            typed = {name: data["typed"].get(name) for name in DataStep.TYPED}
            self._session.query.update(**{n: split_words(text) for n, text in typed.items() if isinstance(text, str)})
        elif isinstance(text, str):
            take_yaml(self._session, name, text)
        elif isinstance(data.get("nbytes"), int):
            self._session.notify(too_large(name, data["nbytes"]))

    async def _open_share(self, _: Any) -> None:
        if self._share is not None:
            self._share.open()
            return
        self._share = ShareDialog(self._session)
        self._share.open()
        # As with the preview: what it is told while React mounts it may be lost.
        self._dialogs[:] = [self._share.view()]

    def view(self) -> pn.viewable.Viewable:
        """Return the page, or its part of a notebook."""
        summary = Summary(self._session, SubmitButtons(self._session, estimator_of(self._session)).view())
        side = SummaryPlace(self._session, summary.view()).view() if self._is_whole else summary.view()
        moves = pmui.Row(self._back, pn.Spacer(sizing_mode="stretch_width"), self._on, sizing_mode="stretch_width")
        content = pmui.Grid(
            pmui.Grid(self._stepper, self._place, moves, size={"xs": 12, "md": 8}),
            pmui.Grid(side, size={"xs": 12, "md": 4}, stylesheets=[STICKY]),
            container=True,
            spacing=3,
            sizing_mode="stretch_width",
        )
        share = pmui.Button(
            label="Copy or share",
            variant="outlined",
            size="small",
            on_click=self._open_share,
            sx={"whiteSpace": "nowrap"},
        )
        whole = pmui.Container(
            Banner(self._session).view(),
            content,
            self._dialogs,
            self._browser,
            width_option="lg",
            sx={"pt": 3, "pb": {"xs": 11, "md": 3}, "px": {"xs": 1, "sm": 3}},
        )
        if not self._is_whole:
            return pmui.Column(share, whole, sizing_mode="stretch_width", theme_config=THEME)
        header = pmui.Row(share, *self._who(), sizing_mode="stretch_width", sx={"justifyContent": "flex-end"})
        ground = pmui.Column(whole, sizing_mode="stretch_width", margin=_NO_MARGIN, sx=_GROUND)
        page = pmui.Page(
            title="Alert Transfer",
            header=[header],
            main=[ground],
            site_url=self._home,
            theme_config=THEME,
            busy_indicator=None,
            meta=_META,
            sx=_PLAIN_BAR,
        )
        _let_go(page)
        page.param.watch(self._lit, "dark_theme")
        return page

    async def _lit(self, event: param.parameterized.Event) -> None:
        self._browser.remember_theme(is_dark=event.new)

    def _who(self) -> list[pn.viewable.Viewable]:
        if not self._has_login:
            return []
        leave = pmui.Button(label=f"Log out {self._session.user.name}", variant="text", size="small", sx=_SHORT)
        leave.js_on_click(code="window.location.assign(url)", args={"url": f"{self._home}logout"})
        return [leave]


def _let_go(page: pmui.Page) -> None:
    """Have a page not watch whether the server is busy: it would never be let go after its session."""
    for _, watcher in list(page._param__private.ref_watchers):
        pn.state.param.unwatch(watcher)
    page._param__private.ref_watchers = []


# A name may be an address of e-mail, and a phone's bar has room for "Log out".
_SHORT = {
    "display": "block",
    "maxWidth": {"xs": "88px", "sm": "260px"},
    "overflow": "hidden",
    "textOverflow": "ellipsis",
    "whiteSpace": "nowrap",
}
_GROUND = {"bgcolor": "background.default", "minHeight": "calc(100vh - 64px)", "display": "block"}
# By exactly this, what is in the bar keeps the page's colours: else it is dressed for a bar of the main colour.
_PLAIN_BAR = {".MuiAppBar-root": {"bgcolor": "primary.contrastText", "color": "primary.main"}}
_META = pmui.template.base.Meta(
    title="Alert Transfer", description="Choose alerts of an archive, and have them sent to Kafka."
)
