"""How many alerts of which class each night has, and the plot of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, FactorRange, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

__all__ = ["NO_CLASS", "OTHERS", "ClassesOfNights", "NightBars", "PerNightPlot", "legend_of", "nights_of"]

NO_CLASS = "no class"
OTHERS = "other classes"
_MOST_LABELS = 500
_MOST_NIGHTS = 2_000
_MOST_SHOWN_NIGHTS = 60
_MOST_SHOWN_CLASSES = 6
_MOST_CHARACTERS = 40
_LENGTH_OF_MONTH, _LENGTH_OF_NIGHT = len("2021-11"), len("2021-11-22")
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
    def is_by_month(self) -> bool:
        """Whether a span is a month."""
        return bool(self.spans) and len(self.spans[0]) == _LENGTH_OF_MONTH


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
        length = _LENGTH_OF_MONTH if len(self._nights) > _MOST_SHOWN_NIGHTS else _LENGTH_OF_NIGHT
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
    if length == _LENGTH_OF_MONTH or not spans:
        return spans
    first, last = dt.date.fromisoformat(spans[0]), dt.date.fromisoformat(spans[-1])
    if (last - first).days >= _MOST_SHOWN_NIGHTS:
        return spans
    return [str(first + dt.timedelta(days=number)) for number in range((last - first).days + 1)]


class PerNightPlot:
    """Bars of alerts by night, in parts by class; its legend is `legend_of`, in words.

    Parameters
    ----------
    colours
        Of the classes, the most frequent first; the last is that of `OTHERS`.
    """

    def __init__(self, colours: Sequence[str]):
        self._names = [f"c{place}" for place in range(len(colours))]
        self._source = ColumnDataSource(self._columns(NightBars(spans=[], counts={})))
        self._range = FactorRange()
        self.figure = figure(
            height=240,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
            x_range=self._range,
            x_axis_label="night (UTC)",
            y_axis_label="alerts",
        )
        # All bars that there may be, from the first on: a figure whose parts change is laid out anew.
        stacked = self.figure.vbar_stack(
            self._names, x="span", width=0.85, source=self._source, color=list(colours), line_color="white"
        )
        for name, bar in zip(self._names, stacked, strict=True):
            # The label is looked up: as a part of the template it would be HTML.
            told = [("night", "@span"), ("class", f"@{name}_label"), ("alerts", f"@{name}{{0,0}}")]
            self.figure.add_tools(HoverTool(renderers=[bar], tooltips=told))
        self.figure.y_range.start = 0
        self.figure.xgrid.visible = False
        self.figure.xaxis.major_label_orientation = 0.9
        self.figure.yaxis.ticker = BasicTicker(min_interval=1)  # there is no half an alert
        self.figure.yaxis.formatter = NumeralTickFormatter(format="0,0")

    def _columns(self, bars: NightBars) -> dict[str, list[str] | list[int]]:
        """Return what the bars are drawn of. Names of columns are numbers, since a label may be any text."""
        columns: dict[str, list[str] | list[int]] = {"span": bars.spans}
        labels = [label for label in bars.counts if label != OTHERS]
        for place, name in enumerate(self._names):
            label = OTHERS if name == self._names[-1] else labels[place] if place < len(labels) else ""
            columns[name] = bars.counts.get(label, [0] * len(bars.spans))
            columns[f"{name}_label"] = [label] * len(bars.spans)
        return columns

    def show(self, bars: NightBars) -> None:
        """Draw other bars."""
        self._range.factors = bars.spans
        self.figure.xaxis.axis_label = "month (UTC)" if bars.is_by_month else "night (UTC)"
        self._source.data = self._columns(bars)


def legend_of(bars: NightBars, colours: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return the colour, the label and the alerts of each class, as `PerNightPlot` of these colours draws them."""
    labels = [label for label in bars.counts if label != OTHERS]
    found = [(colours[place], label, sum(bars.counts[label])) for place, label in enumerate(labels)]
    if OTHERS in bars.counts:
        found.append((colours[-1], OTHERS, sum(bars.counts[OTHERS])))
    return found
