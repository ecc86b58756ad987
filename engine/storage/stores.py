"""Stores of files: whatever fsspec opens, asked afresh each time, its links followed, its failures told in one line."""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import fsspec
from fsspec.caching import caches
from fsspec.spec import AbstractBufferedFile

from consumer.settings import refuse_password, resolved, without_password, without_secrets
from engine.errors import ArchiveError

__all__ = ["Entry", "Store", "cause_of", "fresh_info", "without_password"]

_THREADS = 16
# Of the links of an index page: other orders of it, places on it, deeper or higher pages, other hosts, mail.
_NO_CHILD = re.compile(r"[?#]|/.|^\.{1,2}/?$|^(?:https?|ftp|mailto|javascript|data|tel):", re.IGNORECASE)
_MOST_LETTERS = 200
# Two threads that drop the same listing at once raise in fsspec's DirCache.
_DROPPING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a folder of a store has under one name."""

    name: str
    """Without its folder, and as people read it: `year=2021` where a web server writes `year%3D2021`."""
    path: str
    """Where the store has it."""
    kind: str
    """`file` or `directory`; whatever else the store says of links and the like."""
    nbytes: int | None
    version: str | None
    """ETag, or the time of the last change."""
    target: str | None = None
    """Where a link leads to, as the link has it."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.kind == "directory"

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.kind == "file"

    @property
    def is_link(self) -> bool:
        """Whether it may be a link that was not followed yet."""
        return self.kind not in ("file", "directory")


class Store:
    """A file system of fsspec's and a folder on it; opened on first use, in the process that uses it.

    A task that holds one passes through Dask's scheduler, which neither has the secrets nor is to ask for them.

    Parameters
    ----------
    url
        A path or a URL.
    storage_options
        What the file system needs; see fsspec. `{env: NAME}` and `{file: PATH}` are read when it is opened.

    Raises
    ------
    ArchiveError
        If the URL has a password in it. On first use, if the file system can't be opened.
    ConfigError
        On first use, if a secret can't be read here.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any]):
        refuse_password("archive", url, error=ArchiveError)
        self.url = url
        self._options = storage_options

    @cached_property
    def _opened(self) -> tuple[fsspec.AbstractFileSystem, str]:
        options = resolved(self._options, "storage_options")
        try:
            files, root = fsspec.core.url_to_fs(self.url, **options)
        except Exception as exc:  # each file system has errors of its own, and some connect at once
            raise ArchiveError(
                f"the archive {self.shown!r} is on a file system that can't be opened: {cause_of(exc)}",
                accepted="a path, s3://bucket/folder, or another URL that fsspec knows",
                next_step="check the URL and that its host answers; some file systems need a package of their own",
            ) from exc
        return files, root

    @property
    def _fs(self) -> fsspec.AbstractFileSystem:
        return self._opened[0]

    @property
    def reads_versions(self) -> bool:
        """Whether ranges can be had of one version of a file: on S3 and what speaks its protocol."""
        return not {"s3", "s3a"}.isdisjoint(self._protocols) and hasattr(self._fs, "_call_s3")

    @cached_property
    def files_for_ranges(self) -> Any:
        """The file system once more, for requests that are sent again by whoever needs what they bring."""
        options = resolved(self._options, "storage_options")
        from engine.storage.direct import DirectSession  # brings botocore, which other stores do without

        config = {
            "max_pool_connections": 2 * _THREADS,
            "retries": {"total_max_attempts": 1},
            "http_session_cls": DirectSession,
        }
        files = type(self._fs)(**{**options, "config_kwargs": {**config, **options.get("config_kwargs", {})}})
        files.retries = 1
        return files

    @property
    def root(self) -> str:
        """The folder, as the file system has it."""
        return self._opened[1]

    @cached_property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self._fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    @property
    def is_local(self) -> bool:
        """Whether it lies on a disk."""
        return "file" in self._protocols

    @property
    def is_web(self) -> bool:
        """Whether a web server has it."""
        return "http" in self._protocols

    @property
    def num_threads(self) -> int:
        """How many threads may use it at once."""
        # An FTP connection does one thing at a time.
        return 1 if "ftp" in self._protocols else _THREADS

    @property
    def shown(self) -> str:
        """The URL for people: without a password."""
        return without_password(self.url)

    def entries(self, folder: str) -> list[Entry]:
        """Return what a folder has now, links as links; nothing if there is no such folder.

        Raises
        ------
        ArchiveError
            If the store can't be reached, or does not let us.
        """
        files = self._fs
        try:
            listed = _fresh(files, files.ls, folder, detail=True)
        except FileNotFoundError:
            return []
        except NotADirectoryError as exc:
            raise ArchiveError(f"{without_password(folder)} is a file, not a folder of an archive") from exc
        except Exception as exc:  # every file system has errors of its own; we name the archive and the cause
            raise self._unreadable(exc) from exc
        entries = (self._entry(info, folder) for info in listed)
        return [entry for entry in entries if entry is not None]

    def followed(self, entry: Entry) -> Entry:
        """Return what a link leads to, under the link's name; anything else as it is.

        Raises
        ------
        ArchiveError
            If it leads nowhere.
        """
        if not entry.is_link:
            return entry
        try:
            info = self.info(entry.path)
        except FileNotFoundError as exc:
            raise self._dangling(entry, "where there is nothing") from exc
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise self._dangling(entry, "and so back to itself") from exc
            raise self._unreadable(exc) from exc
        return _described(info, entry.name, entry.path, entry.target)

    def sized(self, entry: Entry) -> Entry:
        """Return a file with its size, which listings of web servers lack.

        Raises
        ------
        ArchiveError
            If the store does not say how large it is.
        """
        if entry.nbytes is not None:
            return entry
        try:
            info = self.info(entry.path)
        except Exception as exc:  # as in `entries`
            raise self._unreadable(exc) from exc
        described = _described(info, entry.name, entry.path, entry.target)
        if described.nbytes is None:
            raise ArchiveError(
                f"the server does not say how large {without_password(entry.path)} is",
                accepted="a server that sends Content-Length",
                next_step="have the archive served otherwise, or copy it to a disk",
            )
        return described

    def info(self, path: str) -> dict[str, Any]:
        """Return what fsspec says of a path now, of a link's target where it is one.

        Raises
        ------
        FileNotFoundError
            If it is not there. All else that the file system raises comes out as well.
        """
        try:
            return fresh_info(self._fs, path)
        except FileNotFoundError as exc:
            # fsspec says so too of a web server that does not answer.
            if self.is_web and exc.__cause__ is not None and getattr(exc.__cause__, "status", None) not in (404, 410):
                raise exc.__cause__ from None
            raise

    def entry(self, path: str) -> Entry:
        """Return a file as it is now. Raises what `info` raises."""
        info = self.info(path)
        return _described(info, path.rstrip("/").rpartition("/")[2], path, None)

    def open(self, path: str, *, afresh: bool) -> Any:
        """Return a file for reading that fetches what it is asked for and no more.

        fsspec's own caches read ahead: s3fs 50 MiB behind each range.

        Parameters
        ----------
        path
            Where it is.
        afresh
            Whether to ask for its size and version once more, rather than to trust a listing.
        """
        if afresh:
            _drop_listing(self._fs, path)
        file = self._fs.open(path, mode="rb", cache_type="none")
        if isinstance(file, AbstractBufferedFile) and file.cache.name != "none":
            # Some file systems do not pass on what cache is asked for.
            file.cache = caches["none"](file.blocksize, file.cache.fetcher, file.size)
        return file

    def read(self, path: str) -> bytes:
        """Return a whole file, as it is now. Raises what the file system raises."""
        _drop_listing(self._fs, path)
        content: bytes = self._fs.cat_file(path)
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write a whole file, and the folders above it; on a disk nobody sees it half written.

        Raises what the file system raises.
        """
        if not self.is_local:
            self._fs.pipe_file(path, content)
            return
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        staged = os.path.join(folder, f".{name}.{os.getpid()}-{threading.get_ident()}")
        try:
            with open(staged, "xb") as file:
                file.write(content)
            os.replace(staged, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged)

    def remove(self, path: str) -> None:
        """Remove a file. Raises what the file system raises."""
        self._fs.rm_file(path)

    def real_path(self, path: str) -> str:
        """Return a local path without links."""
        return os.path.realpath(path)

    def relative(self, path: str) -> str:
        """Return a path below the root for people."""
        below = path.removeprefix(self.root).strip("/")
        return unquote(below) if self.is_web else below

    def dangling_root(self) -> str | None:
        """Return where the root leads to, if it is a link that leads nowhere."""
        if self.is_local and os.path.islink(self.root) and not os.path.exists(self.root):
            return os.readlink(self.root)
        return None

    def is_there(self) -> bool:
        """Whether the root is a folder that can be told from none: object stores have no empty folders."""
        return self.is_local and self._fs.isdir(self.root)

    def _entry(self, info: Mapping[str, Any], folder: str) -> Entry | None:
        """Return a listed entry, or None where it is not in the folder."""
        path, base = info["name"], folder.rstrip("/")
        if self.is_web:
            name = path.removeprefix(base + "/").removeprefix("./")
            if name == path or not name.rstrip("/") or _NO_CHILD.search(name):
                return None
            return _described(info, unquote(name.rstrip("/")), f"{base}/{name}", None)
        path = path.rstrip("/")
        # Object stores have objects that stand for their folder; and a file's listing is the file.
        if path == base or path.strip("/") == base.strip("/"):
            return None
        kind = "link" if info.get("islink") else info.get("type", "other")
        return _described({**info, "type": kind}, path.rpartition("/")[2], path, info.get("destination"))

    def _unreadable(self, exc: Exception) -> ArchiveError:
        return ArchiveError(
            f"the archive {self.shown!r} can't be read: {cause_of(exc)}",
            next_step="check the URL, the endpoint and the credentials",
        )

    def _dangling(self, entry: Entry, where: str) -> ArchiveError:
        target = f" to {os.fsdecode(entry.target)}" if entry.target else ""
        return ArchiveError(
            f"{entry.path} is a link{target}, {where}",
            accepted="links that lead to files and folders",
            next_step="repair or remove the link; the disk that it leads to may not be mounted",
        )


def fresh_info(fs: fsspec.AbstractFileSystem, path: str) -> dict[str, Any]:
    """Return what a file system says of a path now, whatever it has listed before."""
    return _fresh(fs, fs.info, path)


def cause_of(exc: BaseException) -> str:
    """Return what an error says, in one line of bounded length, without passwords of URLs and without secrets."""
    text = " ".join(str(exc).split("\n", 1)[0].split())
    text = text or ("it did not answer in time" if isinstance(exc, TimeoutError) else type(exc).__name__)
    text = without_secrets(text)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _fresh(fs: fsspec.AbstractFileSystem, ask: Callable[..., Any], path: str, **how: Any) -> Any:
    _drop_listing(fs, path)
    own = getattr(fs, f"_{ask.__name__}", ask)
    if "refresh" in inspect.signature(own).parameters:
        how["refresh"] = True  # another thread may have put a listing back already
    return ask(path, **how)


def _drop_listing(fs: fsspec.AbstractFileSystem, path: str) -> None:
    """Have a file system forget what it listed of a path and of its folder."""
    with _DROPPING:
        fs.invalidate_cache(path)
        fs.invalidate_cache(fs._parent(path))


def _described(info: Mapping[str, Any], name: str, path: str, target: str | None) -> Entry:
    size = info.get("size")
    return Entry(
        name=name,
        path=path,
        kind=info.get("type", "other"),
        nbytes=None if size is None else int(size),
        version=_version(info),
        target=target,
    )


def _version(info: Mapping[str, Any]) -> str | None:
    for name in ("ETag", "etag", "mtime", "Last-Modified", "modify"):
        if info.get(name):
            return str(info[name]).strip('"')
    return None
