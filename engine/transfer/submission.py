"""Jobs: plan a request, submit it, take it up again where it was left."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from consumer.settings import Settings, load_settings
from engine.kafka import kafka_of
from engine.planning import TransferPlan, make_plan, new_topic
from engine.request import TransferRequest
from engine.sinks import KafkaManifestStore, KafkaSink
from engine.transfer.manifest_plan import task_of
from engine.transfer.resuming import check_stopped
from engine.transfer.starting import start_again, start_new
from engine.transfer.submitted_job import Job
from engine.workers import check_client

if TYPE_CHECKING:
    import distributed

__all__ = ["resume", "submit"]


def submit(
    request: TransferRequest,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    on_start: Callable[[Job], None] | None = None,
    on_plan: Callable[[TransferPlan], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Job:
    """Start a transfer; returns once the job's coordinator runs.

    Without a client and without a configured cluster, a cluster is started on this machine for as long as the job
    takes, so the job is then done on return.

    Parameters
    ----------
    request
        What to send.
    client
        The Dask cluster to run it on.
    kafka
        `host:port[,host:port]`; default: the configuration's.
    settings
        Default: the environment and the configuration file.
    on_start
        Called with the job as soon as it runs.
    on_plan
        Called with the plan before the job starts: its notes say what a user should know.
    on_wait
        Called with what is waited for, where that may take long: a first worker; default: a warning in the log.
    progress
        Called as `progress(done, total)` while footers are read.

    Raises
    ------
    InputError
        If the request can't be fulfilled; nothing was started then.
    KafkaError, ClusterError
        If Kafka or Dask does not answer, or a worker can't run the job; nothing is left behind then.
    """
    check_client(client, "submit")
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    cluster.check()
    with _outside(client, settings) as outside, contextlib.ExitStack() as stack:
        plan_ = make_plan(request, settings, progress)
        if on_plan:
            on_plan(plan_)
        client_ = _with_worker(outside, on_wait) if outside else stack.enter_context(_here())
        topic = plan_.request.topic or new_topic(plan_.selection.survey.name, dt.datetime.now(dt.UTC))
        store = KafkaManifestStore(cluster, topic)
        start_new(plan_, client_, KafkaSink(kafka=cluster, topic=topic), store, settings.storage_options)
        return _see_started(Job(topic, cluster, store), outside is None, on_start)


def resume(
    topic: str,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    on_start: Callable[[Job], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Job:
    """Take up a job that was interrupted, failed or cancelled; finished fragments are not sent again.

    Parameters are those of `submit`. A job that seems to run is watched first, until it gives a sign of life or is
    silent for so long that it counts as interrupted.

    Raises
    ------
    JobError
        If it is complete, runs, or was planned by a version of the engine whose jobs this one may not go on with.
    """
    check_client(client, "resume")
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    store = KafkaManifestStore(cluster, topic)
    job_ = Job(topic, cluster, store)
    with _outside(client, settings) as outside, contextlib.ExitStack() as stack:
        check_stopped(job_)
        sink = KafkaSink(kafka=cluster, topic=topic)
        task = task_of(job_.manifest, sink, settings.storage_options)
        client_ = _with_worker(outside, on_wait) if outside else stack.enter_context(_here())
        start_again(task.job_id, client_, sink, store, settings.storage_options)
        return _see_started(job_, outside is None, on_start)


@contextlib.contextmanager
def _outside(client: distributed.Client | None, settings: Settings) -> Iterator[distributed.Client | None]:
    """Yield the cluster of others that the job is to run on, or None; what is wrong with it is told at once."""
    if client is None and not settings.dask:
        yield None  # without an import of Dask: the request is looked at first
        return
    from engine.local import connect
    from engine.workers import check_workers

    with contextlib.ExitStack() as stack:
        if client is None:
            client = stack.enter_context(connect(str(settings.dask), tls=settings.dask_tls))
        check_workers(client)
        yield client


def _with_worker(client: distributed.Client, on_wait: Callable[[str], None] | None) -> distributed.Client:
    """Return a cluster's client once the cluster has a worker, and all that it has are right."""
    from engine.workers import await_workers

    await_workers(client, on_wait)
    return client


def _here() -> AbstractContextManager[distributed.Client]:
    """Return the context of a cluster on this machine, which ends with us."""
    # Dask and dask-sql take three seconds to import: not before we know that the request can be fulfilled.
    from engine.local import local_cluster

    return local_cluster()


def _see_started(job_: Job, ends_with_us: bool, on_start: Callable[[Job], None] | None) -> Job:
    if on_start:
        on_start(job_)
    if ends_with_us:
        job_.wait()
    return job_
