"""Fetch a topic to Parquet, each alert once, whatever interrupts it.

How the files come about. Messages have one order that depends on the topic alone: by offset, then by partition. They
are written in rounds in that order, one file per folder and round, numbered by the round. A round ends where the datums
from the topic's beginning on have so many bytes (`boundaries`): so the same topic gives the same files, however often
the consumer was stopped in between. It never ends because of time; only the end of the topic, `limit` and `wait=False`
end one early. Files by class are filled over many rounds (consumer/dataset/spool.py), else there would be hundreds a
round.

A round is written to staging, then entered into the journal together with the offsets that come next, then renamed
into the folder (consumer/dataset/folder.py). What was fetched but not written when the consumer stops is fetched again.

A message's key names its fragment and its row. The consumer keeps the set of rows that it has taken. So it drops second
copies, and a later copy fills a gap, in whatever order they come.

Memory: two rounds as Arrow tables, one that is written and one that is decoded; a few chunks of messages; and what
partitions deliver ahead of others before they are held.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from consumer.dataset import (
    PARTITIONINGS,
    Folder,
    Partitioning,
    Seen,
    Share,
    check_fields,
    check_free,
    check_owner,
    locate,
    request_text,
)
from consumer.errors import IncompleteError, InputError
from consumer.fetching.connecting import PLAN_TIMEOUT_S, cluster_of
from consumer.fetching.dedup import Intake
from consumer.fetching.refusals import told_when_refused
from consumer.fetching.results import ConsumeProgress, ConsumeResult
from consumer.fetching.run import Run
from consumer.kafka import DataReader, ManifestFollower
from consumer.settings import whole_number
from consumer.wire import check_topic

__all__ = ["consume"]


def consume(
    topic: str,
    outdir: str | os.PathLike[str],
    *,
    kafka: str | None = None,
    kafka_options: Mapping[str, Any] | None = None,
    partitionby: str = "time",
    limit: int | None = None,
    wait: bool = True,
    restart: bool = False,
    share: str | None = None,
    round_nbytes: int | None = None,
    progress: Callable[[ConsumeProgress], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ConsumeResult:
    """Fetch a topic into a folder of Parquet files; run again, it goes on where it was stopped.

    It ends when the job has ended and all it sent is in the folder. Where the job failed, was cancelled or was
    interrupted, what it had sent is fetched and the result's `state` tells.

    Parameters
    ----------
    topic
        The data topic, `ftransfer_…`.
    outdir
        Folder on this machine; what isn't Parquet goes to `<outdir>.transfer` beside it.
    kafka
        `host:port[,host:port]`; default: the environment's ALERT_TRANSFER_KAFKA, or the configuration's.
    kafka_options
        Further librdkafka properties (security); default: the configuration's. A value may be `{"env": NAME}` or
        `{"file": PATH}`.
    partitionby
        `time` (folders of the UTC date), `finkclass`, `tnsclass`, or `none` (no folders).
    limit
        Stop after so many new alerts.
    wait
        Whether to wait for the rest of a job that still runs; else take what is there now.
    restart
        Empty what this program wrote into the folder, and begin anew.
    share
        `1/2` for the first of two consumers that fetch the topic together, each into a folder of its own; None fetches
        all of it.
    round_nbytes
        Bytes of datums that a round of files holds, so that a file is about as large at most; the first four rounds are
        smaller, from a sixteenth on. None stands for 64 MB, and goes on with rounds of 128 MB in a folder that version
        0.1.0 began.
    progress
        Called now and then.
    note
        Called with a sentence worth telling the user.

    Raises
    ------
    InputError
        If the topic, the folder or an option is wrong; nothing was changed.
    KafkaError
        If Kafka does not answer, or no longer has the alerts; what was written stays, and the next run goes on.
    IncompleteError
        If files that an earlier run wrote are gone or damaged, or if the disk takes no more; the next run goes on.
    """
    check_topic(topic)
    if partitionby not in PARTITIONINGS:
        raise InputError(f"can't partition by {partitionby!r}", accepted=", ".join(PARTITIONINGS))
    limit = None if limit is None else whole_number("limit", limit, otherwise=", or none")
    if round_nbytes is not None:
        round_nbytes = whole_number("round_nbytes", round_nbytes, otherwise=", or none")
    own = None if share is None else Share.parse(share)
    with told_when_refused(outdir, InputError):
        path = locate(outdir)
        check_free(path, restart=restart)
        if not restart:
            check_owner(path, topic=topic, partitionby=partitionby, share=share)
    cluster = cluster_of(kafka, kafka_options)
    with closing(ManifestFollower(cluster, topic)) as follower:
        plan = follower.wait_for_plan(PLAN_TIMEOUT_S).require_plan()
        # Checked before the folder is touched.
        partitions = own.partitions(plan.num_partitions) if own else None
        intake_schema = Intake(follower.manifest, Seen()).decoder.schema
        check_fields(intake_schema, time_field=plan.time_field, id_field=plan.id_field)
        Partitioning(partitionby, intake_schema, plan.time_field, time_scale=plan.time_scale)
        if restart:
            # Raises where Kafka no longer has every alert: what lies in the folder could not be fetched again.
            DataReader(cluster, topic, plan.num_partitions, {}, partitions).close()
        with told_when_refused(path, InputError):
            opened = Folder(
                path,
                topic=topic,
                job_id=plan.job_id,
                partitionby=partitionby,
                request=plan.request,
                share=share,
                restart=restart,
                note=note or _ignore,
            )
        with opened as folder, told_when_refused(path, IncompleteError):
            folder.write_request(request_text(plan))
            partitioning = Partitioning(
                partitionby, intake_schema, plan.time_field, folder.names, time_scale=plan.time_scale
            )
            run = Run(
                folder, follower, partitioning, own, limit, wait, round_nbytes, progress or _ignore, note or _ignore
            )
            return run.run(cluster)


def _ignore(_: object) -> None:
    """Take reports of progress where the caller wants none."""
