"""Trying what the settings name: the archive, Kafka and Dask, all at once and within a time, whatever hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from consumer.notebooks import TableList
from consumer.settings import Settings, resolved, without_secrets
from consumer.terms import in_face_terms
from consumer.words import count_text
from engine.errors import AlertTransferError, ArchiveError, ConfigError
from engine.kafka import kafka_of
from engine.storage import Store, for_workers, without_password

__all__ = ["Checked", "check_settings"]

DEADLINE_S = 12.0


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of trying one thing that the settings name."""

    name: str
    """`archive`, `kafka`, `dask`."""
    address: str | None
    """What the settings name; None if they don't."""
    state: str
    """`ok`, `failed`, or `not set`, which is no failure."""
    message: str
    """What was found, or what was wrong."""
    next_step: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for `--json`."""
        return asdict(self)


class CheckedList(TableList[Checked]):
    """What came of trying several things."""

    head: ClassVar[tuple[str, ...]] = ("", "where", "state", "what was found", "next step")
    nothing: ClassVar[str] = "nothing was tried"

    def row(self, item: Checked) -> Sequence[object]:
        """Return the row of one of them."""
        found = (item.message, item.next_step or "")
        return (item.name, item.address or "", item.state, *map(in_face_terms, found))


def check_settings(settings: Settings, *, within_s: float = DEADLINE_S) -> CheckedList:
    """Try what the settings name, and return what came of each; nothing is written or started.

    Parameters
    ----------
    settings
        The settings.
    within_s
        What has not answered by then has failed.
    """
    tries: dict[str, tuple[str | None, Callable[[Settings], str], str]] = {
        "archive": (settings.archive, _archive, "requests must name one: --archive URL"),
        "kafka": (settings.kafka, _kafka, "jobs need one: --kafka host:port; start one with: alert-transfer broker"),
        "dask": (
            settings.dask,
            _dask,
            "jobs run on a cluster that is started on this machine for as long as they take",
        ),
    }
    if settings.dask is not None:
        import engine.local  # noqa: F401  seconds, which nobody has to answer in
    found: dict[str, Checked] = {}
    threads = []
    for name, (address, ask, unset) in tries.items():
        if address is None:
            found[name] = Checked(name=name, address=None, state="not set", message=unset)
            continue
        # Daemons: what still hangs in the end keeps nobody from leaving.
        arguments = (found, name, without_password(address), ask, settings)
        threads.append(threading.Thread(target=_try, args=arguments, name=f"check-{name}", daemon=True))
        threads[-1].start()
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    checked = dict(found)
    return CheckedList(
        checked.get(name)
        or Checked(
            name=name,
            address=without_password(address or ""),
            state="failed",
            message=f"no answer within {within_s:g} s",
            next_step="check the address, and that nothing on the way (a firewall, a proxy) swallows what is sent",
        )
        for name, (address, _, _) in tries.items()
    )


def _try(
    found: dict[str, Checked], name: str, address: str, ask: Callable[[Settings], str], settings: Settings
) -> None:
    try:
        found[name] = Checked(name=name, address=address, state="ok", message=ask(settings))
    except AlertTransferError as exc:
        message, step = exc.message, exc.next_step
        found[name] = Checked(
            name=name, address=address, state="failed", message=without_secrets(message), next_step=step
        )
    except Exception as exc:  # noqa: BLE001  whatever a library raises is the answer
        message = without_secrets(f"{type(exc).__name__}: {exc}")
        found[name] = Checked(name=name, address=address, state="failed", message=message)


def _archive(settings: Settings) -> str:
    store = Store(settings.archive or "", settings.storage_options)
    years = [entry.name for entry in store.entries(store.root) if entry.name.startswith("year=")]
    if not years:
        raise ArchiveError(
            f"there is no year=… in {store.shown!r}",
            next_step="check the path, and that the credentials may list it",
        )
    return f"{count_text(len(years), 'year')}, {min(years)} to {max(years)}" if len(years) > 1 else years[0]


def _kafka(settings: Settings) -> str:
    topics = kafka_of(None, settings).topics()
    jobs = sum(1 for topic in topics if topic.endswith("_manifest"))
    return f"{count_text(len(topics), 'topic')} that we may see, of {count_text(jobs, 'job')}"


def _dask(settings: Settings) -> str:
    from engine.local import connect
    from engine.workers import Sent, check_workers, refusal_of

    tables = {"storage_options": settings.storage_options, "kafka_options": settings.kafka_options}
    for_workers(None, **tables)
    with connect(settings.dask or "", tls=settings.dask_tls) as client:
        check_workers(client)
        threads = client.nthreads()
        answers = client.run(Sent(_missing_secret, tables))
        missing = {worker: why for worker, why in answers.items() if why and not refusal_of(why)}
    if missing:
        raise ConfigError(
            next(iter(missing.values()))
            + (f"; likewise on {count_text(len(missing) - 1, 'other worker')}" if len(missing) > 1 else ""),
            next_step="set the variable where the workers are started, or put the file there",
        )
    if not threads:
        return "no worker yet; a job waits for one"
    return f"{count_text(len(threads), 'worker')}, {count_text(sum(threads.values()), 'thread')}"


def _missing_secret(tables: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what a worker can't read of the secrets that options name; it tells nothing of those that it can."""
    # Imported on the worker: there it names the process as its cluster knows it.
    import engine.transfer.worker  # noqa: F401

    try:
        for name, options in tables.items():
            resolved(options, name)
    except ConfigError as exc:
        return exc.as_told
    return None
