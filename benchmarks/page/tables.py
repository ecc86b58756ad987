"""Tables of the page: made of figures alone, each with the columns and rows that were measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.capacity import capacity_lines
from benchmarks.figures import Figure
from benchmarks.page.beside import Found, beside
from benchmarks.page.words import (
    CEILINGS,
    COLD,
    OURS,
    QUANTITIES,
    REST,
    SPARKS,
    factor_text,
    number_text,
    ordered,
    quantity_text,
    share_text,
    table,
)
from benchmarks.running.results import spread

__all__ = ["axis_of", "ceilings", "codecs", "consumers", "experiments", "growth", "plain", "store"]


def plain(found: Found, section: str, *, skipped: Sequence[str] = (), only: Sequence[str] = ()) -> list[str]:
    """Return a table with a row for each case and who was measured, and a column for each quantity."""
    chosen = [one for one in found.figures if one.section == section]
    chosen = [one for one in chosen if one.what not in skipped and (not only or one.what in only)]
    return _table_of(chosen)


def _table_of(figures: Sequence[Figure], *, case_head: str = "case") -> list[str]:
    if not figures:
        return []
    quantities = ordered((one.quantity for one in figures), list(QUANTITIES))
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    for one in figures:
        rows.setdefault((one.case, one.what), {})[one.quantity] = one
    whats = ordered((what for _, what in rows), (OURS, COLD, *SPARKS, *CEILINGS))
    cases = ordered((case for case, _ in rows), ())
    order = sorted(rows, key=lambda row: (cases.index(row[0]), whats.index(row[1])))
    head = [case_head, "what", *map(quantity_text, quantities), "spread"]
    return table(
        head,
        (
            [
                _below(case, case_head),
                what if whats != [OURS] else "",
                *(
                    number_text(rows[case, what][quantity].median) if quantity in rows[case, what] else ""
                    for quantity in quantities
                ),
                spread_text(rows[case, what].values()),
            ]
            for case, what in order
        ),
    )


def _below(case: str, head: str) -> str:
    """Return a case as it stands in a column that already says the first of its words."""
    rest = case.removeprefix(f"{head} ")
    return f"{int(rest):,}" if rest.isdigit() else rest


def spread_text(figures: Iterable[Figure]) -> str:
    """Return the largest spread of figures; empty for single runs."""
    apart = [value for one in figures if (value := spread(one)) is not None]
    return share_text(max(apart)) if apart and max(apart) else ("0 %" if apart else "")


def experiments(found: Found, section: str) -> list[str]:
    """Return ours and Spark's figures, and ours beside each of Spark's variants."""
    lines = plain(found, section, skipped=CEILINGS)
    others = [
        beside(found, case, other)
        for case in found.cases(section)
        for other in ordered(found.whats(section, case), SPARKS)
        if other in SPARKS and OURS in found.whats(section, case)
    ]
    if not others:
        return lines
    head = [
        "alert-transfer in",
        "beside",
        "times as many alerts/s",
        "its CPU",
        "its memory",
        "its time to the first alert",
        "its time from cold",
    ]

    def share(value: float | None) -> str:
        return "" if value is None else share_text(value)

    rows = [
        [
            one.case,
            one.other,
            "" if one.faster is None else factor_text(one.faster),
            *map(share, (one.cpu, one.memory, one.first, one.cold)),
        ]
        for one in others
    ]
    return [*lines, "", *table(head, rows)]


def ceilings(found: Found, section: str) -> list[str]:
    """Return the bare parts, and the engine's share of each and of their sum."""
    rows = []
    for case in found.cases(section):
        cpu, rate = (found.median(section, case, OURS, quantity) for quantity in ("cpu_us", "alerts_per_s"))
        for what in ordered(found.whats(section, case), CEILINGS):
            if what not in CEILINGS:
                continue
            bare_cpu, bare_rate = (found.median(section, case, what, name) for name in ("cpu_us", "alerts_per_s"))
            mb = found.median(section, case, what, "mb_per_s")
            rows.append(
                [
                    case,
                    what,
                    "" if bare_cpu is None else number_text(bare_cpu),
                    "" if bare_cpu is None or not cpu else share_text(bare_cpu / cpu),
                    "" if bare_rate is None else number_text(bare_rate),
                    "" if not bare_rate or rate is None else share_text(rate / bare_rate),
                    "" if mb is None else number_text(mb),
                ]
            )
    head = [
        "experiment",
        "alone",
        "CPU µs an alert",
        "its share of the engine's CPU",
        "alerts/s",
        "the engine's rate, of it",
        "MB/s",
    ]
    return table(head, rows) if rows else []


def consumers(found: Found, section: str) -> list[str]:
    """Return what fetched a topic, and ours beside the others."""
    lines = plain(found, section, skipped=["topic"])
    rows = []
    for case in found.cases(section):
        whats = found.whats(section, case)
        for other in whats:
            if OURS in whats and other != "topic" and not other.startswith(OURS):
                one = beside(found, case, other, section=section)
                times = "" if one.faster is None else factor_text(one.faster)
                shares = ["" if value is None else share_text(value) for value in (one.cpu, one.memory)]
                rows.append([case, other, times, *shares])
    if not rows:
        return lines
    return [*lines, "", *table(["alert-transfer on", "beside", "times as fast", "its CPU", "its memory"], rows)]


def codecs(found: Found, section: str) -> list[str]:
    """Return a table for each codec, `<codec>: <case>`, with a line a case and the others beside ours in it."""
    by_codec: dict[str, list[str]] = {}
    for case in found.cases(section):
        by_codec.setdefault(case.partition(":")[0], []).append(case)
    lines: list[str] = []
    for codec, cases in by_codec.items():
        others = ordered((what for case in cases for what in found.whats(section, case) if what != OURS), REST)
        head = [codec, "alerts/s", "MB/s", "peak MB"]
        head += [text for other in others for text in (f"{other}: alerts/s", f"ours beside {other}")]
        rows = []
        for case in cases:
            mine = found.median(section, case, OURS, "alerts_per_s")
            row = [case.partition(":")[2].strip() or case]
            for quantity in ("alerts_per_s", "mb_per_s", "peak_mb"):
                value = found.median(section, case, OURS, quantity)
                row.append("" if value is None else number_text(value))
            for other in others:
                rate = found.median(section, case, other, "alerts_per_s")
                row.append("" if rate is None else number_text(rate))
                row.append("" if not rate or mine is None else factor_text(mine / rate))
            rows.append(row)
        lines += ["", *table(head, rows)]
    return lines[1:]


def store(found: Found, section: str) -> list[str]:
    """Return what was read and asked of a store in each case, beside what was needed, and what was asked for."""
    columns = (
        ("s", OURS, "seconds", 1.0),
        ("at most, s", "asked for", "seconds", 1.0),
        ("fetched alone, s", "fetched alone", "seconds", 1.0),
        ("CPU s", OURS, "cpu_s", 1.0),
        ("MB read", OURS, "bytes_read", 1e-6),
        ("of what is needed", OURS, "ratio", 1.0),
        ("requests", OURS, "requests", 1.0),
        ("CPU s of server and proxy", "server and proxy", "cpu_s", 1.0),
    )
    rows = []
    for case in found.cases(section):
        medians = [found.median(section, case, what, quantity) for _, what, quantity, _ in columns]
        texts = [
            "" if value is None else number_text(value * times)
            for value, (*_, times) in zip(medians, columns, strict=True)
        ]
        mine = [one for one in found.figures if (one.section, one.case, one.what) == (section, case, OURS)]
        rows.append([case, *texts, spread_text(mine)])
    return table(["case", *(head for head, *_ in columns), "spread"], rows) if rows else []


GROWN = (
    "alerts_per_s",
    "seconds",
    "cpu_s",
    "cpu_us",
    "cpu_ms_a_fragment",
    "peak_mb",
    "worker_peak_mb",
    "scheduler_peak_mb",
    "submitter_peak_mb",
)
"""What the page shows of a job that grows; the JSON has more."""


def growth(found: Found, section: str) -> list[str]:
    """Return a table for each axis, `<axis> <number>`, what is fixed and what each one more takes; then capacity."""
    figures = [one for one in found.figures if one.section == section]
    shown = [one for one in figures if one.quantity in GROWN]
    by_axis: dict[str, list[Figure]] = {}
    for one in shown:
        if one.what != "fitted":
            by_axis.setdefault(axis_of(one), []).append(one)
    capacity = capacity_lines(figures)
    lines: list[str] = []
    for axis, its in by_axis.items():
        for mine in (True, False):
            if some := [one for one in its if (one.what == OURS) == mine]:
                lines += ["", *_table_of(some, case_head=axis)]
        if mine_fitted := [one for one in figures if one.what == "fitted" and one.case == axis]:
            lines += ["", f"Fitted through these, by {axis}:", "", *_fitted(mine_fitted)]
    return [*lines, *([""] if capacity else []), *capacity][1:]


def axis_of(figure: Figure) -> str:
    """Return what grows: the case without its last word, if that is a number."""
    axis, _, last = figure.case.rpartition(" ")
    return axis if axis and last.replace(".", "", 1).isdigit() else figure.case


def _fitted(figures: Sequence[Figure]) -> list[str]:
    medians = {one.quantity: one.median for one in figures}
    names = ordered((name.partition("_")[2] for name in medians), list(QUANTITIES))
    # Seconds have a unit in each cell: some are seconds, some microseconds.
    heads = {"seconds": "time", "cpu_s": "CPU"}
    head = ["", *(heads.get(name, quantity_text(name).removesuffix(", s")) for name in names)]
    rows = []
    for text, part in {"fixed": "fixed", "each one more": "each"}.items():
        values = [(name, medians.get(f"{part}_{name}")) for name in names]
        rows.append([text, *("" if value is None else _with_unit(value, name) for name, value in values)])
    return table(head, rows)


def _with_unit(value: float, quantity: str) -> str:
    if quantity != "seconds" and not quantity.endswith("_s"):
        return number_text(value)
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size / 10:
            return f"{number_text(value / size)} {unit}"
    return f"{number_text(value * 1e6)} µs"
