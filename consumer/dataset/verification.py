"""Prove from the disk alone that a folder holds every alert of its job, exactly once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer.dataset.doubles import count_doubles
from consumer.dataset.folder import home_of, locate, read_owner
from consumer.dataset.journal import Journal, add_digests
from consumer.dataset.locking import check_unlocked
from consumer.dataset.on_disk import look_through, lost_files, strangers
from consumer.dataset.parquet import read_receipt
from consumer.dataset.partition import column_at
from consumer.dataset.shares import Share
from consumer.errors import IncompleteError, InputError, WireError
from consumer.notebooks import html_rows
from consumer.receipt import FragmentGap, prove
from consumer.settings import one_line
from consumer.wire import LeftOut, Manifest, Plan, decode_record, digest_candids

__all__ = ["VerifyResult", "verify"]

_ROWS_AT_ONCE = 8192
_MOST_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """What was found in a folder, and whether it is complete."""

    topic: str
    share: str | None
    """Which shares of the topic these are (`1/2`), of which only the numbers of alerts can be proved; None for all."""
    state: str
    """The job's state when a consumer last looked."""
    num_alerts: int
    """Alerts in the folder, in files that all readers read."""
    num_expected: int
    """Alerts the job sends where that is known, else those it had sent when a consumer last looked."""
    is_total_known: bool
    """Whether `num_expected` is the whole job's, or share's."""
    complete: bool
    """Every alert that the job sends is there once, nothing else is, and no message of the topic was rejected."""
    missing: int
    num_unfinished: int
    """Alerts in the folder of fragments that the job had not finished: no record of the manifest proves them."""
    num_left_out: int
    """Alerts of the archive, selected or not, that could not be read and were left out, as the request allowed."""
    num_files_left_out: int
    """Files that were left out besides: how many alerts they hold is not known."""
    num_left_out_here: int
    """Alerts of what was left out that had been sent before, and are in the folder."""
    left_out: list[LeftOut]
    """What of the archive was left out, and why."""
    num_archive_duplicates: int | None
    """Alerts in the folder whose identifier an alert there before them has already, of whatever night: rows that the
    archive itself holds too often. None where alerts are there that the job did not send so often: then which rows are
    the archive's can't be told."""
    fragments: list[FragmentGap]
    """Fragments whose alerts are not those that were sent."""
    num_rejected: int
    """Messages of the topic that could not be read when it was fetched: a folder with such is never complete."""
    num_passed_over: int
    """Records of the manifest's copy that are at odds with the plan, and so prove nothing."""
    problems: list[str]
    """Files that can't be read, are gone, are not what was written, are of another program, or are read by some readers
    only: their alerts count as missing. Files of this job that lie where none was written. Links that lead back."""

    def _repr_html_(self) -> str:
        of = f" of {self.num_expected:,}" if self.is_total_known else ""
        rows = [
            ("share", self.share),
            ("alerts", f"{self.num_alerts:,}{of} here, {self.missing:,} missing"),
            ("complete", "yes" if self.complete else "no"),
            ("job", self.state),
            ("problems", "\n".join(self.problems[:_MOST_PROBLEMS])),
        ]
        return html_rows(self.topic, [(name, text) for name, text in rows if text])


def verify(*outdirs: str | os.PathLike[str]) -> VerifyResult:
    """Return whether a folder holds every alert of its job, from what lies on disk; Kafka is not asked.

    Every page of every file is read and its checksum compared. The identifiers of the alerts must give the digests
    that the file's receipt names, and the receipts together those that the manifest's copy names. Of a share of a topic
    only the counts can be compared with the manifest; of all its shares together the digests, too. The
    files must lie where the folder's journal, if there is one, has them.

    Parameters
    ----------
    outdirs
        A folder that `consume` wrote, or several that hold shares of one job.

    Raises
    ------
    InputError
        If no consumer wrote into it, or one does right now, if it can't be read, or if several folders are not shares
        of one job.
    IncompleteError
        If the manifest's copy is gone or damaged.
    """
    try:
        paths = [locate(outdir) for outdir in outdirs]
        owners = [_owner(path) for path in paths]
        for path in paths:
            check_unlocked(path, home_of(path))
        before = [_journal_stamp(path) for path in paths]
        result = _verify(paths, owners)
        for path, stamp in zip(paths, before, strict=True):
            if _journal_stamp(path) != stamp:
                raise InputError(
                    f"a consumer wrote into {path} while it was read", next_step="verify it again when that has ended"
                )
        return result
    except OSError as exc:
        if exc.errno is None:
            raise
        raise InputError(
            f"{exc.filename or outdirs[0]} can't be read: {os.strerror(exc.errno)}",
            accepted="folders that can be read, DIR and DIR.transfer",
        ) from exc


def _verify(paths: Sequence[Path], owners: Sequence[Mapping[str, Any]]) -> VerifyResult:
    manifests = [_read_manifest(path, owner["topic"]) for path, owner in zip(paths, owners, strict=True)]
    # The copy that is furthest on; each was whole when its consumer last looked.
    manifest = max(manifests, key=lambda manifest: (len(manifest.changes), len(manifest.fragments)))
    plan = manifest.require_plan()
    num_rejected = sum(map(_num_rejected, paths))
    partitions = _partitions(paths, owners, plan)
    counts: dict[int, int] = {}
    digests: dict[int, int] = {}
    num_alerts, problems, astray = 0, [], {}
    sound: list[Path] = []
    for path in paths:
        written = _written(path)
        met, links = look_through(path)
        prefix = "" if len(paths) == 1 else f"{path.as_posix()}/"
        unreadable = set()
        for file in met:
            if not file.by_all:
                continue  # told below: alerts are there where all readers read them
            try:
                rows, fragments = _read_file(file.path, plan)
            except (OSError, ValueError, KeyError, pa.ArrowException) as exc:
                problems.append(f"{prefix}{file.name}: {one_line(str(exc)) or type(exc).__name__}")
                unreadable.add(file.name)
                continue
            num_alerts += rows
            sound.append(file.path)
            if written is not None and file.name not in written:
                astray[f"{prefix}{file.name}"] = fragments.keys()
            for fragment, (num, digest) in fragments.items():
                counts[fragment] = counts.get(fragment, 0) + num
                add_digests(digests, {fragment: int(digest, 16)})
        told = lost_files(written or {}, met)
        problems += [f"{prefix}{text}" for name, text in told.items() if name not in unreadable]
        others = strangers(written or {}, (file for file in met if not file.by_all))
        problems += [f"{prefix}{text}" for text in [*links, *(other.told for other in others)]]
    proof = prove(manifest, counts, digests, partitions)
    doubled = {gap.fragment for gap in proof.gaps if gap.excess}
    problems += [
        f"{name}: {'a copy' if held & doubled else 'moved or renamed'}; none was written there"
        for name, held in astray.items()
    ]
    return VerifyResult(
        topic=plan.topic,
        share=None if partitions is None else ", ".join(owner["share"] for owner in owners),
        state=manifest.stated,
        num_alerts=num_alerts,
        num_expected=proof.num_expected,
        is_total_known=proof.is_total_known,
        complete=proof.complete and not problems and not num_rejected,
        missing=proof.missing,
        num_unfinished=proof.num_unfinished,
        num_left_out=manifest.num_left_out,
        num_files_left_out=manifest.num_files_left_out,
        num_left_out_here=proof.num_left_out_here,
        left_out=manifest.left_out,
        num_archive_duplicates=None if doubled else count_doubles(sound, plan.id_field),
        fragments=proof.gaps,
        num_rejected=num_rejected,
        num_passed_over=manifest.passed_over.count,
        problems=problems,
    )


def _journal_stamp(outdir: Path) -> tuple[int, ...] | None:
    """Return what differs in a journal once a consumer has written into the folder."""
    with suppress(FileNotFoundError):
        told = (home_of(outdir) / "journal.jsonl").stat()
        return told.st_ino, told.st_size, told.st_mtime_ns
    return None


def _written(outdir: Path) -> Mapping[str, Any] | None:
    """Return the files that the folder's journal names, or None without one: then none is to be told from a copy."""
    with suppress(IncompleteError):
        return Journal(home_of(outdir) / "journal.jsonl").files or None
    return None


def _num_rejected(outdir: Path) -> int:
    """Return how many messages of the topic were rejected: by the journal, or by those that are kept without one."""
    kept = home_of(outdir) / "rejected"
    num_kept = sum(1 for _ in kept.iterdir()) if kept.is_dir() else 0
    with suppress(IncompleteError):
        return max(num_kept, Journal(home_of(outdir) / "journal.jsonl").num_rejected)
    return num_kept


def _owner(path: Path) -> dict[str, Any]:
    owner = read_owner(path)
    if owner is None:
        raise InputError(
            f"no topic was fetched into {path}: there is no {home_of(path) / 'job.json'}",
            accepted="the --outdir of alert-transfer consume",
        )
    return owner


def _partitions(paths: Sequence[Path], owners: Sequence[Mapping[str, Any]], plan: Plan) -> frozenset[int] | None:
    """Return the Kafka partitions that folders hold together, or None for all of them."""
    held: dict[int, Path] = {}
    for path, owner in zip(paths, owners, strict=True):
        if owner["job_id"] != plan.job_id:
            raise InputError(f"{path} holds another job than {paths[0]}", accepted="folders of one job")
        if owner.get("share") is None:
            own = frozenset(range(plan.num_partitions))
        else:
            own = Share.parse(owner["share"]).partitions(plan.num_partitions)
        for partition in own & held.keys():
            raise InputError(
                f"{path} and {held[partition]} hold the same alerts: those of Kafka partition {partition}",
                accepted="folders of different shares, 1/2 and 2/2",
            )
        held.update(dict.fromkeys(own, path))
    return None if len(held) == plan.num_partitions else frozenset(held)


def _read_manifest(outdir: Path, topic: str) -> Manifest:
    path = home_of(outdir) / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    manifest = Manifest(topic=topic)
    for number, line in enumerate(lines, 1):
        try:
            manifest.apply(decode_record(line))
        except WireError as exc:
            if number == len(lines):
                break  # torn by a crash; it is fetched again with the next run
            raise IncompleteError(
                f"{path} is damaged in line {number}",
                next_step="fetch the topic again into this folder, which renews it",
            ) from exc
    manifest.check_readable()
    if not manifest.is_planned:
        raise IncompleteError(
            f"{path} holds no complete plan",
            next_step="fetch the topic again into this folder, which renews it",
        )
    return manifest


def _read_file(path: Path, plan: Plan) -> tuple[int, dict[int, tuple[int, str]]]:
    """Return a file's number of alerts and its receipt's fragments, both proved by what it holds."""
    digest, num_alerts = 0, 0
    if not path.is_file():  # a link that leads nowhere; a pipe, which would be waited for
        raise ValueError("not a file")
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        receipt = read_receipt(file.metadata)
        if receipt is None or receipt.job_id != plan.job_id:
            raise ValueError("not a file of this job")
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            candids = pc.fill_null(column_at(pa.Table.from_batches([batch]), plan.id_field), 0)
            digest = (digest + digest_candids(np.asarray(candids))) % 2**128
            num_alerts += batch.num_rows
    promised = sum(int(text, 16) for _, text in receipt.fragments.values()) % 2**128
    if digest != promised or num_alerts != sum(num for num, _ in receipt.fragments.values()):
        raise ValueError("its alerts are not those that its receipt names")
    return num_alerts, receipt.fragments
