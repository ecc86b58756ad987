"""The query in its other forms, to be copied, saved or shared; and a request of YAML taken in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

import engine
from ui.dashboard.components import CopyBox, SaveFile
from ui.dashboard.errors import ErrorBox
from ui.dashboard.session import Session

__all__ = ["MOST_YAML_NBYTES", "ShareDialog", "take_yaml"]

MOST_YAML_NBYTES = 1_000_000
_NO_MARGIN = (0, 0, 0, 0)
_TABS: tuple[tuple[str, str, Callable[[engine.TransferRequest], str]], ...] = (
    ("Command", "the command", engine.TransferRequest.to_command),
    ("Python", "the lines of Python", engine.TransferRequest.to_python),
    ("YAML", "the YAML", engine.TransferRequest.to_yaml),
)


def take_yaml(session: Session, name: str, content: str | bytes) -> None:
    """Have a session show the request of a file; what is wrong with it is told.

    Parameters
    ----------
    session
        Whose page it is.
    name
        Of the file, for messages.
    content
        What is in it.
    """
    try:
        if len(content) > MOST_YAML_NBYTES:
            raise too_large(name, len(content))
        try:
            text = content if isinstance(content, str) else content.decode("utf-8")
        except UnicodeDecodeError:
            raise engine.RequestError(f"the file {name[:100]!r} is not text", accepted="YAML in UTF-8") from None
        session.query.from_yaml(text)
    except engine.AlertTransferError as exc:
        session.notify(exc)
    else:
        session.notify(f"The page shows the request of {name[:100]}.")


def too_large(name: str, nbytes: int) -> engine.RequestError:
    """Return the error of a file that is too large."""
    return engine.RequestError(
        f"the file {name[:100]!r} has {nbytes:,} bytes", accepted=f"a request of at most {MOST_YAML_NBYTES:,} bytes"
    )


class ShareDialog:
    """The dialog with the query's other forms; built when it is first opened.

    Parameters
    ----------
    session
        Whose query it is.
    """

    def __init__(self, session: Session):
        self._session = session
        self._place = pn.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._save = SaveFile()
        self._file = pmui.FileInput(
            accept=".yaml,.yml,.txt", label="Open a request in YAML", variant="outlined", sizing_mode="stretch_width"
        )
        self._file.param.watch(self._given, "value")
        close = pmui.Button(label="Close", variant="text", on_click=self._close)
        self._dialog = pmui.Dialog(
            self._place,
            self._save,
            pmui.Row(self._file, close, sizing_mode="stretch_width", margin=(16, 0, 0, 0)),
            title="Copy, share or open a request",
            title_variant="h6",
            width_option="md",
            close_on_click=True,
            show_close_button=True,
        )

    def view(self) -> pmui.Dialog:
        """Return the dialog, closed."""
        return self._dialog

    def open(self) -> None:
        """Show the query as it is now."""
        try:
            request = self._session.query.request()
        except engine.AlertTransferError as exc:
            self._place[:] = [ErrorBox(exc).view()]
        else:
            self._place[:] = self._forms(request)
        self._dialog.open = True

    def _forms(self, request: engine.TransferRequest) -> list[pn.viewable.Viewable]:
        boxes = []
        for title, name, form in _TABS:
            try:
                boxes.append((title, CopyBox(text=form(request), name_of=name)))
            except engine.AlertTransferError as exc:  # too long for a shell
                boxes.append((title, ErrorBox(exc).view()))
        try:
            boxes.append(("Link", CopyBox(text=self._link(request), name_of="the link")))
        except engine.AlertTransferError as exc:
            boxes.append(("Link", ErrorBox(exc).view()))
        tabs = pmui.Tabs(*boxes, dynamic=True, sizing_mode="stretch_width", margin=_NO_MARGIN)
        save = pmui.Button(label="Download the YAML", variant="outlined", margin=(12, 0, 0, 0))

        async def saved(_: Any) -> None:
            await self._save.save("request.yaml", request.to_yaml().encode(), "application/yaml")

        save.on_click(saved)
        return [tabs, save]

    def _link(self, request: engine.TransferRequest) -> str:
        location = pn.state.location
        page = "" if location is None else f"{location.href or ''}".partition("?")[0].partition("#")[0]
        return f"{page}{request.to_link()}"

    async def _given(self, event: param.parameterized.Event) -> None:
        if event.new:
            take_yaml(self._session, self._file.filename or "the file", event.new)
            self._file.param.update(value=None, filename=None)
            self._dialog.open = False

    async def _close(self, _: Any) -> None:
        self._dialog.open = False
