"""Kafka's jars: fetched once from a Maven repository by jgo, each checked against kafka-jars.lock."""

import fcntl
import functools
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.settings import cache_folder
from engine.errors import BrokerError

__all__ = ["KAFKA_VERSION", "Jar", "fetch_jars", "locked_jars", "to_stderr"]

KAFKA_VERSION = "4.4.0"


def to_stderr(line: str) -> None:
    """Tell people one line."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    nbytes: int

    @property
    def name(self) -> str:
        """Return the file's name."""
        return f"{self.artifact}-{self.version}.jar"


@functools.cache
def locked_jars() -> tuple[Jar, ...]:
    """Return the jars that Kafka is made of, in the lock's order."""
    jars = []
    for line in Path(__file__).with_name("kafka-jars.lock").read_text().splitlines():
        coordinates, sha256, nbytes = line.split()
        group, artifact, version = coordinates.split(":")
        jars.append(Jar(group=group, artifact=artifact, version=version, sha256=sha256, nbytes=int(nbytes)))
    return tuple(jars)


def _check_jar(jar: Jar, path: Path, next_step: str) -> None:
    try:
        with path.open("rb") as file:
            sha256, nbytes = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as exc:
        raise BrokerError(
            f"{path} cannot be read: {exc.strerror}", accepted=f"{jar.name}", next_step=next_step
        ) from exc
    if (sha256, nbytes) != (jar.sha256, jar.nbytes):
        raise BrokerError(
            f"{path} is not the {jar.name} of Kafka {KAFKA_VERSION}: {nbytes} bytes, sha256 {sha256}",
            accepted=f"{jar.nbytes} bytes, sha256 {jar.sha256}",
            next_step=next_step,
        )


def fetch_jars(*, jars_dir: str | os.PathLike[str] | None = None, announce: Callable[[str], None] = to_stderr) -> Path:
    """Return the folder with Kafka's jars, fetched now if they are not here yet; each is checked against the lock.

    They are kept in the user's cache folder (`$ALERT_TRANSFER_CACHE`, else `$XDG_CACHE_HOME/alert-transfer` or the
    platform's), and come from the repository `$ALERT_TRANSFER_MAVEN_REPOSITORY` (a URL; default: Maven Central).

    Parameters
    ----------
    jars_dir
        Folder that has the jars already (default: `$ALERT_TRANSFER_KAFKA_JARS`); then nothing is fetched.
    announce
        Is told in one line what will take a while.

    Raises
    ------
    BrokerError
        If a jar cannot be had, or is not the one that the lock names. Nothing half-fetched is left behind.
    """
    own = jars_dir or os.environ.get("ALERT_TRANSFER_KAFKA_JARS")
    if own:
        folder = Path(own).expanduser().absolute()
        next_step = (
            f"put the {len(locked_jars())} jars that engine/local/kafka-jars.lock names into {folder}, as they are"
        )
    else:
        folder = cache_folder(f"kafka-{KAFKA_VERSION}")
        next_step = f"remove {folder} and run again, so that it is fetched anew"
        if not folder.exists():
            _fetch_into(folder, announce)
    for jar in locked_jars():
        _check_jar(jar, folder / jar.name, next_step)
    return folder


def _fetch_into(folder: Path, announce: Callable[[str], None]) -> None:
    """Fetch all jars, check them, and rename their folder into place; of two processes the second waits."""
    try:
        from jgo.maven import MavenContext
    except ImportError as exc:
        raise BrokerError(
            f"Kafka's jars cannot be fetched: {exc}", next_step="in a clone of alert-transfer: pip install '.[broker]'"
        ) from exc
    with _exclusive(folder.with_name(f"{folder.name}.lock"), announce):
        if folder.exists():
            return
        staging = folder.with_name(f"{folder.name}.fetching")
        nbytes = sum(jar.nbytes for jar in locked_jars())
        announce(f"Fetching Apache Kafka {KAFKA_VERSION} ({nbytes / 1e6:.0f} MB, once) into {folder} ...")
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, staging, ignore_errors=True)
            shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
            (staging / "jars").mkdir(parents=True)
            repository = os.environ.get("ALERT_TRANSFER_MAVEN_REPOSITORY")
            context = MavenContext(
                repo_cache=staging / "repository",
                remote_repos={"configured": repository.rstrip("/")} if repository else None,
                timeout=60,
            )
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda jar: _fetch_jar(jar, context, staging / "jars" / jar.name), locked_jars()))
            (staging / "jars").rename(folder)


def _fetch_jar(jar: Jar, context: Any, target: Path) -> None:
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    next_step = (
        "see that the Maven repository can be reached (ALERT_TRANSFER_MAVEN_REPOSITORY names another one), "
        "or put the jars into a folder and name it by ALERT_TRANSFER_KAFKA_JARS"
    )
    failures = (OSError, RuntimeError)  # requests' errors are OSErrors; jgo raises RuntimeError for "not found"
    retrying = Retrying(
        retry=retry_if_exception_type(failures),
        stop=stop_after_attempt(3),
        wait=wait_exponential(multiplier=0.5),
        before=lambda _: artifact.cached_path.unlink(missing_ok=True),  # a half-fetched file
        reraise=True,
    )
    try:
        path = retrying(artifact.resolve)
    except failures as exc:
        raise BrokerError(f"{jar.name} cannot be fetched: {exc}", next_step=next_step) from exc
    _check_jar(jar, path, next_step)
    path.rename(target)


@contextmanager
def _exclusive(path: Path, announce: Callable[[str], None]) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as exc:
        raise BrokerError(
            f"the cache folder {path.parent} cannot be written: {exc.strerror}",
            next_step="name another one by ALERT_TRANSFER_CACHE",
        ) from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce(f"Waiting for another process that fetches Apache Kafka {KAFKA_VERSION} ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
