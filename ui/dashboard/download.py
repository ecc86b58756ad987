"""A small selection of a topic as one file: at most 1,000 alerts and 50 MB pass through the web server."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import consumer
from engine import InputError, JobError

__all__ = ["FORMS", "MOST_ALERTS", "MOST_NBYTES", "Selection", "selection", "selection_of", "written"]

MOST_ALERTS = 1_000
MOST_NBYTES = 50_000_000
FORMS = ("Parquet", "CSV")
_PATIENCE_S = 3.0
"""How long further alerts of a job that still runs are waited for, once some came."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A file for the user."""

    name: str
    content: bytes
    num_alerts: int
    notes: tuple[str, ...]
    """What the user should know of it, a sentence each."""


class _Enough(Exception):
    """No more alerts are waited for."""


def selection(
    topic: str, *, kafka: str, kafka_options: Mapping[str, Any], num_alerts: int, form: str, is_running: bool
) -> Selection:
    """Return the first alerts of a topic as a file; blocks.

    Parameters
    ----------
    topic, kafka, kafka_options
        As of `consumer.stream`.
    num_alerts
        At most so many.
    form
        One of `FORMS`.
    is_running
        Whether the job still runs: what is there by now is taken then.

    Raises
    ------
    InputError
        If more alerts are asked for than may pass, or there is none.
    KafkaError
        If Kafka does not answer, or no longer has the alerts.
    """
    if not 1 <= num_alerts <= MOST_ALERTS:
        raise InputError(
            f"{num_alerts:,} alerts can't be downloaded from the page",
            accepted=f"1 to {MOST_ALERTS:,}",
            next_step="fetch the whole topic by the command that the page shows",
        )
    batches, notes = _first(topic, kafka, kafka_options, num_alerts, is_running)
    if not batches:
        raise InputError(
            f"the topic {topic} holds no alert{' yet' if is_running else ''}",
            next_step="wait for the first alerts" if is_running else "submit another job",
        )
    return selection_of(topic, pa.Table.from_batches(batches).slice(0, num_alerts), form=form, notes=notes)


def _first(
    topic: str, kafka: str, kafka_options: Mapping[str, Any], num_alerts: int, is_running: bool
) -> tuple[list[pa.RecordBatch], list[str]]:
    batches: list[pa.RecordBatch] = []
    num_held = nbytes = 0
    came_at = time.monotonic()

    def progress(_: int) -> None:
        if is_running and time.monotonic() - came_at > _PATIENCE_S:
            raise _Enough

    stream = consumer.stream(topic, kafka=kafka, kafka_options=kafka_options, progress=progress)
    with closing(stream):  # type: ignore[type-var]  # a generator, which the signature does not tell
        try:
            for batch in stream:
                came_at = time.monotonic()
                # A copy: a slice would keep all of the batch.
                batches.append(batch.take(pa.array(range(min(batch.num_rows, num_alerts - num_held)))))
                num_held += batches[-1].num_rows
                nbytes += batches[-1].nbytes
                if num_held >= num_alerts or nbytes > MOST_NBYTES:
                    return batches, []
        except _Enough:
            return batches, ["The job still runs: these are alerts that it had sent."]
        except JobError as exc:
            return batches, [f"Not all of the job: {exc.message}."]
    return batches, ["All alerts of the job."]


def selection_of(topic: str, alerts: pa.Table, *, form: str, notes: list[str]) -> Selection:
    """Return alerts as a file of a form, as many of them as fit."""
    asked, told = alerts.num_rows, list(notes)
    while True:
        content, left_out = written(alerts, form)
        if len(content) <= MOST_NBYTES:
            break
        alerts = alerts.slice(0, max(1, int(alerts.num_rows * MOST_NBYTES / len(content) * 0.95)))
        if alerts.num_rows == 1 and len(written(alerts, form)[0]) > MOST_NBYTES:
            raise InputError(
                f"one alert of {topic} has more bytes than may be downloaded from the page",
                accepted=f"{MOST_NBYTES // 1_000_000} MB",
                next_step="fetch the topic by the command that the page shows",
            )
    if alerts.num_rows < asked:
        told = [f"{alerts.num_rows:,} alerts: more of them would exceed {MOST_NBYTES // 1_000_000} MB."]
    if left_out:
        told.append(f"CSV holds no bytes, so it leaves out {', '.join(left_out)}.")
    suffix = "parquet" if form == "Parquet" else "csv"
    return Selection(name=f"{topic}.{suffix}", content=content, num_alerts=alerts.num_rows, notes=tuple(told))


def written(alerts: pa.Table, form: str) -> tuple[bytes, list[str]]:
    """Return alerts as the content of a file, and the columns that its form can't hold.

    In CSV the fields of structs are columns of their own, `candidate.magpsf`; lists and maps are written as JSON.
    """
    file = io.BytesIO()
    if form == "Parquet":
        pq.write_table(alerts, file, compression="zstd")
        return file.getvalue(), []
    while any(pa.types.is_struct(field.type) for field in alerts.schema):
        alerts = alerts.flatten()
    left_out = [field.name for field in alerts.schema if _is_binary(field.type)]
    kept = [field.name not in left_out for field in alerts.schema]
    columns = [
        _as_json(alerts.column(place)) if pa.types.is_nested(field.type) else alerts.column(place)
        for place, field in enumerate(alerts.schema)
        if kept[place]
    ]
    names = [field.name for place, field in enumerate(alerts.schema) if kept[place]]
    pyarrow.csv.write_csv(pa.table(columns, names=names), file)
    return file.getvalue(), left_out


def _is_binary(held: pa.DataType) -> bool:
    return pa.types.is_binary(held) or pa.types.is_large_binary(held) or pa.types.is_fixed_size_binary(held)


def _as_json(column: pa.ChunkedArray) -> pa.Array:
    texts = [None if value is None else json.dumps(value, default=_plain) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _plain(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
