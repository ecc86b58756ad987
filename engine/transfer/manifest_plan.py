"""What a job needs to run, apart from the alerts: written to the manifest, read back by coordinator and workers."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from consumer.settings import one_line
from consumer.wire import Manifest, Plan, PlanPart, version_for
from engine.archive import Archive, ArchiveFile, Fragment
from engine.enrichment import CatalogueFile, catalogue_of, with_catalogue
from engine.errors import AlertTransferError, JobError
from engine.pipeline import Predicate, Projection, Selection
from engine.planning import TransferPlan
from engine.sinks import Sink
from engine.surveys import survey_from_plan, survey_in_plan
from engine.transfer.request_record import request_record
from engine.transfer.versions import check_resumable, engine_version

__all__ = ["TransferTask", "fragments_of", "plan_records", "task_of"]

_FRAGMENTS_A_PART = 2_000
_DETAILS: dict[str, Any] = {
    "archive": str,
    "sql": str | None,
    "leaves": str,
    "content": str,
    "sources": list,
    "block_alerts": int,
    "limit": int | None,
    "skip_unreadable": bool,
}
# Of a schema: a million leaves. Compressed it could be a thousand times as large as the record that it comes in.
_MOST_SCHEMA_NBYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class TransferTask:
    """All that a worker needs to send any fragment of a job."""

    job_id: str
    sink: Sink
    selection: Selection
    limit: int | None
    skip_unreadable: bool
    labels: frozenset[str]
    """Labels of which the alerts are counted."""


def plan_records(
    plan: TransferPlan,
    *,
    topic: str,
    job_id: str,
    num_partitions: int,
    created_at: float,
    owner: str = "",
    **terms: Any,
) -> Iterator[Plan | PlanPart]:
    """Yield the manifest records that hold a plan.

    Parameters
    ----------
    plan
        The plan.
    topic, job_id
        The job's names.
    num_partitions
        Those of the sink.
    created_at
        Unix time, seconds.
    owner
        Whose job it is.
    terms
        What else `Sink.terms` says: `Sink.take_up` finds it in the plan's `details`.
    """
    survey, catalogue = plan.selection.survey, catalogue_of(plan.selection.enrichments)
    numbers = {file: index for index, file in enumerate(plan.files)}
    steps = range(0, len(plan.fragments), _FRAGMENTS_A_PART)
    yield Plan(
        job_id=job_id,
        topic=topic,
        engine_version=engine_version(),
        created_at=created_at,
        request=request_record(plan, topic),
        num_partitions=num_partitions,
        num_files=len(plan.files),
        num_fragments=len(plan.fragments),
        num_parts=len(steps),
        num_alerts=plan.num_alerts,
        schema=plan.schema,
        time_field=plan.selection.projection.path_of(survey.time_field),
        time_scale=survey.time_scale,
        version=version_for(survey.time_scale),
        id_field=plan.selection.projection.path_of(survey.id_field),
        nights_without_data=[night.isoformat() for night in plan.nights_without_data],
        unreadable_files=[{**_file_record(file), "reason": reason} for file, reason in plan.unreadable],
        labels=list(plan.labels),
        owner=owner,
        details={
            "survey": survey_in_plan(survey),
            "archive": plan.selection.archive.url,
            "tns_catalogue": catalogue and asdict(catalogue),
            "sql": plan.selection.predicate.sql,
            "leaves": _pack(plan.selection.predicate.schema),
            "content": _pack(plan.selection.projection.schema),
            "sources": list(plan.selection.projection.sources),
            "block_alerts": plan.selection.block_alerts,
            "limit": plan.request.limit,
            "skip_unreadable": plan.request.skip_unreadable,
            **terms,
        },
    )
    written = 0
    for index, start in enumerate(steps):
        fragments = plan.fragments[start : start + _FRAGMENTS_A_PART]
        end = len(plan.files) if index == len(steps) - 1 else numbers[fragments[-1].file] + 1
        yield PlanPart(
            job_id=job_id,
            index=index,
            files=[{"index": number, **_file_record(plan.files[number])} for number in range(written, end)],
            fragments=[_fragment_record(fragment, numbers[fragment.file]) for fragment in fragments],
        )
        written = max(written, end)


def task_of(manifest: Manifest, sink: Sink, storage_options: Mapping[str, Any]) -> TransferTask:
    """Return the task that a manifest's plan describes.

    Raises
    ------
    JobError
        If the plan is not whole, or a version of the engine wrote it whose jobs this one may not go on with.
    """
    manifest.check_readable()
    plan = manifest.plan
    if plan is None or not manifest.is_planned:
        raise JobError("the manifest holds no whole plan: its submission was broken off", next_step="submit again")
    check_resumable(plan.topic, plan.engine_version)
    with _told_if_not_ours(plan.topic):
        return _task_of(plan, sink, storage_options)


@contextlib.contextmanager
def _told_if_not_ours(topic: str) -> Iterator[None]:
    """Raise a JobError where a plan does not hold what this version of the engine writes into each."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as exc:
        if isinstance(exc, AlertTransferError):
            raise
        raise JobError(
            f"the plan of {topic} does not hold what this version of the engine needs to go on with it "
            f"({type(exc).__name__}: {one_line(str(exc))})",
            accepted="a job that alert-transfer planned",
            next_step=f"submit its request again: alert-transfer status {topic} --request > request.yaml, then "
            "alert-transfer submit --request request.yaml",
        ) from exc


def _task_of(plan: Plan, sink: Sink, storage_options: Mapping[str, Any]) -> TransferTask:
    details = plan.details
    for name, kind in _DETAILS.items():
        if not isinstance(details[name], kind):
            raise TypeError(f"{name} is a {type(details[name]).__name__}")
    survey, found = survey_from_plan(details["survey"]), details["tns_catalogue"]
    leaves = _unpack(details["leaves"])
    return TransferTask(
        job_id=plan.job_id,
        sink=sink.take_up(plan),
        selection=Selection(
            archive=Archive(details["archive"], storage_options),
            survey=survey,
            predicate=Predicate(sql=details["sql"], leaves=tuple(leaves.names), types=tuple(leaves.types)),
            projection=Projection(schema=_unpack(details["content"]), sources=tuple(details["sources"])),
            enrichments=with_catalogue(survey.enrichments, CatalogueFile(**found) if found else None),
            block_alerts=details["block_alerts"],
        ),
        limit=details["limit"],
        skip_unreadable=details["skip_unreadable"],
        labels=frozenset(plan.labels),
    )


def fragments_of(manifest: Manifest) -> list[Fragment]:
    """Return the fragments of a manifest's plan, in order.

    Raises
    ------
    JobError
        If another program than this engine wrote it.
    """
    with _told_if_not_ours(manifest.require_plan().topic):
        return _fragments_of(manifest)


def _fragments_of(manifest: Manifest) -> list[Fragment]:
    files: dict[int, ArchiveFile] = {}
    records: list[dict[str, Any]] = []
    for _, part in sorted(manifest.parts.items()):
        files |= {record["index"]: _file_of(record) for record in part.files}
        records += part.fragments
    alerts: dict[int, int] = defaultdict(int)
    for record in records:
        alerts[record["file"]] += sum(record["row_group_alerts"])
    return [
        Fragment(
            number=record["fragment"],
            file=files[record["file"]],
            row_groups=tuple(record["row_groups"]),
            row_group_alerts=tuple(record["row_group_alerts"]),
            lacking=tuple(record["lacking"]),
            file_alerts=alerts[record["file"]],
        )
        for record in sorted(records, key=lambda record: record["fragment"])
    ]


def _file_record(file: ArchiveFile) -> dict[str, Any]:
    footer = {} if file.footer_nbytes is None else {"footer_nbytes": file.footer_nbytes}
    return {
        "path": file.path,
        "size": file.nbytes,
        "etag": file.etag,
        "footer_crc": file.footer_crc,
        **footer,
        "night": file.night.isoformat(),
    }


def _file_of(record: Mapping[str, Any]) -> ArchiveFile:
    return ArchiveFile(
        path=record["path"],
        night=dt.date.fromisoformat(record["night"]),
        nbytes=record["size"],
        etag=record["etag"],
        footer_crc=record["footer_crc"],
        footer_nbytes=record.get("footer_nbytes"),
    )


def _fragment_record(fragment: Fragment, file: int) -> dict[str, Any]:
    return {
        "fragment": fragment.number,
        "file": file,
        "row_groups": list(fragment.row_groups),
        "row_group_alerts": list(fragment.row_group_alerts),
        "num_alerts": fragment.num_alerts,
        "lacking": list(fragment.lacking),
    }


def _pack(schema: pa.Schema) -> str:
    return base64.b64encode(zlib.compress(schema.serialize().to_pybytes())).decode()


def _unpack(text: str) -> pa.Schema:
    reader = zlib.decompressobj()
    held = reader.decompress(base64.b64decode(text), _MOST_SCHEMA_NBYTES)
    if not reader.eof:
        raise ValueError(f"a schema of more than {_MOST_SCHEMA_NBYTES:,} bytes, or a torn one")
    return pa.ipc.read_schema(pa.py_buffer(held))
