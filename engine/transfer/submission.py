"""Jobs: plan a request, submit it, take it up again where it was left."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.settings import Settings, load_settings
from consumer.words import some_text
from engine.errors import RequestError
from engine.kafka import KafkaCluster, kafka_of, own_name, user_name, user_names
from engine.planning import TransferPlan, make_plan, new_topic
from engine.request import TEST_ALERTS, TransferRequest
from engine.sinks import KafkaManifestStore, KafkaSink
from engine.transfer.allowed import check_alerts, check_nights
from engine.transfer.job_cluster import entrust, job_cluster
from engine.transfer.manifest_plan import fragments_of, task_of
from engine.transfer.resuming import check_stopped
from engine.transfer.starting import start_again, start_new
from engine.transfer.submitted_job import Job
from engine.workers import check_client

if TYPE_CHECKING:
    import distributed

__all__ = ["resume", "submit"]

_log = logging.getLogger("alert_transfer.jobs")


def submit(
    request: TransferRequest,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    owner: str | None = None,
    share: str | Iterable[str] = (),
    test: bool = False,
    on_start: Callable[[Job], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    on_plan: Callable[[TransferPlan], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Job:
    """Start a transfer; returns once the job's coordinator runs, or waits for other jobs of the owner.

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
    owner
        Whose job it is; default: Kafka's user, as the settings name it, else the system's.
    share
        Kafka's users who may read the job's topics besides. Where Kafka has no users, or does not let us set rights,
        that is a wish: a note says so.
    test
        Send the first ten alerts only, the whole way, into a topic whose name says so.
    on_start
        Called with the job as soon as it runs.
    on_note
        Called with a sentence on what else a user should know; default: a warning in the log.
    on_plan
        Called with the plan before the job starts: its notes say what a user should know.
    on_wait
        Called with what is waited for, each time that it changes; default: a warning in the log where that takes long.
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
    shared = user_names("share", share)
    owner = None if owner is None else user_name("owner", owner)
    request = _for_test(request) if test else request
    check_nights(request, settings.limits)
    cluster = kafka_of(kafka, settings)
    if client is not None or settings.dask:
        entrust(client, settings, cluster)  # refuses secrets in clear, before anything is read
    cluster.check()
    cluster.get_ready()
    with job_cluster(client, settings, cluster) as where:
        where.begin()
        with where.checked_beside(progress) as told:
            plan_ = make_plan(request, settings, told)
        check_alerts(plan_, settings, client=where.outside, on_wait=on_wait, progress=progress)
        if on_plan:
            on_plan(plan_)
        topic = plan_.request.topic or new_topic(plan_.selection.survey.name, dt.datetime.now(dt.UTC), is_test=test)
        sink = KafkaSink(kafka=cluster, topic=topic, num_partitions=settings.topics.num_partitions)
        sink.check_possible()  # before a cluster is waited for
        client_ = where.client(on_wait)
        storage_options, cluster = entrust(client_, settings, cluster)
        store = KafkaManifestStore(cluster, topic)
        owner = own_name(cluster.options) if owner is None else owner
        start_new(
            plan_,
            client_,
            replace(sink, kafka=cluster),
            store,
            storage_options,
            owner=owner,
            made_with=_made_with(settings, test=test),
            on_prepared=partial(_set_rights, cluster, topic, owner, shared, settings, on_note or _log.warning),
        )
        return _see_started(Job(topic, cluster, store), where.outside is None, on_start)


def resume(
    topic: str,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    by: str | None = None,
    on_start: Callable[[Job], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Job:
    """Take up a job that was interrupted, failed or cancelled; finished fragments are not sent again.

    Parameters are those of `submit`; `by` says for the log who takes it up, instead of one's own name. A job that seems
    to run is watched first, until it gives a sign of life or is silent for so long that it counts as interrupted.

    Raises
    ------
    JobError
        If it is complete, runs, or was planned by a version of the engine whose jobs this one may not go on with.
    """
    check_client(client, "resume")
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    if client is not None or settings.dask:
        entrust(client, settings, cluster)
    job_ = Job(topic, cluster, KafkaManifestStore(cluster, topic))
    with job_cluster(client, settings, cluster) as where:
        where.check()
        if on_wait:
            on_wait(f"watching whether {topic} still runs")
        check_stopped(job_)
        sink = KafkaSink(kafka=cluster, topic=topic)
        task = task_of(job_.manifest, sink, settings.storage_options)
        fragments_of(job_.manifest)  # as the coordinator reads them: what it would stop at is told here
        client_ = where.client(on_wait)
        storage_options, cluster = entrust(client_, settings, cluster)
        with contextlib.closing(KafkaManifestStore(cluster, topic)) as store:
            by = by or own_name(cluster.options)
            start_again(task.job_id, client_, replace(sink, kafka=cluster), store, storage_options, by=by)
        return _see_started(job_, where.outside is None, on_start)


def _made_with(settings: Settings, *, test: bool) -> dict[str, Any]:
    """Return what of the settings the plan's record tells, and that a job is a test, which waits for no other."""
    told: dict[str, Any] = {"topics": settings.topics.model_dump(), "window": settings.window.model_dump()}
    if (most := settings.limits.max_running_jobs) is not None:
        told["limits"] = {"max_running_jobs": most}
    return told | ({"is_test": True} if test else {})


def _for_test(request: TransferRequest) -> TransferRequest:
    if request.limit not in (None, TEST_ALERTS):
        raise RequestError(
            f"--test is --limit {TEST_ALERTS}, and --limit {request.limit} is given beside it",
            accepted="one of the two",
        )
    return replace(request, limit=TEST_ALERTS)


def _set_rights(
    cluster: KafkaCluster,
    topic: str,
    owner: str,
    shared: tuple[str, ...],
    settings: Settings,
    note: Callable[[str], None],
) -> None:
    """Give the job's topics to those who are to have them; tell if that was asked for and can't be done."""
    why_not = cluster.set_rights(topic, owner=owner, shared=shared, operators=settings.topics.operator_names())
    if why_not is not None and shared:
        note(
            f"{topic} is shared with {some_text(shared, 5)} in name only: {why_not}. Whom Kafka lets read it, "
            "docs/security.md says"
        )


def _see_started(job_: Job, ends_with_us: bool, on_start: Callable[[Job], None] | None) -> Job:
    if on_start:
        on_start(job_)
    if ends_with_us:
        job_.wait()
    return job_
