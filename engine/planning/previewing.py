"""The first alerts that a request selects, in the content it asks for, without Kafka."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import distributed
import pyarrow as pa

from consumer.settings import Settings, load_settings, whole_number
from engine.archive import Archive, Fragment
from engine.conditions import filter_table
from engine.pipeline import NarrowReader, Selection, read_content
from engine.planning.making import make_plan
from engine.planning.transfer_plan import TransferPlan
from engine.request import TransferRequest
from engine.storage import for_workers
from engine.workers import await_workers, check_client, check_workers, on_worker

__all__ = ["preview"]


def preview(
    request: TransferRequest,
    *,
    limit: int = 10,
    client: distributed.Client | None = None,
    settings: Settings | None = None,
    on_plan: Callable[[TransferPlan], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pa.Table:
    """Return the first alerts that a transfer would send.

    The same filter and the same reading as the transfer's, fragment by fragment until there are enough.

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
    for done, fragment in enumerate(plan.fragments):
        if progress:
            progress(done, len(plan.fragments))
        left = wanted - sum(map(len, found))
        if left <= 0:
            break
        if client is None:
            found.append(_first_of(selection, fragment, left))
        else:
            found.append(on_worker(client, _first_of, selection, fragment, left))
    return pa.concat_tables(found) if found else plan.selection.projection.schema.empty_table()


def _first_of(selection: Selection, fragment: Fragment, num_rows: int) -> pa.Table:
    positions = None
    if selection.predicate.sql is not None:
        positions = filter_table(NarrowReader(selection=selection)(fragment), selection.predicate.sql)[:num_rows]
    blocks = []
    for _, block in read_content(selection, fragment, positions):
        blocks.append(block)
        if sum(map(len, blocks)) >= num_rows:
            break
    return pa.Table.from_batches(blocks, schema=selection.projection.schema).slice(0, num_rows)
