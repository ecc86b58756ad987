"""The step Receive: submit the query, then fetch what the job sends, follow the job, and look at its data."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
import param

from engine import TEST_ALERTS, InputError, JobStatus
from ui.dashboard.causes import step_of
from ui.dashboard.components import CopyBox
from ui.dashboard.data_look import DataLook
from ui.dashboard.download_view import DownloadView
from ui.dashboard.errors import ErrorBox
from ui.dashboard.history import HistoryView
from ui.dashboard.monitor import MonitorView
from ui.dashboard.session import STEPS
from ui.dashboard.snippets import consume_command, notebook_snippet, python_snippet
from ui.dashboard.submission import Submission

if TYPE_CHECKING:
    from ui.dashboard.estimating import Estimator
    from ui.dashboard.session import Session

__all__ = ["JobPart", "ReceiveStep", "SubmitButtons"]

_NO_MARGIN = (0, 0, 0, 0)


class SubmitButtons:
    """Test job and Submit job, what is waited for, and why a request was refused.

    Parameters
    ----------
    session
        Whose page it is; all buttons of a session are one submission.
    estimator
        Which knows whether the query is right; without one, that shows when it is submitted.
    """

    def __init__(self, session: Session, estimator: Estimator | None = None):
        self._session, self._estimator = session, estimator
        self._submission = session.shared(Submission)
        # Without a tooltip: its text would be the button's name to a screen reader.
        self._test = pmui.Button(label="Test job", variant="outlined", margin=(4, 12, 4, 0))
        self._submit = pmui.Button(label="Submit job", variant="contained", margin=(4, 0, 4, 0))
        self._test.on_click(self._test_clicked)
        self._submit.on_click(self._submit_clicked)
        self._waits = pn.pane.HTML("", **_pane())
        self._told = pn.Column(**_column())
        self._submission.param.watch(self._changed, ["is_busy", "waits_for", "error", "notes"])
        if estimator is not None:
            estimator.param.watch(self._judged, ["problem", "is_working"])
        self._show()

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown."""
        buttons = pmui.Row(self._test, self._submit, margin=_NO_MARGIN)
        return pn.Column(buttons, self._waits, self._told, **_column())

    async def _judged(self, *_: param.parameterized.Event) -> None:
        self._show()

    async def _test_clicked(self, _: param.parameterized.Event) -> None:
        self._submission.submit(test=True)

    async def _submit_clicked(self, _: param.parameterized.Event) -> None:
        self._submission.submit()

    def _changed(self, *_: param.parameterized.Event) -> None:
        self._show()

    def _show(self) -> None:
        submission = self._submission
        reason = self._reason()
        for button in (self._test, self._submit):
            button.disabled = submission.is_busy or bool(reason)
        text = html.escape(submission.waits_for or reason)
        self._waits.object = f"<p class='faint' role='status'>{text}</p>" if text else ""
        shown: list[pn.viewable.Viewable] = []
        if submission.error is not None:
            shown.append(ErrorBox(submission.error).view())
        elif submission.notes:
            items = "".join(f"<li>{html.escape(note)}</li>" for note in submission.notes)
            shown.append(pn.pane.HTML(f"<ul class='notes'>{items}</ul>", **_pane()))
        self._told[:] = shown

    def _reason(self) -> str:
        """Return why the query can't be submitted; nothing where it can, or where it is not known to be wrong."""
        found, query = self._estimator, self._session.query
        if found is None:
            return ""
        if isinstance(found.problem, InputError):  # of others, an archive that does not answer, one may try again
            step = STEPS[step_of(found.problem, query)]
            return f"No job can be made of the query: it has an error, which the step {step} shows."
        if found.info is not None and not query.nights and not found.is_working:
            return "No job can be made of the query: choose nights in the step Data."
        return ""


class JobPart:
    """All of one job: how to fetch it, how it stands, its data.

    Parameters
    ----------
    session
        Whose page it is.
    topic
        Of the job.
    """

    def __init__(self, session: Session, topic: str):
        self._session = session
        self.topic = topic
        self._monitor = MonitorView(session, topic, on_status=self._read)
        self._look = DataLook(session, topic)
        self._hint = pn.Column(**_column())
        self._fetch = pn.Column(visible=False, **_column())
        self._data = pn.Column(visible=False, **_column())
        self._state: str | None = None

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown, and begin to follow the job."""
        return pn.Column(
            pn.pane.HTML("<h3>Topic</h3>", **_pane()),
            CopyBox(text=self.topic, label="Copy topic", name_of="the topic's name"),
            self._fetch,
            self._hint,
            _section("Monitor your job", self._monitor.view()),
            self._data,
            **_column(),
        )

    def close(self) -> None:
        """Follow the job no more, and look no further."""
        self._monitor.stop()
        self._look.stop()

    def _read(self, status: JobStatus) -> None:
        """Show what there is to do with a job of this state; built once the job proves to be there, and ours."""
        if not len(self._fetch):
            self._fetch[:] = [self._snippets()]
            self._fetch.visible = True
        if not len(self._data) and status.num_alerts_sent:
            self._data[:] = [
                _section("Look at the data", self._look.view()),
                _section("Download some", DownloadView(self._session, self.topic).view()),
            ]
            self._data.visible = True
        if status.state != self._state:
            self._state = status.state
            self._hint[:] = self._hints(status)

    def _snippets(self) -> pn.viewable.Viewable:
        kafka = self._session.services.kafka
        made = (
            ("Command line", consume_command(self.topic, kafka), "the consume command"),
            ("Python", python_snippet(self.topic, kafka), "the lines of Python"),
            ("Notebook", notebook_snippet(self.topic, kafka), "the notebook's cell"),
        )
        boxes = [(title, CopyBox(text=text, name_of=name)) for title, text, name in made]
        return pn.Column(
            pn.pane.HTML("<h3>Fetch it</h3>", **_pane()),
            pmui.Tabs(*boxes, dynamic=True, sizing_mode="stretch_width", margin=_NO_MARGIN),
            **_column(),
        )

    def _hints(self, status: JobStatus) -> list[pn.viewable.Viewable]:
        if status.state == "empty":
            change = pmui.Button(label="Change the conditions", variant="outlined", margin=(4, 0, 4, 0))
            change.on_click(self._to_filter)
            text = "The nights hold no alert that meets what was asked for, so the topic holds none."
            return [pn.pane.HTML(f"<p>{text}</p>", **_pane()), change]
        if status.state == "complete" and "_test_" in self.topic:
            text = f"This was a test job: the first {TEST_ALERTS} alerts at most. Submit job sends all of them."
            return [pn.pane.HTML(f"<p class='hint'>{text}</p>", **_pane())]
        return []

    async def _to_filter(self, _: param.parameterized.Event) -> None:
        self._session.step = 1


class ReceiveStep:
    """The step Receive.

    Parameters
    ----------
    session
        Whose page it is.
    """

    def __init__(self, session: Session):
        self._session = session
        self._part: JobPart | None = None
        self._place = pn.Column(**_column())
        self._history: HistoryView | None = None
        self._history_place = pn.Column(**_column())
        self._jobs = pmui.Accordion(
            ("Your jobs", self._history_place),
            active=[],
            title_variant="subtitle1",
            sizing_mode="stretch_width",
            margin=(16, 0, 0, 0),
        )
        self._jobs.param.watch(self._jobs_opened, "active")
        session.param.watch(self._job_changed, "job")
        session.on_end(self._close)

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown."""
        self._show()
        text = "Kafka keeps the alerts of a topic for 4 days. Fetch them with the consumer, wherever you want them."
        return pmui.Paper(
            pn.pane.HTML(f"<h2>Receive your alerts</h2><p class='faint'>{text}</p>", **_pane()),
            self._place,
            self._jobs,
            sizing_mode="stretch_width",
            margin=_NO_MARGIN,
            sx={"p": {"xs": 2, "sm": 3}},
        )

    def _show(self) -> None:
        self._close()
        topic = self._session.job
        if not topic:
            text = (
                f"No job yet. In the summary, Test job sends the first {TEST_ALERTS} alerts the whole way, and Submit "
                "job all of them. How to fetch what they send stands here then."
            )
            self._place[:] = [pn.pane.HTML(f"<p class='hint'>{text}</p>", **_pane())]
            return
        self._part = JobPart(self._session, topic)
        self._place[:] = [self._part.view()]

    def _close(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None

    def _job_changed(self, _: param.parameterized.Event) -> None:
        self._show()

    async def _jobs_opened(self, event: param.parameterized.Event) -> None:
        if event.new and self._history is None:
            self._history = HistoryView(self._session)
            self._history_place[:] = [self._history.view()]


def _section(title: str, content: pn.viewable.Viewable) -> pn.viewable.Viewable:
    return pn.Column(pn.pane.HTML(f"<h3>{title}</h3>", **_pane()), content, **_column())


def _pane() -> dict[str, object]:
    return {"sizing_mode": "stretch_width", "margin": _NO_MARGIN, "stylesheets": [_STYLE]}


def _column() -> dict[str, object]:
    return {"sizing_mode": "stretch_width", "margin": _NO_MARGIN}


_STYLE = """
:host { color: var(--mui-palette-text-primary, inherit); font-size: 14px; }
h2 { font-size: 18px; font-weight: 600; margin: 0 0 6px; }
h3 { font-size: 15px; font-weight: 600; margin: 20px 0 8px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
.faint, .hint { color: var(--mui-palette-text-secondary, #5d6470); }
.notes { margin: 8px 0; padding-left: 18px; font-size: 13px; overflow-wrap: anywhere; }
"""
