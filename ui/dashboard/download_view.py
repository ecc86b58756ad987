"""The part of the page that hands a small selection of a topic to the browser."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
import param

from engine import AlertTransferError
from ui.dashboard.components import SaveFile
from ui.dashboard.download import FORMS, MOST_ALERTS, MOST_NBYTES, Selection, selection
from ui.dashboard.errors import ErrorBox
from ui.dashboard.job_access import open_job
from ui.dashboard.theme import button_names
from ui.dashboard.words import count_text, size_text

if TYPE_CHECKING:
    from ui.dashboard.session import Session

__all__ = ["DownloadView"]

_NO_MARGIN = (0, 0, 0, 0)
_MEDIA_TYPES = {"Parquet": "application/vnd.apache.parquet", "CSV": "text/csv"}


class DownloadView:
    """Number, form, and the button that downloads.

    Parameters
    ----------
    session
        Whose page it is.
    topic
        Of the job; default: that of the session's job.
    """

    def __init__(self, session: Session, topic: str | None = None):
        self._session = session
        self.topic = topic or session.job or ""
        self._number = pmui.IntInput(
            label="Alerts",
            value=MOST_ALERTS,
            start=1,
            end=MOST_ALERTS,
            step=100,
            size="small",
            width=150,
            margin=_NO_MARGIN,
            theme_config=button_names("Change the number of alerts"),
        )
        self._form = pmui.RadioButtonGroup(options=list(FORMS), value=FORMS[0], size="small", margin=_NO_MARGIN)
        self._button = pmui.Button(label="Download", variant="outlined", margin=_NO_MARGIN)
        self._button.on_click(self._clicked)
        self._file = SaveFile(width=0, height=0, sizing_mode="fixed")
        self._told = pn.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._is_busy = False

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown."""
        text = (
            f"The first alerts of the topic as one file, at most {MOST_ALERTS:,} and {MOST_NBYTES // 1_000_000} MB. "
            "For all of them take the consume command above."
        )
        choices = pmui.FlexBox(
            self._number, self._form, self._button, align_items="center", gap="12px", margin=(8, 0, 0, 0)
        )
        return pn.Column(
            pmui.Typography(text, variant="body2", margin=_NO_MARGIN),
            choices,
            self._file,
            self._told,
            sizing_mode="stretch_width",
            margin=_NO_MARGIN,
        )

    async def _clicked(self, _: param.parameterized.Event) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        self._button.param.update(label="Fetching…", disabled=True)
        try:
            made = await self._session.services.run(self._fetch, self._number.value or 0, self._form.value)
            await self._file.save(made.name, made.content, _MEDIA_TYPES[self._form.value])
            told = f"{made.name}: {count_text(made.num_alerts, 'alert')}, {size_text(len(made.content))}."
            self._told[:] = [pmui.Alert(object=" ".join([told, *made.notes]), severity="success", margin=(8, 0, 0, 0))]
        except AlertTransferError as exc:
            self._told[:] = [ErrorBox(exc).view()]
        finally:
            self._is_busy = False
            self._button.param.update(label="Download", disabled=False)

    def _fetch(self, num_alerts: int, form: str) -> Selection:
        with closing(open_job(self.topic, self._session)) as job:
            is_running = not job.status().is_final
            kafka, options = job.kafka.bootstrap, job.kafka.options
        return selection(
            self.topic, kafka=kafka, kafka_options=options, num_alerts=num_alerts, form=form, is_running=is_running
        )
