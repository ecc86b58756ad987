"""Plots of the page as SVG: the same file from the same figures, told apart by more than colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from benchmarks.page.beside import Found, beside
from benchmarks.page.tables import axis_of
from benchmarks.page.words import CEILINGS, OURS, SPARKS, factor_text, number_text, share_text

__all__ = ["PLOTS", "write_plots"]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's, which those who see few colours tell apart."""
HATCHES = ("", "////", "\\\\\\\\", "xxx", "---", "|||")
STYLE = {
    "svg.hashsalt": "alert-transfer",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
}
Bars = dict[str, dict[str, float]]
"""Series -> group -> value."""


def write_plots(found: Found, folder: Path, kind: str = "svg") -> list[str]:
    """Draw what there are figures of, in place of what is there; return the names of the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"*.{kind}"):
        path.unlink()
    written = []
    with matplotlib.rc_context(STYLE):
        for name, draw in PLOTS.items():
            drawing = draw(found)
            if drawing is not None:
                metadata = {"Date": None, "Creator": None} if kind == "svg" else None
                drawing.savefig(folder / f"{name}.{kind}", metadata=metadata, bbox_inches="tight")
                written.append(name)
    return written


def bars(
    axes: Axes,
    values: Bars,
    groups: Sequence[str],
    series: Sequence[str],
    text: Callable[[float], str],
    kinds: Sequence[int] = (),
) -> None:
    """Draw horizontal bars, the first group on top, each with its value at its end.

    Parameters
    ----------
    axes
        Where they are drawn.
    values
        Series -> group -> value.
    groups, series
        Their order.
    text
        How a value is written.
    kinds
        Of a single series: the look of each group's bar, by its number.
    """
    height = 0.8 / len(series)
    largest = max(value for one in values.values() for value in one.values())
    for number, name in enumerate(series):
        at = [place for place, group in enumerate(groups) if group in values.get(name, {})]
        widths = [values[name][groups[place]] for place in at]
        looks = [(kinds[place] if kinds else number) % len(HATCHES) for place in at]
        shown = axes.barh(
            [place - 0.4 + height * (number + 0.5) for place in at],
            widths,
            height * 0.92,
            label=name,
            color=[COLOURS[look] for look in looks],
            hatch=[HATCHES[look] for look in looks],
            edgecolor="white",
            linewidth=0.5,
        )
        # On white, since a line may run below.
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        axes.bar_label(shown, [text(width) for width in widths], padding=3, fontsize=7.5, bbox=box, zorder=5)
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, largest * 1.18)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: number_text(value))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def spark(found: Found) -> Drawing | None:
    """Draw how many times as fast as Spark ours is, and at what share of its CPU and memory."""
    cases = [case for case in found.cases("experiments") if OURS in found.whats("experiments", case)]
    series = [name for name in SPARKS if any(name in found.whats("experiments", case) for case in cases)]
    panels = [
        ("faster", "times as many alerts a second", factor_text, "more is better"),
        ("cpu", "share of Spark's processor time", share_text, "less is better"),
        ("memory", "share of Spark's memory", share_text, "less is better"),
    ]
    found_of: dict[str, Bars] = {}
    for quantity, *_ in panels:
        values = {
            name: {case: value for case in cases if (value := getattr(beside(found, case, name), quantity)) is not None}
            for name in series
        }
        if any(values.values()):
            found_of[quantity] = values
    panels = [panel for panel in panels if panel[0] in found_of]
    if not panels:
        return None
    drawing = Drawing(figsize=(10, 0.7 + 0.24 * len(series) * len(cases) + 0.8), layout="constrained")
    for axes, (quantity, title, text, better) in zip(
        drawing.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True
    ):
        bars(axes, found_of[quantity], cases, series, text)
        axes.axvline(1, color="black", linewidth=1, linestyle="--")
        axes.set_xlim(0, max(axes.get_xlim()[1], 1.1))
        axes.set_title(f"{title}\n({better}; the line is Spark)", fontsize=9)
        if quantity != "faster":
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    handles, labels = drawing.axes[0].get_legend_handles_labels()
    drawing.legend(
        handles, [f"beside {label}" for label in labels], loc="outside lower center", ncols=len(series), frameon=False
    )
    return drawing


def ceilings(found: Found) -> Drawing | None:
    """Draw the engine's processor time of an alert, and that of its bare parts, as shares of the engine's."""
    cases = [case for case in found.cases("experiments") if found.median("experiments", case, OURS, "cpu_us")]
    values: Bars = {}
    for name in (OURS, *CEILINGS):
        for case in cases:
            cpu = found.median("experiments", case, name, "cpu_us")
            ours = found.median("experiments", case, OURS, "cpu_us")
            if cpu is not None and ours:
                values.setdefault(name, {})[case] = cpu / ours
    if len(values) < 2:
        return None
    series = list(values)
    drawing = Drawing(figsize=(7, 0.9 + 0.2 * len(series) * len(cases)), layout="constrained")
    axes = drawing.subplots()
    groups = {
        case: f"{case}\n{number_text(found.median('experiments', case, OURS, 'cpu_us') or 0)} µs" for case in cases
    }
    values = {name: {groups[case]: value for case, value in one.items()} for name, one in values.items()}
    bars(axes, values, list(groups.values()), series, share_text)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_title("processor time of an alert, as a share of the engine's", fontsize=9)
    drawing.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawing


def _with_cpu(found: Found, case: str) -> str:
    cpu = found.median("experiments", case, OURS, "cpu_us")
    return case if cpu is None else f"{case}\n{number_text(cpu)} µs"


def rates(found: Found, section: str, quantity: str, title: str) -> Drawing | None:
    """Draw a panel of bars for each case of a section."""
    cases = [
        case
        for case in found.cases(section)
        if sum(found.median(section, case, what, quantity) is not None for what in found.whats(section, case)) > 1
    ]
    if not cases:
        return None
    counts = [len(found.whats(section, case)) for case in cases]
    drawing = Drawing(figsize=(7, 0.7 + 0.28 * sum(counts) + 0.5 * len(cases)), layout="constrained")
    every = drawing.subplots(len(cases), 1, squeeze=False, gridspec_kw={"height_ratios": counts})[:, 0]
    for axes, case in zip(every, cases, strict=True):
        medians = {what: found.median(section, case, what, quantity) for what in found.whats(section, case)}
        values = {what: value for what, value in medians.items() if value is not None}
        kinds = [0 if what.startswith(OURS) else 1 for what in values]
        bars(axes, {"": values}, list(values), [""], number_text, kinds)
        axes.set_title(f"{case}: {title}", fontsize=9, loc="left")
    return drawing


def consumers(found: Found) -> Drawing | None:
    """Draw alerts a second of each consumer."""
    return rates(found, "consumers", "alerts_per_s", "alerts a second, more is better")


def codecs(found: Found) -> Drawing | None:
    """Draw how many times as fast as fastavro encoder and decoder are; of real alerts only if there are no others."""
    values: Bars = {}
    for case in found.cases("codecs"):
        codec, _, group = case.partition(": ")
        rates = [found.median("codecs", case, what, "alerts_per_s") for what in (OURS, "fastavro alone")]
        if rates[0] is not None and rates[1]:
            values.setdefault(codec, {})[group] = rates[0] / rates[1]
    groups = list(dict.fromkeys(group for one in values.values() for group in one))
    groups = [group for group in groups if "real" not in group] or groups
    if not groups:
        return None
    values = {codec: {group: value for group, value in one.items() if group in groups} for codec, one in values.items()}
    drawing = Drawing(figsize=(7, 1.1 + 0.22 * len(values) * len(groups)), layout="constrained")
    axes = drawing.subplots()
    bars(axes, values, groups, list(values), factor_text)
    axes.axvline(1, color="black", linewidth=1, linestyle="--")
    axes.set_title("times as fast as fastavro (the line), more is better", fontsize=9)
    drawing.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawing


def short_text(number: float) -> str:
    """Return a large number as it fits below a tick: "125k", "1M"."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def growth(found: Found) -> Drawing | None:
    """Draw seconds as alerts, fragments and nights grow, both on logarithmic axes."""
    points: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for one in found.figures:
        axis, last = axis_of(one), one.case.rpartition(" ")[2]
        if one.section == "growth" and one.quantity == "seconds" and axis != one.case:
            points.setdefault(axis, {}).setdefault(one.what, []).append((float(last), one.median))
    shown = {axis: {what: its for what, its in by.items() if len(its) > 1} for axis, by in points.items()}
    shown = {axis: by for axis, by in shown.items() if by and axis in ("alerts", "full", "fragments", "nights")}
    if not shown:
        return None
    drawing = Drawing(figsize=(2.9 * max(2, len(shown)), 3.4), layout="constrained")
    every = drawing.subplots(1, len(shown), squeeze=False)[0]
    for axes, (axis, by) in zip(every, shown.items(), strict=True):
        for number, (what, its) in enumerate(by.items()):
            x, y = zip(*sorted(its), strict=True)
            colour, marker = COLOURS[number % len(COLOURS)], "osD^vPX"[number % 7]
            axes.loglog(x, y, marker=marker, label=what, color=colour, linewidth=1.4, markersize=4)
        ticks = sorted({place for its in by.values() for place, _ in its})
        axes.set_xticks(ticks, [short_text(place) for place in ticks], minor=False)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: number_text(value))
        axes.set_xlabel(axis)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.legend(fontsize=7, frameon=False)
    every[0].set_ylabel("seconds")
    return drawing


PLOTS: dict[str, Callable[[Found], Drawing | None]] = {
    "spark": spark,
    "ceilings": ceilings,
    "consumers": consumers,
    "growth": growth,
    "codecs": codecs,
}
