"""Names and numbers as the page shows them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

__all__ = [
    "CEILINGS",
    "COLD",
    "OURS",
    "QUANTITIES",
    "REST",
    "SPARKS",
    "factor_text",
    "number_text",
    "ordered",
    "quantity_text",
    "share_text",
    "span_text",
    "table",
    "wrapped",
]

OURS = "alert-transfer"
SPARKS = ("Spark as the service runs it", "Spark without its class UDFs", "Spark, tuned")
COLD = "alert-transfer, from cold"
"""Ours as a whole command with a cluster of its own, as Spark is measured."""
CEILINGS = ("bare parts", "bare pyarrow", "labels alone", "encode alone", "bare librdkafka")
REST = ("fastavro alone", "fastavro, into Arrow", "fink-client")

QUANTITIES = {
    "num_alerts": "alerts",
    "alerts_per_s": "alerts/s",
    "sent_per_s": "sent/s",
    "mb_per_s": "MB/s",
    "seconds": "s",
    "write_s": "write alone, s",
    "cold_s": "from cold, s",
    "first_alert_s": "first alert, s",
    "cpu_us": "CPU µs an alert",
    "cpu_s": "CPU s",
    "cpu_ms_a_fragment": "CPU ms a fragment",
    "peak_mb": "largest process, MB",
    "peak_sum_mb": "all processes, MB",
    "worker_peak_mb": "worker, MB",
    "scheduler_peak_mb": "scheduler, MB",
    "submitter_peak_mb": "submitter, MB",
    "bytes_read": "bytes read",
    "requests": "requests",
    "ratio": "ratio",
}
"""Quantities that have a name of their own on the page, in the order of its columns."""


def quantity_text(quantity: str) -> str:
    """Return the head of a quantity's column; unknown ones by their names, with the unit after a comma."""
    if quantity in QUANTITIES:
        return QUANTITIES[quantity]
    units = {"_per_s": "/s", "_ms": ", ms", "_us": ", µs", "_s": ", s", "_mb": ", MB", "_gb": ", GB"}
    for ending, unit in units.items():
        if quantity.endswith(ending):
            return quantity.removesuffix(ending).replace("_", " ") + unit
    return quantity.replace("_", " ")


def number_text(value: float) -> str:
    """Return a number with three digits at least, and with no more where they tell nothing."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.1:
        return f"{value:.2f}"
    return f"{value:.2g}"


def factor_text(value: float) -> str:
    """Return how many times: "3.4", "12", "0.85"."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 1.05 else f"{value:.2f}"


def share_text(value: float) -> str:
    """Return a share in percent."""
    return f"{value * 100:.0f} %" if value >= 0.02 else f"{value * 100:.1f} %"


def span_text(texts: Sequence[str]) -> str:
    """Return the first and last of texts in their order, once if they are the same: "3.4 to 6.1"."""
    first, last = texts[0], texts[-1]
    if first == last:
        return first
    return f"{first.removesuffix(' %')} to {last}" if first.endswith(" %") else f"{first} to {last}"


def ordered(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return names once each: known ones in their order, others after them as they come."""
    seen = list(dict.fromkeys(names))
    return [name for name in known if name in seen] + [name for name in seen if name not in known]


def wrapped(text: str, indent: str = "") -> list[str]:
    """Return a paragraph's lines, as long as the project's pages have them; an item's are indented below its mark."""
    return textwrap.wrap(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; columns that are empty in each row are left out."""
    rows = list(rows)
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line[at] for at in kept) + " |" for line in lines]
