"""The step Filter: classes to keep or to leave out, and conditions, checked while they are typed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import panel as pn
import param

import engine
from ui.dashboard.causes import place_of
from ui.dashboard.chosen_nights import dates_of
from ui.dashboard.class_groups import class_labels, counts_of
from ui.dashboard.components import ButtonRow, ClassPicker, ConditionEditor, FieldTable
from ui.dashboard.estimating import estimator_of
from ui.dashboard.holdings import holdings_of
from ui.dashboard.session import Session
from ui.dashboard.steps.field_rows import condition_rows, function_rows
from ui.dashboard.steps.parts import ProblemPlace, heading, step_paper

__all__ = ["FilterStep"]

_COUNTING = "The alerts of each class are being counted …"
_COUNTED = "The numbers of {} are those of the chosen nights; “alert-transfer archive index” counts all classes."
_ABOUT = (
    "The numbers of {} are estimates from a part of the chosen nights' alerts; "
    "“alert-transfer archive index” counts all of them."
)
_NOT_COUNTED = "How many alerts each class has is not known; “alert-transfer archive index” counts them."
_PAUSE_S = 0.5


class FilterStep:
    """Where classes and conditions are written.

    Parameters
    ----------
    session
        Whose query it is.
    """

    def __init__(self, session: Session):
        self._session, self._query = session, session.query
        self._estimator = estimator_of(session)
        self._is_showing = False
        self._examples: dict[str, str] = {}
        self._counted: tuple[tuple[str, ...], engine.Estimate | Exception | None] | None = None
        self._picker = ClassPicker(margin=(6, 0, 0, 0))
        self._editor = ConditionEditor(label="Conditions", value=self._query.where, margin=(6, 0, 0, 0))
        self._rows = ButtonRow(label="Examples of conditions", margin=(10, 0, 0, 0))
        self._table = FieldTable(title="Fields that a condition can name", margin=(12, 0, 0, 0))
        self._class_problems = ProblemPlace(self._estimator, self._query, "classes")
        self._where_problems = ProblemPlace(self._estimator, self._query, "where")
        self._picker.param.watch(self._chose, ["keep", "leave_out"])
        self._editor.param.watch(self._typed, "value")
        self._rows.on_told(self._took_example)
        self._table.on_told(self._asked)
        self._estimator.param.watch(self._informed, "info")
        self._estimator.param.watch(self._judged, "problem")
        watcher = self._query.param.watch(self._changed, ["source", "nights", "classes", "exclude_classes", "where"])
        session.on_end(lambda: self._query.param.unwatch(watcher))
        self._show_source()
        self._show_query()
        self._mark()

    def view(self) -> pn.viewable.Viewable:
        """Return the step."""
        return step_paper(
            "Filter alerts",
            "Keep the classes of interest, then add conditions on any field of the alerts.",
            heading("Classes"),
            self._picker,
            self._class_problems.column,
            heading("Conditions", "SQL; end each with a semicolon. All of them must hold."),
            self._editor,
            self._where_problems.column,
            self._rows,
            self._table,
        )

    # --- What the user does -------------------------------------------------------------------------------------

    async def _chose(self, *_: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._query.update(classes=list(self._picker.keep), exclude_classes=list(self._picker.leave_out))

    async def _typed(self, event: param.parameterized.Event) -> None:
        if not self._is_showing and event.new != self._query.where:
            self._query.where = event.new

    def _took_example(self, name: str) -> None:
        text, before = self._examples.get(name, ""), self._query.where.rstrip()
        if text not in before:
            self._query.where = f"{before}\n{text}" if before else text

    def _asked(self, told: Any) -> None:
        if isinstance(told, dict) and isinstance(told.get("insert"), str):
            self._editor.insert(told["insert"])

    # --- What is shown ------------------------------------------------------------------------------------------

    async def _informed(self, _: param.parameterized.Event) -> None:
        self._show_labels()

    async def _judged(self, _: param.parameterized.Event) -> None:
        self._mark()

    async def _changed(self, *events: param.parameterized.Event) -> None:
        names = {event.name for event in events}
        if "source" in names:
            self._show_source()
        elif "nights" in names:
            self._show_labels()
        self._show_query()

    def _show_source(self) -> None:
        survey = self._survey()
        self._examples = dict(survey.examples)
        self._rows.buttons = [{"value": name, "label": name, "title": text} for name, text in self._examples.items()]
        self._editor.placeholder = f"{survey.example};" if survey.example else ""
        self._table.fields = []
        self._show_labels()
        self._session.task(self._show_fields())

    def _show_labels(self) -> None:
        try:
            nights = dates_of(self._query.nights)
        except engine.AlertTransferError:
            nights = []
        info = self._estimator.info
        counts: Mapping[str, Mapping[str, int]] = counts_of(info, nights)
        note, is_about = "", False
        if not counts and info is not None:
            counts, note, is_about = self._estimated_counts()
        labels = [label.to_dict() for label in class_labels(self._survey(), counts)]
        # What is the same is not sent to the browser again: it is the largest thing on the page.
        if labels != self._picker.labels:
            self._picker.labels = labels
        self._picker.param.update(note=note, is_about=is_about)

    def _estimated_counts(self) -> tuple[Mapping[str, Mapping[str, int]], str, bool]:
        """Return the counts of an archive without a catalogue, what to know of them, and whether they are estimates."""
        nights = list(self._query.nights)
        key = (self._query.source, *nights)
        if not nights:
            return {}, _NOT_COUNTED, False
        if self._counted is None or self._counted[0] != key:
            self._counted = (key, None)
            self._session.task(self._count_classes(key))
            return {}, _COUNTING, False
        found = self._counted[1]
        if found is None:
            return {}, _COUNTING, False
        if isinstance(found, Exception) or found.class_column is None or not found.per_class:
            return {}, _NOT_COUNTED, False
        text = _COUNTED if found.exact else _ABOUT
        return {found.class_column: found.per_class}, text.format(found.class_column), not found.exact

    async def _count_classes(self, key: tuple[str, ...]) -> None:
        source, *nights = key
        try:
            await asyncio.sleep(_PAUSE_S)  # who brushes over nights is not asked for each of them
            if self._counted is None or self._counted[0] != key:
                return
            found: engine.Estimate | Exception = await holdings_of(self._session.services).class_estimate(
                self._query.sources[source], nights
            )
        except engine.AlertTransferError as exc:
            found = exc  # what is wrong with the nights stands elsewhere
        if self._counted is not None and self._counted[0] == key:
            self._counted = (key, found)
            self._show_labels()

    async def _show_fields(self) -> None:
        source = self._query.sources[self._query.source]
        if not self._editor.functions:
            self._editor.functions = await self._session.services.run(function_rows)
        try:
            fields = await holdings_of(self._session.services).fields(source)
        except engine.AlertTransferError:
            return  # the archive can't be read: the estimate tells so
        if source.name == self._query.source:
            rows = condition_rows(fields)
            self._editor.completions = [row["name"] for row in rows]
            self._table.fields = rows

    def _show_query(self) -> None:
        self._is_showing = True
        try:
            self._picker.param.update(keep=list(self._query.classes), leave_out=list(self._query.exclude_classes))
            self._editor.value = self._query.where
        finally:
            self._is_showing = False

    def _mark(self) -> None:
        """Mark in the editor what is wrong."""
        found = self._where_problems.found if self._where_problems.found is self._estimator.problem else None
        place = place_of(found) if found else None
        self._editor.param.update(mark=list(place or ()), problem=getattr(found, "message", "") if found else "")

    def _survey(self) -> engine.Survey:
        return engine.survey_named(self._query.sources[self._query.source].survey)
