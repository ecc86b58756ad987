"""The receipt of a job as people read it: short, whatever the job's size."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence

from consumer.receipt.bounds import bounds_lines
from consumer.receipt.receipt import Counts, OnDisk, Receipt, add_counts
from consumer.settings import one_line
from consumer.wire import LeftOut
from consumer.words import count_text, on_one_line, printable, verb_text

__all__ = ["receipt_text"]

_NIGHTS_SHOWN = 40
_ITEMS_SHOWN = 10
_MARGIN = 12
_HEAD = ("in archive", "selected", "sent", "acknowledged", "duplicates", "left out")


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt as text: nights one by one while they are few, else by year; lists cut after ten items."""
    totals = receipt.totals
    files = f"{totals.num_files + totals.num_files_left_out:,} of the archive"
    unread = sum(file["read"] != "whole" for file in receipt.files) + totals.num_files_left_out
    files += f", {unread:,} of them not read or not to the end" if unread else ""
    lines = [
        f"Receipt of {receipt.topic}",
        "",
        *_entry("state", _standing(receipt)),
        *(_entry("error", receipt.error["message"]) if receipt.error else ()),
        *_entry(
            "job", f"{receipt.job_id}, planned by version {on_one_line(receipt.engine_version[:60])} of the engine"
        ),
        *_entry("created", _time(receipt.created_at)),
        *(_entry("ended", _time(receipt.ended_at)) if receipt.ended_at is not None else ()),
        *_entry("request", *(_request_lines(receipt.request))),
        *_entry("files", files),
        *_entry("fragments", f"{totals.num_fragments_done:,} of {totals.num_fragments:,} finished"),
        *_entry(
            "classes",
            *_first(
                [f"{on_one_line(name)}: {count_text(number, 'alert')} sent" for name, number in receipt.labels.items()]
            ),
        ),
        *_entry("digest", receipt.digest),
        "",
        *_table(receipt),
    ]
    if totals.num_duplicates:
        lines += [
            "",
            "duplicates: alerts whose identifier an alert before them in the same night has already",
        ]
    if receipt.nights_without_data:
        without = receipt.nights_without_data
        lines += ["", f"no data in {len(without):,} of the nights: {', '.join(_first(without))}"]
    if receipt.left_out:
        lines += ["", "left out, because it could not be read:"]
        lines += [f"  {reason}" for reason in _first([one_line(part.reason) for part in receipt.left_out])]
    if receipt.passed_over:
        lines += ["", receipt.passed_over]
    if receipt.on_disk is not None:
        lines += ["", *_disk_lines(receipt.on_disk, receipt.left_out)]
    return printable("\n".join(lines))


def _standing(receipt: Receipt) -> str:
    if receipt.problems:
        wrong = "; ".join(_first(receipt.problems))
        return f"{receipt.state}, but the records disagree: {wrong}"
    if not receipt.complete:
        return f"{receipt.state}: NOT COMPLETE, this is what was sent until {_time(receipt.as_of)}"
    if receipt.state == "empty":
        said = "no alert fulfils the conditions"
    elif receipt.totals.num_sent == receipt.request.get("limit"):
        first, many = count_text(receipt.totals.num_sent, "alert"), receipt.totals.num_sent != 1
        said = (
            f"the first {first} that {'fulfil' if many else 'fulfils'} the conditions {'were' if many else 'was'} sent"
        )
        said += ", as the limit asks"
    else:
        said = "every alert that fulfils the conditions was sent"
    return f"{receipt.state}: {said}" + (", but for what could not be read (below)" if receipt.left_out else "")


def _request_lines(request: Mapping[str, object]) -> list[str]:
    return [
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in request.items()
    ]


def _entry(name: str, *paragraphs: str) -> list[str]:
    """Return lines with a name in the margin of the first."""
    lines = [line for paragraph in paragraphs for line in paragraph.splitlines()]
    return [f"{name if not number else '':{_MARGIN}}{line}" for number, line in enumerate(lines)]


def _table(receipt: Receipt) -> list[str]:
    rows = receipt.nights
    if len(rows) > _NIGHTS_SHOWN:
        years: dict[str, list[Counts]] = {}
        for night, counts in receipt.nights.items():
            years.setdefault(night[:4], []).append(counts)
        rows = {f"{year}, {count_text(len(nights), 'night')}": add_counts(nights) for year, nights in years.items()}
    cells: list[tuple[str, ...]] = [("night" if rows is receipt.nights else "year", *_HEAD)]
    cells += [(name, *_cells(counts)) for name, counts in rows.items()]
    cells += [("all", *_cells(receipt.totals))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD) + 1)]
    return [
        "  ".join(f"{cell:<{width}}" if not column else f"{cell:>{width}}" for column, (cell, width) in shown).rstrip()
        for shown in (list(enumerate(zip(row, widths, strict=True))) for row in cells)
    ]


def _cells(counts: Counts) -> Iterable[str]:
    left_out = f"{counts.num_left_out:,}"
    if counts.num_files_left_out:
        left_out += f" and {count_text(counts.num_files_left_out, 'file')}"
    numbers = (counts.num_alerts, counts.num_selected, counts.num_sent, counts.num_acknowledged)
    duplicates = "not counted" if counts.num_duplicates is None else f"{counts.num_duplicates:,}"
    return (*(f"{number:,}" for number in numbers), duplicates, left_out)


def _disk_lines(disk: OnDisk, left_out: Sequence[LeftOut]) -> list[str]:
    known = f"{disk.num_alerts:,} of {count_text(disk.num_alerts_expected, 'alert')}"
    have = known if disk.is_total_known else count_text(disk.num_alerts, "alert")
    have += f" in {count_text(disk.num_files, 'file')}"
    if disk.complete and disk.share is None:
        have += "; count and digest of every fragment are those that were sent"
    elif disk.complete:
        have += f" of share {disk.share}; the count of every fragment is that of the share, digests prove all together"
    else:
        missing = f"{disk.num_missing:,} {verb_text(disk.num_missing, 'is', 'are')} missing"
        have += f": NOT COMPLETE, {missing}"
        have += "" if disk.is_total_known else " of finished fragments, and how many the job sends in all is not known"
        if disk.gaps:
            have += (
                f", {count_text(len(disk.gaps), 'fragment')} {verb_text(len(disk.gaps), 'is', 'are')} not what was sent"
            )
    if disk.num_rejected:
        have += f"; {count_text(disk.num_rejected, 'message')} could not be read, so the folder is never complete"
    bounds = bounds_lines(left_out, disk.num_left_out_here, disk.num_archive_duplicates, disk.num_unfinished)
    return [
        *_entry(
            "on disk",
            f"{disk.outdir}, by its journal and the files that are there",
            have,
            *bounds,
            f"digest {disk.digest}",
        )
    ]


def _first(items: Sequence[str]) -> list[str]:
    more = len(items) - _ITEMS_SHOWN
    return [*items[:_ITEMS_SHOWN], f"and {more:,} more"] if more > 0 else list(items)


def _time(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
