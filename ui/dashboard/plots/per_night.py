"""How many alerts of which class each night has, and the plot of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

__all__ = ["NO_CLASS", "OTHERS", "ClassesOfNights", "NightBars", "PerNightPlot", "nights_of"]

NO_CLASS = "no class"
OTHERS = "other classes"
_MOST_LABELS = 500
_MOST_NIGHTS = 2_000
_MOST_SHOWN_NIGHTS = 60
_MOST_SHOWN_CLASSES = 6
_MOST_CHARACTERS = 40
_UNIX_EPOCH_MJD = 40_587
_MJD_ZERO_JD = 2_400_000.5
_TAI_AHEAD_S = 37.0
"""Of UTC since 2017. Before that a second less or more; the plot does not show that."""
_ANY_DAY = np.datetime64("NaT", "D")


def nights_of(times: np.ndarray, time_scale: str) -> np.ndarray:
    """Return the UTC dates of times, `datetime64[D]`; not a time (NaT) where there is none, or none of our era.

    Parameters
    ----------
    times
        Days, as the plan's time scale counts them, float64, shape (n,).
    time_scale
        As a plan has it: `jd_utc`, `mjd_tai` and the like.
    """
    counted, _, scale = time_scale.partition("_")
    mjd = times - _MJD_ZERO_JD if counted == "jd" else times
    days = np.floor(mjd - (_TAI_AHEAD_S / 86_400 if scale == "tai" else 0.0)) - _UNIX_EPOCH_MJD
    is_known = np.isfinite(days) & (np.abs(days) < 365_000)
    return np.where(is_known, np.where(is_known, days, 0).astype(np.int64).astype("datetime64[D]"), _ANY_DAY)


@dataclass(frozen=True, kw_only=True)
class NightBars:
    """Alerts of each class in each night, or month."""

    spans: list[str]
    """`2021-11-22`, or `2021-11` where there are many nights; in order."""
    counts: dict[str, list[int]]
    """Of each class that is shown, one a span: the most frequent first, then `OTHERS`."""

    @property
    def text(self) -> str:
        """What the plot shows, in words."""
        totals = sorted(((sum(of), label) for label, of in self.counts.items()), reverse=True)
        what = "month" if self.spans and len(self.spans[0]) == 7 else "night"
        spans = f"{len(self.spans):,} {what}{'' if len(self.spans) == 1 else 's'}"
        return f"{spans}; " + ", ".join(f"{count:,} {label}" for count, label in totals) + "."


@dataclass(kw_only=True)
class ClassesOfNights:
    """Counts alerts by night and class, in memory that does not grow beyond some hundred labels and thousand nights."""

    num_without_night: int = 0
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _labels: set[str] = field(default_factory=set)
    _nights: set[str] = field(default_factory=set)

    def add(self, nights: np.ndarray, labels: Iterable[str | None]) -> None:
        """Count further alerts by their nights, as `nights_of` gives them, and their labels."""
        for (night, label), number in Counter(zip(map(str, nights), labels, strict=True)).items():
            if night == "NaT" or (night not in self._nights and len(self._nights) >= _MOST_NIGHTS):
                self.num_without_night += number
                continue
            self._nights.add(night)
            self._counts[night, self._held(label)] += number

    def _held(self, label: str | None) -> str:
        if not label:
            return NO_CLASS
        label = label if len(label) <= _MOST_CHARACTERS else label[: _MOST_CHARACTERS - 1] + "…"
        if label not in self._labels and len(self._labels) >= _MOST_LABELS:
            return OTHERS
        self._labels.add(label)
        return label

    def bars(self) -> NightBars:
        """Return the bars: by month where there are many nights, the most frequent classes and the others."""
        length = len("2021-11") if len(self._nights) > _MOST_SHOWN_NIGHTS else len("2021-11-22")
        spans = _spans(sorted(self._nights), length)
        totals: Counter[str] = Counter()
        for (_, label), number in self._counts.items():
            totals[label] += number
        # `OTHERS` may be a label that was held: it is shown last.
        frequent = [label for label, _ in totals.most_common() if label != OTHERS][:_MOST_SHOWN_CLASSES]
        place = {span: number for number, span in enumerate(spans)}
        counts = {label: [0] * len(spans) for label in [*frequent, OTHERS]}
        for (night, label), number in self._counts.items():
            counts[label if label in counts else OTHERS][place[night[:length]]] += number
        if not any(counts[OTHERS]):
            del counts[OTHERS]
        return NightBars(spans=spans, counts=counts)


def _spans(nights: list[str], length: int) -> list[str]:
    """Return the nights, or their months; nights without an alert between close ones are bars of no height."""
    spans = list(dict.fromkeys(night[:length] for night in nights))
    if length != len("2021-11-22") or not spans:
        return spans
    first, last = dt.date.fromisoformat(spans[0]), dt.date.fromisoformat(spans[-1])
    if (last - first).days >= _MOST_SHOWN_NIGHTS:
        return spans
    return [str(first + dt.timedelta(days=number)) for number in range((last - first).days + 1)]


class PerNightPlot:
    """Bars of alerts by night, in parts by class.

    Parameters
    ----------
    colours
        Of the classes, the most frequent first; the last is that of `OTHERS`.
    """

    def __init__(self, colours: list[str]):
        self._colours = colours
        self._labels: list[str] = []
        self._source = ColumnDataSource({"span": []})
        self._range = FactorRange()
        self.figure = figure(
            height=260,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
            x_range=self._range,
            x_axis_label="night (UTC)",
            y_axis_label="alerts",
        )
        self.figure.y_range.start = 0
        self.figure.xgrid.visible = False
        self.figure.xaxis.major_label_orientation = 0.9
        self.figure.yaxis.formatter = NumeralTickFormatter(format="0,0")

    def show(self, bars: NightBars) -> None:
        """Draw other bars."""
        labels = list(bars.counts)
        # Names of columns are numbers: a label may be any text, that of the column of nights too.
        data: dict[str, list[str] | list[int]] = {f"c{place}": bars.counts[label] for place, label in enumerate(labels)}
        if labels != self._labels:
            self.figure.renderers = []
            if self.figure.legend:
                self.figure.legend[0].items = []
        texts = {f"{name}_label": [label] * len(bars.spans) for name, label in zip(data, labels, strict=True)}
        self._source.data = {"span": bars.spans, **data, **texts}
        self._range.factors = bars.spans
        self.figure.xaxis.axis_label = "month (UTC)" if bars.spans and len(bars.spans[0]) == 7 else "night (UTC)"
        if labels == self._labels:
            return
        self._labels = labels
        names = list(data)
        colours = [
            self._colours[-1] if label == OTHERS else self._colours[place % (len(self._colours) - 1)]
            for place, label in enumerate(labels)
        ]
        stacked = self.figure.vbar_stack(
            names,
            x="span",
            width=0.85,
            source=self._source,
            color=colours,
            line_color="white",
            legend_label=labels,
        )
        self.figure.tools = [
            HoverTool(renderers=[bar], tooltips=_tooltips(name)) for name, bar in zip(names, stacked, strict=True)
        ]
        self.figure.legend.orientation = "horizontal"
        self.figure.legend.ncols = 3
        if self.figure.legend and self.figure.legend[0] not in self.figure.above:
            self.figure.add_layout(self.figure.legend[0], "above")


def _tooltips(name: str) -> list[tuple[str, str]]:
    # The label is looked up: as a part of the template it would be HTML.
    return [("night", "@span"), ("class", f"@{name}_label"), ("alerts", f"@{name}{{0,0}}")]
