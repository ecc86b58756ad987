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
_FORMS: tuple[tuple[str, str, Callable[[engine.TransferRequest], str]], ...] = (
    ("Command", "the command", engine.TransferRequest.to_command),
    ("Python", "the lines of Python", engine.TransferRequest.to_python),
    ("YAML", "the YAML", engine.TransferRequest.to_yaml),
    ("Link", "the link", engine.TransferRequest.to_link),
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
        self._boxes = {title: CopyBox(name_of=name) for title, name, _ in _FORMS}
        self._errors = {title: ErrorBox("").view() for title, _, _ in _FORMS}
        self._problem = ErrorBox("").view()
        self._save = SaveFile()
        save = pmui.Button(label="Download the YAML", variant="outlined", on_click=self._saved)
        self._file = pmui.FileInput(
            accept=".yaml,.yml,.txt", label="Open a request in YAML", variant="outlined", sizing_mode="stretch_width"
        )
        self._file.param.watch(self._given, "value")
        parts: list[pn.viewable.Viewable] = [self._problem]
        for title, _, _ in _FORMS:
            heading = pn.pane.HTML(f"<h3>{title}</h3>", sizing_mode="stretch_width", margin=(4, 0, 0, 0))
            parts += [heading, self._boxes[title], self._errors[title]]
        self._dialog = pmui.Dialog(
            *parts,
            self._save,
            pmui.Row(save, self._file, sizing_mode="stretch_width", margin=(16, 0, 0, 0)),
            title="Copy, share or open a request",
            title_variant="h6",
            width_option="md",
            close_on_click=True,
            show_close_button=True,
            scroll="paper",
        )

    def view(self) -> pmui.Dialog:
        """Return the dialog."""
        return self._dialog

    def open(self) -> None:
        """Show the query as it is now."""
        self._fill()
        self._dialog.open = True

    def _fill(self) -> None:
        try:
            request = self._session.query.request()
        except engine.AlertTransferError as exc:
            request, problem = None, exc
        self._problem.param.update(visible=request is None, object="" if request else ErrorBox(problem).html())
        for title, _, form in _FORMS:
            error, text = "", ""
            try:
                text = form(request) if request else ""
            except engine.AlertTransferError as exc:  # too long for a shell, or for a link
                error = ErrorBox(exc).html()
            if title == "Link" and text:
                text = f"{_page()}{text}"
            self._boxes[title].param.update(text=text, visible=bool(text))
            self._errors[title].param.update(object=error, visible=bool(error))

    async def _saved(self, _: Any) -> None:
        if text := self._boxes["YAML"].text:
            await self._save.save("request.yaml", text.encode(), "application/yaml")

    async def _given(self, event: param.parameterized.Event) -> None:
        if event.new:
            take_yaml(self._session, self._file.filename or "the file", event.new)
            self._file.param.update(value=None, filename=None)
            self._dialog.open = False


def _page() -> str:
    """Return the page's address without its query; nothing where the page has none, in a notebook."""
    location = pn.state.location
    return "" if location is None else f"{location.href or ''}".partition("?")[0].partition("#")[0]
