"""The first alerts that a request selects, in the content it asks for, without Kafka."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import distributed
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer.settings import Settings, load_settings, whole_number
from engine.archive import Archive, Fragment
from engine.conditions import filter_table
from engine.errors import UnreadableError
from engine.pipeline import NarrowReader, Selection, read_content
from engine.planning.making import make_plan
from engine.planning.transfer_plan import TransferPlan
from engine.request import TransferRequest
from engine.storage import for_workers
from engine.workers import await_workers, check_client, check_workers, on_worker

__all__ = ["preview"]

_BLOCK_NBYTES = 32 * 1024 * 1024
"""What is read at once to find which alerts are selected."""
_log = logging.getLogger("alert_transfer.preview")


def preview(
    request: TransferRequest,
    *,
    limit: int = 10,
    client: distributed.Client | None = None,
    settings: Settings | None = None,
    on_plan: Callable[[TransferPlan], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> pa.Table:
    """Return the first alerts that a transfer would send: those that it sends with the same limit.

    The same filter and the same reading as the transfer's, until there are enough: of the fragment that has the last of
    them, too, no more row groups are read than it takes. A rare condition goes on to the end of the archive.

    Parameters
    ----------
    request
        What is asked for.
    limit
        Rows at most; the request's own limit counts too.
    client
        Where to run it; None runs it here.
    settings
        Default: the environment and the configuration file.
    on_plan
        Called with the plan before an alert is read: its notes say what a user should know.
    on_wait
        Called with what is waited for, where that may take long: a first worker; default: a warning in the log.
    progress
        Called as `progress(done, total)` while footers are read, and after `on_plan` while fragments are.
    note
        Called with a sentence on each part of the archive that can't be read and is left out, as the request allows;
        default: a warning in the log.

    Raises
    ------
    InputError
        If the request can't be fulfilled.
    ClusterError
        If Dask does not answer, or a worker can't run it.
    """
    check_client(client, "preview")
    limit = whole_number("limit", limit, least=0)
    settings = settings or load_settings()
    sent = None if client is None else for_workers(client, storage_options=settings.storage_options)
    if client is not None:
        check_workers(client)
    plan = make_plan(request, settings, progress)
    if on_plan:
        on_plan(plan)
    if client is not None:
        await_workers(client, on_wait)
    wanted = min(limit, request.limit or limit)
    found: list[pa.Table] = []
    selection = plan.selection
    if sent is not None:
        selection = replace(selection, archive=Archive(selection.archive.url, *sent))
    skip = request.skip_unreadable
    for done, fragment in enumerate(plan.fragments):
        left = wanted - sum(map(len, found))
        if left <= 0:
            break

        def tell(done: int = done) -> None:
            if progress:
                progress(done, len(plan.fragments))

        tell()
        # Where nothing was found yet, much will have to be read: in as few pieces as make sense.
        at_once = 1 << min(done, 16)
        try:
            if client is None:
                found.append(_first_of(selection, fragment, left, at_once, skip, tell))
            else:
                found.append(on_worker(client, _first_of, selection, fragment, left, at_once, skip))
        except UnreadableError as exc:
            if not skip:
                raise
            (note or _log.warning)(f"left out: {exc.as_told}")
    return pa.concat_tables(found) if found else plan.selection.projection.schema.empty_table()


def _first_of(
    selection: Selection,
    fragment: Fragment,
    num_rows: int,
    at_once: int,
    to_its_end: bool,
    tell: Callable[[], None] = lambda: None,
) -> pa.Table:
    """Return the first selected alerts of a fragment.

    Parameters
    ----------
    selection, fragment
        What to read, and where.
    num_rows
        So many at most.
    at_once
        Row groups to begin with; then twice as many, and so on.
    to_its_end
        Whether to read on when there are enough: a fragment that can't be read to its end has no alert in a transfer.
    tell
        Called for each piece that is read.
    """
    selection.archive.check_rows(fragment)
    blocks: list[pa.RecordBatch] = []
    left = num_rows
    for part in [fragment] if to_its_end else _parts(fragment, at_once):
        positions = _positions(selection, part, None if to_its_end else left, tell)[:left]
        here = 0
        for _, block in read_content(selection, part, positions):
            tell()
            blocks.append(block)
            here += len(block)
            if here == len(positions) and not to_its_end:
                break
        left -= here
        if left <= 0:
            break
    return pa.Table.from_batches(blocks, schema=selection.projection.schema)


def _parts(fragment: Fragment, at_once: int) -> Iterator[Fragment]:
    """Yield a fragment in parts: so many of its row groups, then twice as many, and so on."""
    start = 0
    while start < len(fragment.row_groups):
        here = slice(start, start + at_once)
        yield replace(fragment, row_groups=fragment.row_groups[here], row_group_alerts=fragment.row_group_alerts[here])
        start, at_once = start + at_once, 2 * at_once


def _positions(
    selection: Selection, fragment: Fragment, enough: int | None, tell: Callable[[], None]
) -> npt.NDArray[np.int64]:
    """Return the positions of the first selected alerts of a fragment, at least so many if it has them; None: all."""
    if selection.predicate.sql is None:
        return np.arange(fragment.num_alerts if enough is None else min(enough, fragment.num_alerts))
    found = [np.empty(0, np.int64)]
    done = num_found = 0
    for table in NarrowReader(selection=selection).blocks(fragment, _BLOCK_NBYTES):
        tell()
        here = filter_table(table, selection.predicate.sql)
        found.append(here + done)
        done, num_found = done + table.num_rows, num_found + len(here)
        if enough is not None and num_found >= enough:
            break
    return np.concatenate(found)
