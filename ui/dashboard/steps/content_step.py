"""The step Content: what of each alert is sent, with the size of an alert."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui
import param

import engine
from ui.dashboard.components import ChoiceCards, FieldTable
from ui.dashboard.contents import CONTENT_TEXTS, CONTENT_TITLES
from ui.dashboard.estimating import estimator_of
from ui.dashboard.holdings import holdings_of
from ui.dashboard.session import Session
from ui.dashboard.steps.field_rows import content_rows
from ui.dashboard.steps.parts import ProblemPlace, heading, step_paper
from ui.dashboard.words import size_text

__all__ = ["ContentStep"]

_LIMIT_HINT = "At most so many alerts: the first that match, in the order of the archive."


class ContentStep:
    """Where the content is chosen.

    Parameters
    ----------
    session
        Whose query it is.
    """

    def __init__(self, session: Session):
        self._session, self._query = session, session.query
        self._estimator = estimator_of(session)
        self._is_showing = False
        self._sizes: dict[str, float] = {}
        self._contents = ChoiceCards(
            label="Content", value=self._query.content, cards=self._cards(), margin=(12, 0, 0, 0)
        )
        self._table = FieldTable(
            title="Fields to send", chooses=True, is_open=True, chosen=self._query.fields, margin=(12, 0, 0, 0)
        )
        self._limit = pmui.TextInput(
            label="Limit",
            placeholder="no limit",
            helper_text=_LIMIT_HINT,
            width=300,
            margin=(8, 0, 0, 0),
        )
        self._problems = ProblemPlace(self._estimator, self._query, "fields")
        self._contents.param.watch(self._chose_content, "value")
        self._table.param.watch(self._chose_fields, "chosen")
        self._limit.param.watch(self._limited, "value")
        self._estimator.param.watch(self._estimated, "estimate")
        watcher = self._query.param.watch(self._changed, ["source", "content", "fields", "limit"])
        session.on_end(lambda: self._query.param.unwatch(watcher))
        self._show_source()
        self._show_query()

    def view(self) -> pn.viewable.Viewable:
        """Return the step."""
        return step_paper(
            "Choose the content",
            "What is sent of each alert. The filter looks at all fields, whatever is sent.",
            self._contents,
            self._table,
            self._problems.column,
            heading("How many"),
            self._limit,
        )

    # --- What the user does -------------------------------------------------------------------------------------

    async def _chose_content(self, event: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._query.content = event.new

    async def _chose_fields(self, event: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._query.fields = list(event.new)

    async def _limited(self, event: param.parameterized.Event) -> None:
        if self._is_showing:
            return
        digits = "".join(event.new.split()).replace(",", "")
        is_number = digits.isdecimal() and int(digits) > 0
        is_wrong = bool(digits) and not is_number
        kept = "none" if self._query.limit is None else f"{self._query.limit:,}"
        hint = f"That is no number of alerts; the limit is still {kept}." if is_wrong else _LIMIT_HINT
        self._limit.param.update(error_state=is_wrong, helper_text=hint)
        if is_number or not digits:
            self._query.limit = int(digits) if digits else None

    # --- What is shown ------------------------------------------------------------------------------------------

    async def _changed(self, *events: param.parameterized.Event) -> None:
        if any(event.name == "source" for event in events):
            self._show_source()
        self._show_query()

    async def _estimated(self, _: param.parameterized.Event) -> None:
        found = self._estimator.estimate
        if found is not None and found.alert_nbytes is not None:
            self._sizes[self._query.content] = found.alert_nbytes
            self._contents.cards = self._cards()

    def _show_query(self) -> None:
        self._is_showing = True
        try:
            self._contents.value = self._query.content
            self._table.param.update(chosen=list(self._query.fields), visible=self._query.content == "fields")
            if not self._limit.error_state:
                self._limit.value = "" if self._query.limit is None else f"{self._query.limit:,}"
        finally:
            self._is_showing = False

    def _show_source(self) -> None:
        self._sizes, self._table.fields = {}, []
        self._contents.cards = self._cards()
        self._session.task(self._measure())
        self._session.task(self._read_fields())

    async def _measure(self) -> None:
        source = self._query.sources[self._query.source]
        try:
            sizes = await holdings_of(self._session.services).alert_sizes(source)
        except engine.AlertTransferError:
            return  # nothing can be measured; what is wrong stands elsewhere
        if source.name == self._query.source:
            self._sizes = {**sizes, **self._sizes}
            self._contents.cards = self._cards()

    async def _read_fields(self) -> None:
        source = self._query.sources[self._query.source]
        try:
            fields = await holdings_of(self._session.services).fields(source)
        except engine.AlertTransferError:
            return  # likewise
        if source.name == self._query.source:
            self._table.fields = content_rows(fields)

    def _cards(self) -> list[dict[str, str]]:
        return [
            {"value": content, "title": title, "text": CONTENT_TEXTS[content], "note": self._size_note(content)}
            for content, title in CONTENT_TITLES.items()
        ]

    def _size_note(self, content: str) -> str:
        size = self._sizes.get(content)
        if size is None:
            return "as large as what you choose" if content == "fields" else "size not known yet"
        return f"about {size_text(round(size))} an alert"
