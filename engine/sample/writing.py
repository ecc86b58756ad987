"""A realistic sample archive: alerts that look like a survey's, with none of its data.

The archive is written as the broker's years wrote theirs, drift included, from a seed: the same seed and arguments
give the same alerts, whatever other nights are written. Nights share one sky: objects are seen again, at their place,
under their name, with what was seen before in their history.
"""

import datetime
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer.notebooks import html_rows
from consumer.settings import whole_number
from consumer.words import count_text, some_text
from engine.archive import parse_nights
from engine.errors import ArchiveError, InputError
from engine.sample.lsst import FIRST_NIGHT, NIGHTS, write_night
from engine.sample.ztf import (
    KINDS,
    PROFILES,
    AddedValues,
    Packets,
    Profile,
    StampPool,
    draw_batch,
    draw_packets,
    nearest_profile,
)
from engine.surveys import survey_named

__all__ = ["DEFAULT_NIGHTS", "PROFILE_NAMES", "SampleArchive", "write_sample"]

DEFAULT_NIGHTS = (datetime.date(2021, 11, 22), datetime.date(2022, 8, 4), datetime.date(2025, 7, 31))
"""Three nights of different years, whose files differ."""
PROFILE_NAMES = (*PROFILES, "mixed")
"""What `profile` may be."""

_ROW_GROUP_ALERTS = 3_000
_FILE_ALERTS = 12_000
_MOST_ALERTS_A_NIGHT = 1_000_000
_FIRST_NIGHT = datetime.date(2018, 6, 1)
_SURVEYS = {"ztf": (_FIRST_NIGHT, DEFAULT_NIGHTS), "lsst": (FIRST_NIGHT, NIGHTS)}
"""Survey -> its first night, and the nights of a sample for which none are named."""
_ALERT_NBYTES = 50_000
"""Upper bound of an alert's size on disk."""


@dataclass(frozen=True, kw_only=True)
class SampleArchive:
    """What was written."""

    archive: str
    """Root of the archive: what a request names."""
    num_alerts: int
    """Alerts in it."""
    num_files: int
    """Files in it."""
    nights: list[str]
    """Its nights, `YYYY-MM-DD`, in order."""
    survey: str
    """Whose alerts they are like."""
    example: str
    """A condition that a few of them meet."""

    def _repr_html_(self) -> str:
        nights = some_text(self.nights, 10)
        files = count_text(self.num_files, "file")
        rows = [("alerts", f"{self.num_alerts:,} in {files}"), ("nights", nights), ("try", self.example)]
        return html_rows(self.archive, rows)


@dataclass(frozen=True, kw_only=True)
class _FilePlan:
    """One file to write."""

    night: datetime.date
    profile: Profile
    folder: str
    """Its night's folder, from the root."""
    part: int
    groups: range
    """Numbers of its row groups in the night."""
    sizes: list[int]
    """Alerts of each of the night's row groups."""


def write_sample(
    directory: str | os.PathLike[str],
    *,
    nights: str | Iterable[str | datetime.date] | None = None,
    alerts_per_night: int = 2_000,
    seed: int = 0,
    profile: str | None = None,
    survey: str = "ztf",
    progress: Callable[[int, int], None] | None = None,
) -> SampleArchive:
    """Write a realistic sample archive below `directory/science`.

    Of the alerts of a night about half are of objects that the night before saw too, and of the fourth night on end
    two thirds are of objects seen before; years later it is one in ten or more, variable stars and active galaxies.
    SIMBAD's types have the names that the year's files have in the broker's archive: the short ones in 2019 and 2022
    and the years next to them (`RRLyr`, `Candidate_RRLyr` or, later, `RRLyr_Candidate`), today's in 2021 and from 2024
    on (`RRLyrae`, `RRLyrae_Candidate`).

    The archive appears there when it is complete; an interrupted run leaves nothing. An alert takes about a third
    of a millisecond and 45 kB of disk; memory stays below 1 GB whatever the size.

    Parameters
    ----------
    directory
        Local directory; made if it is missing.
    nights
        UTC dates of the nights to write, or texts as a request has them: `2021-11-22`, `2021-11`, ranges. By default
        three nights.
    alerts_per_night
        How many alerts each night has.
    seed
        Seed of all chance; the same gives the same alerts.
    profile
        The year whose schema all files have, one of PROFILE_NAMES; `mixed` gives the files of each night different
        ones. By default each night has its own year's, or that of the nearest year known.
    survey
        Whose alerts they are like: `ztf`, or `lsst`, which has one schema, so no profile.
    progress
        Called with the number of alerts written and the number of all.

    Raises
    ------
    ArchiveError
        The directory holds an archive.
    InputError
        An argument is not valid, or the directory can't be written.
    """
    if survey not in _SURVEYS:
        raise InputError(f"there is no sample of the survey {survey!r}", accepted=", ".join(_SURVEYS))
    first, default = _SURVEYS[survey]
    nights = _checked_nights(default if nights is None else nights, first)
    alerts_per_night = whole_number("alerts_per_night", alerts_per_night, least=0)
    seed = whole_number("seed", seed, least=0)
    _check_numbers(alerts_per_night)
    if profile is not None and survey == "lsst":
        raise InputError(f"a sample of lsst has no profile {profile!r}", next_step="Leave the profile out.")
    if profile is not None and profile not in PROFILE_NAMES:
        raise InputError(
            f"there is no profile {profile!r}",
            accepted=f"profile: {', '.join(PROFILE_NAMES)}",
            next_step="Leave it out to give each night its own year's schema.",
        )
    base = _prepared_directory(directory, len(nights) * alerts_per_night)
    total, done, num_files = len(nights) * alerts_per_night, 0, 0
    with tempfile.TemporaryDirectory(prefix=".science-", dir=base) as temporary:
        root = Path(temporary) / "science"
        for file in _files(root, survey, nights, alerts_per_night, seed, profile):
            num_files += 1
            for num_written in file:
                done += num_written
                if progress is not None:
                    progress(done, total)
        try:
            root.rename(base / "science")
        except OSError as exc:
            raise _taken(base / "science") from exc
    return SampleArchive(
        archive=str(base / "science"),
        num_alerts=total,
        num_files=num_files,
        nights=[night.isoformat() for night in nights],
        survey=survey,
        example=survey_named(survey).example,
    )


def _files(
    root: Path, survey: str, nights: Iterable[datetime.date], num_alerts: int, seed: int, profile: str | None
) -> Iterator[Iterator[int]]:
    """Yield what writes each file, a row group at a time."""
    if survey == "lsst":
        for night in nights:
            yield write_night(root, night, num_alerts=num_alerts, seed=seed)
        return
    pool = StampPool(seed)
    for night in nights:
        for plan in _plan_night(night, num_alerts, profile):
            yield _write_file(root, plan, seed=seed, pool=pool)


def _checked_nights(nights: str | Iterable[str | datetime.date], first: datetime.date) -> list[datetime.date]:
    today = datetime.datetime.now(datetime.UTC).date()
    found = parse_nights(nights)
    for night in found:
        if not first <= night <= today:
            raise InputError(
                f"there can be no alerts of the night {night}",
                accepted=f"nights: dates from {first} to {today}, at least one",
                next_step="Choose nights on which the survey has observed.",
            )
    return found


def _check_numbers(alerts_per_night: int) -> None:
    if not 1 <= alerts_per_night <= _MOST_ALERTS_A_NIGHT:
        raise InputError(
            f"{alerts_per_night} alerts a night can't be written",
            accepted=f"alerts per night: 1 to {_MOST_ALERTS_A_NIGHT}",
            next_step="Choose a number in this range; for more alerts, give more nights.",
        )


def _taken(place: Path) -> ArchiveError:
    return ArchiveError(
        f"there is an archive in {place} already",
        accepted="a directory without an archive",
        next_step="Choose another directory, or remove the archive that is there.",
    )


def _prepared_directory(directory: str | os.PathLike[str], num_alerts: int) -> Path:
    base = Path(directory).absolute()
    try:
        if any(base.glob("year=*")):
            raise _taken(base)
        if (base / "science").exists() and (not (base / "science").is_dir() or any((base / "science").iterdir())):
            raise _taken(base / "science")
        base.mkdir(parents=True, exist_ok=True)
        if not os.access(base, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        free = shutil.disk_usage(base).free
    except OSError as exc:
        raise InputError(
            f"can't write to {base}: {exc.strerror}",
            accepted="a local directory that can be written",
            next_step="Choose another directory.",
        ) from exc
    needed = num_alerts * _ALERT_NBYTES
    if needed > free:
        raise InputError(
            f"{num_alerts} alerts take {needed / 1e9:.1f} GB and {base} has {free / 1e9:.1f} GB left",
            accepted=f"up to {free // _ALERT_NBYTES} alerts in all",
            next_step="Write fewer alerts, or choose a directory on a larger disk.",
        )
    return base


def _even(num: int, num_parts: int) -> list[int]:
    """Cut a number into parts that differ by one at most."""
    return [num // num_parts + (part < num % num_parts) for part in range(num_parts)]


def _plan_night(night: datetime.date, num_alerts: int, profile: str | None) -> Iterator[_FilePlan]:
    """Cut a night into files and these into row groups; with `mixed`, into as many files as there are profiles."""
    own = nearest_profile(night.year)
    profiles = [*PROFILES.values()] if profile == "mixed" else [PROFILES[profile] if profile else own]
    num_files = min(num_alerts, max(len(profiles), -(-num_alerts // _FILE_ALERTS)))
    groups_per_file = [-(-num // _ROW_GROUP_ALERTS) for num in _even(num_alerts, num_files)]
    sizes = _even(num_alerts, sum(groups_per_file))
    first_group = 0
    for part, num_groups in enumerate(groups_per_file):
        yield _FilePlan(
            night=night,
            profile=profiles[part % len(profiles)],
            folder=(own if profile == "mixed" else profiles[0]).folder(night),
            part=part,
            groups=range(first_group, first_group + num_groups),
            sizes=sizes,
        )
        first_group += num_groups


def _write_file(root: Path, plan: _FilePlan, *, seed: int, pool: StampPool) -> Iterator[int]:
    """Write one file, a row group at a time, and give the number of alerts in each."""
    profile, folder = plan.profile, root / plan.folder
    folder.mkdir(parents=True, exist_ok=True)
    token = np.random.default_rng([seed, plan.night.toordinal(), 0, plan.part]).bytes(16).hex()
    origin = {"generator": "alert-transfer archive sample", "seed": seed, "profile": profile.name}
    path = folder / profile.file_name(plan.part, token)
    with pq.ParquetWriter(path, profile.schema, **_writer_options(profile)) as writer:
        # What tells a sample from real alerts, once it is copied elsewhere.
        writer.add_key_value_metadata({"alert_transfer.sample": json.dumps(origin)})
        for group in plan.groups:
            writer.write_table(_group_table(plan, group, seed=seed, pool=pool))
            yield plan.sizes[group]


def _writer_options(profile: Profile) -> dict[str, object]:
    return {
        "compression": "snappy",
        "use_dictionary": _dictionary_leaves(profile),
        "version": profile.parquet_version,
        # Spark knows neither Arrow's schema nor, by default, Parquet's nanoseconds.
        "store_schema": not profile.from_spark,
        "use_deprecated_int96_timestamps": profile.from_spark,
        "use_compliant_nested_type": profile.from_spark,
    }


def _dictionary_leaves(profile: Profile) -> list[str]:
    """Name the leaves that may have a dictionary: all but the stamps.

    A dictionary would store each of the pool's stamps once; they are to take as much room as real ones, which differ.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(profile.schema.empty_table(), sink, use_compliant_nested_type=profile.from_spark)
    leaves = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    paths = [leaves.column(place).path for place in range(len(leaves))]
    return [path for path in paths if not path.endswith(".stampData")]


def _group_table(plan: _FilePlan, group: int, *, seed: int, pool: StampPool) -> pa.Table:
    """Draw the alerts of one row group."""
    batch, rng = draw_batch(
        seed=seed,
        night=plan.night,
        profile=plan.profile,
        group=group,
        num_groups=len(plan.sizes),
        num_alerts=plan.sizes[group],
    )
    packets = draw_packets(batch)
    columns = {
        "candidate": packets.candidate(),
        "prv_candidates": packets.history(),
        **_cutouts(packets, pool, rng),
        **AddedValues(packets, rng).columns(),
    }
    return pa.table([columns[field.name].cast(field.type) for field in plan.profile.schema], schema=plan.profile.schema)


def _cutouts(packets: Packets, pool: StampPool, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Give each alert three stamps that belong together, and file names as the survey forms them."""
    batch = packets.batch
    host = np.array([kind.host for kind in KINDS])[batch.objects.kind[batch.alert_object]]
    positive = packets.positive[packets.detection_of_epoch[batch.alert_epoch]]
    stamps = pool.choose(rng, host=host, positive=positive, mag=batch.epoch_mag[batch.alert_epoch])
    candid = packets.alert_column("candid").cast(pa.string())
    pid = packets.alert_column("pid").cast(pa.string())
    ending = pc.if_else(pa.array(positive), "_targ_scimref.fits.gz", "_targ_refmsci.fits.gz")
    names = {
        "cutoutScience": pc.binary_join_element_wise("candid", candid, "_pid", pid, "_targ_sci.fits.gz", ""),
        "cutoutTemplate": pc.binary_join_element_wise("candid", candid, "_ref.fits.gz", ""),
        "cutoutDifference": pc.binary_join_element_wise("candid", candid, "_pid", pid, ending, ""),
    }
    return {
        name: pa.StructArray.from_arrays([names[name], stamp], ["fileName", "stampData"])
        for name, stamp in zip(names, stamps, strict=True)
    }
