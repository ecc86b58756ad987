"""The folder that a topic is fetched into, and what lies beside it.

    outdir/                 finished Parquet files and hive folders, nothing else
    outdir.transfer/
        lock                held while a consumer writes (consumer/dataset/locking.py)
        job.json            whose folder it is: topic, job id, partitioning, request, how labels are named
        journal.jsonl       what was taken so far (consumer/dataset/journal.py)
        manifest.jsonl      copy of the topic's manifest
        request.yaml        what was asked for, as submit --request takes it (consumer/dataset/request_file.py)
        receipt.json        what the job sent and what is here of it, at the end of the last run (consumer/receipt)
        receipt.txt         the same for people
        staging/            files that are being written
        spool/              alerts whose files aren't full yet, by class only (consumer/dataset/spool.py)
        rejected/           messages that could not be read, as they came: the first (consumer/dataset/rejected.py)

Nothing here needs Kafka. A file reaches the folder by rename, after the journal has its round on disk. A crash may come
at any moment: the run that opens the folder next finishes the renames of the last round, or discards the staging.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from consumer.dataset.disk import DRAFT, ignores_case, make_folders, sync, sync_all, write_file
from consumer.dataset.folder_names import NameRule, is_rule
from consumer.dataset.journal import Journal, Round
from consumer.dataset.locking import LOCK_FILES, lock
from consumer.dataset.name_trial import NameTrial
from consumer.dataset.on_disk import look_through, lost_files, strangers
from consumer.dataset.parquet import is_ours
from consumer.dataset.spool import file_name
from consumer.errors import IncompleteError, InputError
from consumer.hints import quoted
from consumer.words import count_text, verb_text

__all__ = ["Folder", "check_free", "check_owner", "home_of", "locate", "read_owner"]

_OUR_FILES = ("journal.jsonl", "manifest.jsonl", "receipt.json", "receipt.txt", "request.yaml", "job.json")
_OWNER = {"topic": str, "job_id": str, "partitionby": str, "request": dict}
_OURS = {*LOCK_FILES, "staging", "spool", "rejected", *_OUR_FILES}


def locate(outdir: str | os.PathLike[str]) -> Path:
    """Return the absolute path of an output folder, links followed.

    Raises
    ------
    InputError
        If it can't be a local folder with another beside it.
    """
    text = os.fspath(outdir)
    accepted = "a path on this machine, existing or not"
    if "://" in text:
        raise InputError(f"the output folder {text!r} is not local", accepted=accepted)
    try:
        path = Path(text).expanduser().resolve()
    except RuntimeError as exc:
        raise InputError(f"the output folder {text!r} can't be found: {exc}", accepted=accepted) from exc
    if not text or not path.name:
        raise InputError(f"{text!r} can't be an output folder", accepted=accepted)
    if path.exists() and not path.is_dir():
        raise InputError(f"the output folder {text!r} is a file", accepted=accepted)
    return path


def home_of(outdir: Path) -> Path:
    """Return the folder beside `outdir` that holds all but the Parquet files."""
    return outdir.with_name(outdir.name + ".transfer")


def read_owner(outdir: Path) -> dict[str, Any] | None:
    """Return topic, job_id, partitionby and request of the folder, or None if no consumer has used it yet."""
    path = home_of(outdir) / "job.json"
    if not path.exists():
        return None
    try:
        owner = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as exc:
        raise _damaged(path) from exc
    if not isinstance(owner, dict) or not all(isinstance(owner.get(name), kind) for name, kind in _OWNER.items()):
        raise _damaged(path)
    if not isinstance(owner.get("share"), str | None) or not is_rule(owner):
        raise _damaged(path)
    return owner


def _damaged(path: Path) -> IncompleteError:
    return IncompleteError(f"{path} is damaged", next_step="choose another --outdir, or delete both folders")


class Folder:
    """An output folder, locked; a context manager.

    Parameters
    ----------
    outdir
        What `locate` returned.
    topic, job_id, partitionby, request, share
        What the folder is for. The first consumer writes it down; each later one must be for the same.
    restart
        Empty what this program wrote, and nothing else, and begin anew.
    note
        Called with a sentence worth telling the user.

    Raises
    ------
    InputError
        If the folder is another job's, holds files of another program, or is in use.
    IncompleteError
        If files that were written have gone or changed.
    """

    def __init__(
        self,
        outdir: Path,
        *,
        topic: str,
        job_id: str,
        partitionby: str,
        request: Mapping[str, Any],
        share: str | None = None,
        restart: bool = False,
        note: Callable[[str], None] = lambda text: None,
    ):
        self.path = outdir
        self._home = home_of(outdir)
        self._staging = self._home / "staging"
        self._manifest_lines = 0
        self._owner = {
            "topic": topic,
            "job_id": job_id,
            "partitionby": partitionby,
            "share": share,
            "request": dict(request),
        }
        check_free(outdir, restart=restart)
        make_folders(self._home)
        self._lock = lock(outdir, self._home)
        try:
            check_free(outdir, restart=restart)  # again, now that no other consumer can write
            if restart:
                ours = self._written()
                self._check_others({path.relative_to(outdir).as_posix() for path in ours}, lambda text: None)
                self._forget(ours)
            check_owner(outdir, topic=topic, job_id=job_id, partitionby=partitionby, share=share)
            make_folders(outdir)
            make_folders(self._staging)
            self._ignores_case = ignores_case(outdir) or ignores_case(self._staging)
            owner = read_owner(outdir)
            self.names = self._begin() if owner is None else NameRule.from_owner(owner)
            """How labels are named as folders here."""
            if outdir.stat().st_dev != self._home.stat().st_dev:
                raise InputError(
                    f"{outdir} and {self._home} are on different file systems: no file can move between them at once",
                    next_step="choose a folder below the mount point",
                )
            self.journal = Journal(self._home / "journal.jsonl")
            self._recover()
            by_label = partitionby not in ("time", "none")
            scratch = self._staging / "names"
            self._trial = NameTrial(outdir, scratch, by_label=by_label, ignores_case=self._ignores_case)
            self._check_files(note)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> None:
        with closing(self):
            if isinstance(exc, InputError) and not self.journal.num_rounds:
                self._forget(())  # nothing was started: another run may begin it otherwise

    def close(self) -> None:
        """Give the lock back."""
        self._lock.close()

    @property
    def spool(self) -> Path:
        """Folder of the alerts whose files aren't full yet."""
        return self._home / "spool"

    def drop_spool(self) -> None:
        """Empty the spool, once no file can grow any more."""
        shutil.rmtree(self.spool, ignore_errors=True)

    def stage(self, index: int | None = None) -> Path:
        """Return an empty folder for the files of a round; None stands for the one that the journal has next."""
        path = self._staging / str(self.journal.num_rounds if index is None else index)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def check_names(self, folders: Iterable[str], *, is_first: bool | None = None) -> None:
        """Have the disk try the names of the folders of a round.

        Parameters
        ----------
        folders
            Relative to the output folder.
        is_first
            Whether it is the first round; None where all rounds before it are in the journal, which says so.

        Raises
        ------
        InputError, IncompleteError
            If it refuses one of them, or takes two for one.
        """
        self._trial.check(folders, is_empty=not self.journal.num_rounds if is_first is None else is_first)

    def lost(self) -> dict[str, str]:
        """Return what is wrong with each file that does not lie on the disk as the journal has it, by name and size."""
        return self.look_through()[0]

    def look_through(self) -> tuple[dict[str, str], list[str]]:
        """Return what `lost` returns, and a sentence on each further file that readers meet in the folder."""
        met, links = look_through(self.path)
        written = self.journal.files
        return lost_files(written, met), [*links, *(stranger.told for stranger in strangers(written, met))]

    def commit(self, entry: Round, rejected: Mapping[tuple[int, int], bytes]) -> None:
        """Make a round part of the folder, for good.

        Parameters
        ----------
        entry
            The round; its files lie in what `stage` returned.
        rejected
            Bytes of the messages that could not be read and are kept, by partition and offset.
        """
        staged = self._staging / str(entry.index)
        sync_all(staged / name for name in [*(file["path"] for file in entry.files), *self._spooled(entry)])
        sync_all([*(path for path in staged.rglob("*") if path.is_dir()), staged, self._staging])
        if rejected:
            make_folders(self._home / "rejected")
            for (partition, offset), value in rejected.items():
                write_file(self._home / "rejected" / f"partition-{partition}-offset-{offset}.avro", value)
        self.journal.append(entry)
        sync(self._home)
        self._publish(entry)

    def append_manifest(self, lines: Iterable[bytes]) -> None:
        """Add records (one JSON text each) to the manifest's copy; the first call begins the copy anew."""
        lines = list(lines)
        if not lines:
            return
        path = self._home / "manifest.jsonl"
        block = b"".join(line + b"\n" for line in lines)
        if not self._manifest_lines:
            write_file(path, block)
        else:
            with open(path, "ab") as file:
                file.write(block)
                file.flush()
                os.fsync(file.fileno())
        self._manifest_lines += len(lines)

    def write_request(self, text: str) -> None:
        """Write down what was asked for, unless it stands there already."""
        path, content = self._home / "request.yaml", text.encode()
        with suppress(FileNotFoundError):
            if path.read_bytes() == content:
                return
        write_file(path, content)

    def write_receipt(self, document: Mapping[str, Any], text: str) -> None:
        """Put a receipt in the place of the last one, as JSON and as text."""
        content = json.dumps(document, indent=1, allow_nan=False)
        write_file(self._home / "receipt.json", content.encode() + b"\n")
        write_file(self._home / "receipt.txt", text.encode("utf-8", "backslashreplace") + b"\n")

    def _publish(self, entry: Round) -> None:
        staged = self._staging / str(entry.index)
        touched = set()
        for name in self._spooled(entry):
            if (staged / name).exists():
                touched.update(make_folders(self.spool))
                os.replace(staged / name, self.spool / name)
                touched.add(self.spool)
        for file in entry.files:
            source, target = staged / file["path"], self.path / file["path"]
            if source.exists():
                touched.update(make_folders(target.parent))
                os.replace(source, target)
                touched.add(target.parent)
        sync_all(touched)
        shutil.rmtree(staged, ignore_errors=True)
        if self.spool.exists():
            needed = {file_name(index) for index in self.journal.needed()}
            for path in self.spool.iterdir():
                if path.name not in needed:
                    path.unlink()

    def _spooled(self, entry: Round) -> list[str]:
        return [file_name(entry.index)] if entry.spooled else []

    def _recover(self) -> None:
        if self.journal.last is not None:
            self._publish(self.journal.last)
        shutil.rmtree(self._staging, ignore_errors=True)

    def _begin(self) -> NameRule:
        names = NameRule(ignores_case=self._ignores_case)
        write_file(self._home / "job.json", json.dumps(self._owner | names.to_owner(), indent=1).encode())
        return names

    def _check_files(self, note: Callable[[str], None]) -> None:
        written = self.journal.files
        gone = [path for path in written if not (self.path / path).exists()]
        self._check_others(written, note)
        if written and len(gone) == len(written):
            note(f"the files of {self.path} are gone: starting over")
            self._forget(())
            self.names = self._begin()
            self.journal = Journal(self._home / "journal.jsonl")
            return
        self._trial.add(sorted({folder for folder, _ in self.journal.parts}))
        if lost := self.lost():
            first = next(iter(lost.values()))
            raise IncompleteError(
                f"{len(lost):,} of {count_text(len(written), 'file')} of {self.path} "
                f"{verb_text(len(lost), 'is gone or has', 'are gone or have')} another size than was written: "
                f"{first}" + (", and others" if len(lost) > 1 else ""),
                next_step="fetch the topic anew with --restart; see what is missing with: "
                f"alert-transfer verify {quoted(self.path)}",
            )

    def _on_disk(self) -> list[Path]:
        return list(_files_below(self.path)) if self.path.exists() else []

    def _check_others(self, known: Collection[str], note: Callable[[str], None]) -> None:
        """Refuse alerts, in the folder or below it, that the journal does not know: they could be there twice."""
        others = list(strangers(known, look_through(self.path)[0]))
        for stranger in others:
            if stranger.is_ours:
                raise IncompleteError(
                    f"{stranger.met.path} holds alerts that a consumer wrote, but {self._home} knows of no such file: "
                    "they could be there twice",
                    next_step=f"move it out of {self.path}"
                    + (", or fetch the topic anew with --restart" if _is_for_us(stranger.met.name) else ""),
                )
        if others:
            first = others[0].met.path
            note(f"{first} is not of this program; programs that read {self.path} as a whole may stop at it")

    def _written(self) -> list[Path]:
        """Files in the folder that this program wrote: by the journal, or by their own receipts."""
        found = self._on_disk()
        try:
            known = {self.path / path for path in Journal(self._home / "journal.jsonl").files}
        except IncompleteError:
            known = set()  # the journal is damaged; the files' receipts tell as well
        return [path for path in found if path in known or is_ours(path)]

    def _forget(self, files: Iterable[Path]) -> None:
        # The files go first: should this be cut short, the journal still knows that the folder is not whole.
        for file in files:
            file.unlink()
            for parent in file.relative_to(self.path).parents:
                with suppress(OSError):  # a folder that still holds something stays
                    (self.path / parent).rmdir()
        for name in ("staging", "spool", "rejected"):
            shutil.rmtree(self._home / name, ignore_errors=True)
        for name in _OUR_FILES:
            (self._home / name).unlink(missing_ok=True)
        sync(self._home)


def check_free(outdir: Path, *, restart: bool = False) -> None:
    """Refuse a folder that holds files although no consumer has used it, and one that lies in such a one.

    Parameters
    ----------
    outdir
        What `locate` returned.
    restart
        Accept files that this program wrote, by their own receipts: they will be emptied.

    Raises
    ------
    InputError
        If it, or the folder beside it, holds anything that isn't this program's.
    """
    for above in outdir.parents:
        if above.name and (home_of(above) / "job.json").exists():
            raise InputError(
                f"{outdir} lies in {above}, into which another topic was fetched: nothing else may lie there",
                next_step="choose another --outdir",
            )
    if read_owner(outdir) is not None:
        return
    home = home_of(outdir)
    files = list(_files_below(outdir)) if outdir.exists() else []
    foreign = [path for path in files if not is_ours(path)]
    if home.exists():
        foreign += [path for path in sorted(home.iterdir()) if path.name.removesuffix(DRAFT) not in _OURS]
    if foreign:
        raise InputError(
            f"the output folder holds {foreign[0]}, which no consumer wrote down in {home}",
            accepted="a folder that is empty or doesn't exist, or one that this topic was fetched into",
            next_step="choose another --outdir",
        )
    if files and not restart:
        raise InputError(
            f"{outdir} holds alerts that a consumer wrote, but what belongs beside them is lost: there is no "
            f"{home / 'job.json'}",
            accepted="a folder together with the one beside it; where one was moved or renamed, the other, too",
            next_step=f"bring {home.name} back, choose another --outdir, or begin anew with --restart",
        )


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in the hive folders below it, where this program puts files. Other folders may
    hold another fetched topic.
    """
    for path in sorted(folder.iterdir()):
        if path.is_dir() and "=" in path.name:
            yield from _files_below(path)
        else:
            yield path


def _is_for_us(name: str) -> bool:
    """Whether a file lies where this program puts files, in a folder or its hive folders, so that it may remove it."""
    return all("=" in part for part in name.split("/")[:-1])


def check_owner(
    outdir: Path, *, topic: str, partitionby: str, share: str | None = None, job_id: str | None = None
) -> None:
    """Refuse a folder that was begun for something else.

    Raises
    ------
    InputError
        If topic, job, partitioning or share differ from what the folder was begun with.
    """
    owner = read_owner(outdir)
    if owner is None:
        return
    if owner["topic"] != topic:
        raise InputError(
            f"{outdir} holds the topic {owner['topic']}, not {topic}",
            accepted="one topic a folder",
            next_step="choose another --outdir, or empty this one with --restart",
        )
    if job_id is not None and owner["job_id"] != job_id:
        raise InputError(
            f"{outdir} holds an earlier job of the same topic name {topic}, which was made anew since",
            accepted="one job a folder",
            next_step="choose another --outdir, or empty this one with --restart",
        )
    if owner["partitionby"] != partitionby:
        raise InputError(
            f"{outdir} is partitioned by {owner['partitionby']}, not by {partitionby}",
            accepted=f"--partitionby {owner['partitionby']}",
            next_step="choose another --outdir, or empty this one with --restart",
        )

    if owner.get("share") != share:
        held = owner.get("share")
        raise InputError(
            f"{outdir} holds {f'share {held}' if held else 'the whole topic'}, not {share or 'the whole topic'}",
            accepted=f"--share {held}" if held else "no --share",
            next_step="choose another --outdir, or empty this one with --restart",
        )
