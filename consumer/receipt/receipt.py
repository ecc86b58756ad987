"""The receipt of a job: what was sent, of what, what was left out. Made from the manifest alone; needs no Kafka.

It is a document (JSON) that stays complete whatever the job's size, and a short text for people
(consumer/receipt/text.py). What a folder on disk holds of the job stands in it apart from what was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from consumer.errors import JobError
from consumer.notebooks import html_rows, html_table
from consumer.receipt.proof import Proof
from consumer.wire import FINAL_STATES, FragmentDone, LeftOut, Manifest
from consumer.words import count_text, some_text, verb_text

__all__ = ["Counts", "Held", "OnDisk", "Receipt", "add_counts", "count_disk", "make_receipt"]

RECEIPT_VERSION = 1
_MOST_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the alerts of one night, or of all."""

    num_files: int
    """Files of the archive that the plan took in; without those of `num_files_left_out`."""
    num_fragments: int
    num_fragments_done: int
    """Fragments that are finished; with a limit, those beyond it never are."""
    num_alerts: int
    """Alerts in the archive, by the footers of the files that the plan took in."""
    num_selected: int
    """Alerts of finished fragments that fulfil the conditions."""
    num_sent: int
    num_acknowledged: int
    """Alerts of finished fragments that Kafka has, summed over its partitions."""
    num_duplicates: int | None
    """Alerts whose identifier an alert before them in the same night has already; None while the archive's
    identifiers are not counted in full."""
    num_left_out: int
    """Alerts that could not be read, as far as their number is known."""
    num_files_left_out: int
    """Files that could not be read at all: how many alerts they hold is not known."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What lies in a folder, of the files that a consumer wrote there."""

    num_files: int
    num_alerts: int
    counts: dict[int, int]
    """Alerts per fragment."""
    digests: dict[int, int]
    """Their `wire.digest_candids`, per fragment."""


@dataclass(frozen=True, kw_only=True)
class OnDisk:
    """What a folder holds of the job: files that lie there, by name and size, as they were written; `alert-transfer
    verify` reads them."""

    outdir: str
    share: str | None
    """Which share of the topic the folder is for (`1/2`); None for all of it."""
    num_files: int
    num_alerts: int
    num_alerts_expected: int
    """Alerts the job sends where that is known, else those it is known to have sent so far."""
    is_total_known: bool
    """Whether `num_alerts_expected` is the whole job's, or share's."""
    num_missing: int
    num_unfinished: int
    """Alerts in the folder of fragments that the job has not finished: no record of the manifest proves them."""
    num_left_out_here: int
    """Alerts of what was left out that had been sent before, and are in the folder."""
    num_archive_duplicates: int | None
    """Alerts in the folder whose identifier an alert there before them has already, of whatever night (surplus rows);
    None where the run ended early."""
    num_rejected: int
    """Messages that could not be read: a folder with such is never complete."""
    digest: str
    """`wire.digest_candids` of the alerts in the folder, 32 hexadecimal digits."""
    gaps: list[dict[str, int]]
    """Fragments whose alerts are not those that were sent, by count or digest. Each: fragment, missing, excess."""
    complete: bool
    """The job is at its end, and count and digest of every fragment are those that were sent; of a share, the count.
    And no message was rejected."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Receipt:
    """What a job sent, and of what; `consumer.receipt_text` tells it to people."""

    topic: str
    job_id: str
    state: str
    complete: bool
    """The job is at its end, and by the records it sent all that it had to. False while it runs."""
    problems: list[str]
    """Where the manifest's records disagree with each other."""
    error: dict[str, Any] | None
    """message, accepted, next: why the job failed, if it did."""
    engine_version: str
    wire_version: int
    request: dict[str, Any]
    created_at: float
    """Unix time, seconds; so are the others."""
    started_at: float | None
    ended_at: float | None
    """None while the job is not in a final state."""
    as_of: float
    """Time of the manifest's last record that counts."""
    digest: str
    """Sum modulo 2^128 of the fragments' digests, 32 hexadecimal digits."""
    nbytes: int
    """Bytes of the datums that were sent."""
    totals: Counts
    nights: dict[str, Counts]
    """By night (`2021-11-22`), those that the archive has files of, in order."""
    nights_without_data: list[str]
    """Nights of the request for which the archive has no file."""
    files: list[dict[str, Any]]
    """Identity of each file that the plan took in, as it stands in the plan (index, path, size, etag, night …), and
    `read`: `whole`, `partly` (finished fragments alone count), or `no`."""
    fragments: list[dict[str, Any]]
    """Finished fragments. Each: fragment, file (index), row_groups, num_alerts, num_selected, num_sent,
    num_acknowledged, digest, unreadable (why nothing of it could be read, else None)."""
    labels: dict[str, int]
    """Alerts that were sent by each name of the classes that the request chooses, of the alert's time; empty if it
    chooses none, or if the job's engine did not count them."""
    left_out: list[LeftOut]
    """What of the archive could not be read and was left out, as the request allowed."""
    num_passed_over: int
    """Records of the manifest that can't be read, or can't be by the plan: they count for nothing."""
    passed_over: str
    """How many those are and what is wrong with the first, in words; empty if there is none."""
    on_disk: OnDisk | None
    """What the folder holds that the receipt lies beside; None elsewhere."""

    def __repr__(self) -> str:
        return f"<Receipt of {self.topic}: {self.state}, {self._sent()}>"

    def _repr_html_(self) -> str:
        totals = self.totals
        files = count_text(totals.num_files_left_out, "file")
        rows = [
            ("state", self.state + ("" if self.complete else ": NOT COMPLETE")),
            ("error", (self.error or {}).get("message") or ""),
            ("records", "; ".join(self.problems[:_MOST_SHOWN])),
            ("passed over", self.passed_over),
            ("request", "\n".join(f"{name}: {value}" for name, value in self.request.items())),
            ("alerts", f"{totals.num_alerts:,} in the archive, {totals.num_selected:,} selected, {self._sent()}"),
            ("left out", f"{count_text(totals.num_left_out, 'alert')} and {files}" if self.left_out else ""),
            ("no data", some_text(self.nights_without_data, _MOST_SHOWN)),
            ("digest", self.digest),
        ]
        head = ("night", "in archive", "selected", "sent", "acknowledged")
        nights = [
            (night, *map("{:,}".format, (n.num_alerts, n.num_selected, n.num_sent, n.num_acknowledged)))
            for night, n in self.nights.items()
        ]
        table = html_table(head, nights)
        return html_rows(f"Receipt of {self.topic}", [(name, text) for name, text in rows if text]) + table

    def _sent(self) -> str:
        return f"{count_text(self.totals.num_sent, 'alert')} sent"

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as a JSON document."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            "receipt_version": RECEIPT_VERSION,
            **plain,
            "totals": asdict(self.totals),
            "nights": {night: asdict(counts) for night, counts in self.nights.items()},
            "left_out": [asdict(part) for part in self.left_out],
            "on_disk": None if self.on_disk is None else asdict(self.on_disk),
        }


def make_receipt(manifest: Manifest, *, state: str | None = None, on_disk: OnDisk | None = None) -> Receipt:
    """Return the receipt of a job.

    Parameters
    ----------
    manifest
        The job's manifest, as far as it is written.
    state
        The job's state, from callers that know whether the job is interrupted; default: the last one written.
    on_disk
        What a folder holds of the job.

    Raises
    ------
    JobError
        If the manifest holds no whole plan.
    WireError
        If it is one that this program can't read.
    """
    manifest.check_readable()
    plan = manifest.plan
    if plan is None or not manifest.is_planned:
        raise JobError(
            "there is no receipt: the manifest holds no whole plan",
            accepted="a job of the last 30 days whose submission was not broken off",
            next_step="submit the request again",
        )
    state = state or manifest.stated
    parts = [part for _, part in sorted(manifest.parts.items())]
    files = {file["index"]: file for part in parts for file in part.files}
    planned = {fragment["fragment"]: fragment for part in parts for fragment in part.fragments}
    done = {number: record for number, record in sorted(manifest.fragments.items()) if number in planned}
    nights = _count_nights(manifest, files, planned)
    problems = _problems(manifest, planned)
    ended_at = manifest.changes[-1].time if manifest.stated in FINAL_STATES and manifest.changes else None
    return Receipt(
        topic=plan.topic,
        job_id=plan.job_id,
        state=state,
        complete=state in ("complete", "empty") and not problems,
        problems=problems,
        error=manifest.error,
        engine_version=plan.engine_version,
        wire_version=plan.version,
        request=plan.request,
        created_at=plan.created_at,
        started_at=manifest.started_at,
        ended_at=ended_at,
        as_of=plan.created_at if manifest.last_sign_at is None else manifest.last_sign_at,
        digest=_hex(int(record.digest, 16) for record in done.values()),
        nbytes=manifest.nbytes,
        totals=add_counts(nights.values()),
        nights=nights,
        nights_without_data=plan.nights_without_data,
        files=_files(files, planned, done),
        fragments=[_fragment(planned[number], record) for number, record in done.items()],
        labels={name: sum(record.labels.get(name, 0) for record in done.values()) for name in plan.labels},
        left_out=manifest.left_out,
        num_passed_over=manifest.passed_over.count,
        passed_over=manifest.passed_over.text("the manifest"),
        on_disk=on_disk,
    )


def count_disk(
    outdir: str,
    held: Held,
    proof: Proof,
    *,
    num_rejected: int,
    share: str | None = None,
    num_archive_duplicates: int | None = None,
) -> OnDisk:
    """Return what a folder holds of a job.

    Parameters
    ----------
    outdir
        The folder.
    held
        What lies there.
    proof
        How that compares with the manifest.
    num_rejected
        Messages that could not be read.
    share
        Which share of the topic the folder is for; None for all of it.
    num_archive_duplicates
        Alerts whose identifier one before them has already, if they were counted.
    """
    return OnDisk(
        outdir=outdir,
        share=share,
        num_files=held.num_files,
        num_alerts=held.num_alerts,
        num_alerts_expected=proof.num_expected,
        is_total_known=proof.is_total_known,
        num_missing=proof.missing,
        num_unfinished=proof.num_unfinished,
        num_left_out_here=proof.num_left_out_here,
        num_archive_duplicates=num_archive_duplicates,
        num_rejected=num_rejected,
        digest=_hex(held.digests.values()),
        gaps=[asdict(gap) for gap in proof.gaps],
        complete=proof.complete,
    )


def add_counts(counts: Iterable[Counts]) -> Counts:
    """Return the sum of counts; the archive's duplicates are known only where each knows them."""
    counts = list(counts)
    names = [field.name for field in fields(Counts) if field.name != "num_duplicates"]
    duplicates = [item.num_duplicates for item in counts if item.num_duplicates is not None]
    return Counts(
        **{name: sum(getattr(item, name) for item in counts) for name in names},
        num_duplicates=sum(duplicates) if len(duplicates) == len(counts) else None,
    )


def _hex(digests: Iterable[int]) -> str:
    return f"{sum(digests) % 2**128:032x}"


def _count_nights(
    manifest: Manifest, files: Mapping[int, Mapping[str, Any]], planned: Mapping[int, Mapping[str, Any]]
) -> dict[str, Counts]:
    tallies: dict[str, Counter[str]] = {}
    for file in files.values():
        tallies.setdefault(file["night"], Counter())["num_files"] += 1
    for file in manifest.require_plan().unreadable_files:
        tallies.setdefault(file["night"], Counter())["num_files_left_out"] += 1
    for number, fragment in planned.items():
        tally = tallies[files[fragment["file"]]["night"]]
        tally.update(num_fragments=1, num_alerts=fragment["num_alerts"])
        record = manifest.fragments.get(number)
        if record is not None:
            tally.update(
                num_fragments_done=1,
                num_selected=record.num_selected,
                num_sent=record.num_sent,
                num_acknowledged=_acknowledged(record),
                num_left_out=fragment["num_alerts"] if record.unreadable else 0,
            )
    names = [field.name for field in fields(Counts) if field.name != "num_duplicates"]
    return {
        night: Counts(
            **{name: tally[name] for name in names}, num_duplicates=_duplicates(manifest, night, tally["num_fragments"])
        )
        for night, tally in sorted(tallies.items())
    }


def _duplicates(manifest: Manifest, night: str, num_fragments: int) -> int | None:
    if night in manifest.nights:
        return manifest.nights[night].num_duplicates
    # Files without an alert have no fragment, and nothing to count.
    unreadable = any(file["night"] == night for file in manifest.require_plan().unreadable_files)
    return None if num_fragments or unreadable else 0


def _acknowledged(record: FragmentDone) -> int:
    return sum(record.partitions.values())


def _files(
    files: Mapping[int, Mapping[str, Any]],
    planned: Mapping[int, Mapping[str, Any]],
    done: Mapping[int, FragmentDone],
) -> list[dict[str, Any]]:
    num_planned = Counter(fragment["file"] for fragment in planned.values())
    num_read = Counter(planned[number]["file"] for number, record in done.items() if not record.unreadable)

    def read(index: int) -> str:
        if num_read[index] == num_planned[index]:
            return "whole"
        return "partly" if num_read[index] else "no"

    return [{**file, "read": read(index)} for index, file in sorted(files.items())]


def _fragment(planned: Mapping[str, Any], record: FragmentDone) -> dict[str, Any]:
    return {
        "fragment": record.fragment,
        "file": planned["file"],
        "row_groups": planned["row_groups"],
        "num_alerts": record.num_alerts,
        "num_selected": record.num_selected,
        "num_sent": record.num_sent,
        "num_acknowledged": _acknowledged(record),
        "digest": record.digest,
        "unreadable": record.unreadable,
    }


def _problems(manifest: Manifest, planned: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Return where a manifest's records disagree, a sentence each."""
    found, plan = [], manifest.require_plan()
    for number, record in sorted(manifest.fragments.items()):
        if number not in planned:
            found.append(f"fragment {number} is in no part of the plan")
        elif record.num_alerts != planned[number]["num_alerts"]:
            there = f"{count_text(record.num_alerts, 'alert')}, the plan {planned[number]['num_alerts']}"
            found.append(f"fragment {number} names {there}")
        if _acknowledged(record) != record.num_sent:
            sent = count_text(record.num_sent, "alert")
            found.append(f"fragment {number} sent {sent}, its partitions name {_acknowledged(record)}")
        if record.num_sent != record.num_selected and plan.request.get("limit") is None:
            selected = count_text(record.num_selected, "alert")
            found.append(f"fragment {number} sent {record.num_sent} of {selected} without a limit")
    if unfinished := manifest.num_unproven:
        found.append(
            f"the job is {manifest.stated}, and {unfinished} of its {count_text(plan.num_fragments, 'fragment')} "
            f"{verb_text(unfinished, 'is', 'are')} not finished"
        )
    return found
