"""Jobs: plan a request, submit it, take it up again where it was left."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from consumer.settings import Settings, load_settings
from consumer.wire import StateChange, manifest_topic, schema_topic
from engine.errors import InputError, JobError, KafkaError
from engine.kafka import KafkaCluster, ManifestWriter, kafka_of
from engine.planning import TransferPlan, make_plan, new_topic
from engine.request import TransferRequest
from engine.transfer.manifest_plan import plan_records, task_of
from engine.transfer.submitted_job import Job, JobStatus

if TYPE_CHECKING:
    import distributed

__all__ = ["resume", "submit"]

NUM_PARTITIONS = 10
_FIRST_RECORD_S = 180.0  # a cluster that is busy, or whose workers are just starting


def submit(
    request: TransferRequest,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    on_start: Callable[[Job], None] | None = None,
    on_plan: Callable[[TransferPlan], None] | None = None,
    progress=None,
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
    progress
        Called as `progress(done, total)` while footers are read.

    Raises
    ------
    InputError
        If the request can't be fulfilled; nothing was started then.
    KafkaError, ClusterError
        If Kafka or Dask does not answer; nothing is left behind then.
    """
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    cluster.check()
    plan_ = make_plan(request, settings, progress)
    if on_plan:
        on_plan(plan_)
    with _client(client, settings) as (client_, lives_with_us):
        started = _start(plan_, client_, cluster, settings)
        return _see_started(started, lives_with_us, on_start)


def resume(
    topic: str,
    *,
    client: distributed.Client | None = None,
    kafka: str | None = None,
    settings: Settings | None = None,
    on_start: Callable[[Job], None] | None = None,
) -> Job:
    """Take up a job that was interrupted, failed or cancelled; finished fragments are not sent again.

    Parameters are those of `submit`. A job that seems to run is listened to first, until it gives a sign of life or is
    silent for so long that it counts as interrupted.

    Raises
    ------
    JobError
        If it is complete, runs, or was planned by a version of the engine whose jobs this one may not go on with.
    """
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    job_ = Job(topic, cluster)
    status, manifest = _heard_out(job_), job_.manifest
    if status.state in ("complete", "empty", "running", "queued"):
        raise JobError(
            f"the job {topic} can't be taken up again: it is {status.state}",
            accepted="a job that is interrupted, failed or cancelled",
            next_step=f"follow it with: alert-transfer status {topic} --follow",
        )
    task_of(manifest, cluster, settings.storage_options)
    with _client(client, settings) as (client_, lives_with_us):
        writer = ManifestWriter(cluster, topic)
        writer.append(StateChange(job_id=manifest.plan.job_id, state="queued", time=time.time()))
        _await_coordinator(job_, _launch(client_, topic, cluster, settings))
        return _see_started(job_, lives_with_us, on_start)


def _heard_out(job_: Job) -> JobStatus:
    status = job_.status()
    last_sign_at = job_.manifest.last_sign_at
    while not status.is_final and job_.manifest.last_sign_at == last_sign_at:
        job_.hear(0.5)
        status = job_.status()
    return status


@contextlib.contextmanager
def _client(client: distributed.Client | None, settings: Settings) -> Iterator[tuple[distributed.Client, bool]]:
    """Yield the cluster to run on, and whether it ends with us."""
    if client is not None:
        yield client, False
        return
    # Dask and dask-sql take three seconds to import: not before we know that the request can be fulfilled.
    from engine.local import connect, local_cluster

    if settings.dask:
        with connect(settings.dask) as found:
            yield found, False
    else:
        with local_cluster() as found:
            yield found, True


def _start(plan_: TransferPlan, client: distributed.Client, kafka: KafkaCluster, settings: Settings) -> Job:
    now = time.time()
    topic = plan_.request.topic or new_topic(plan_.selection.survey.name, dt.datetime.fromtimestamp(now, dt.UTC))
    kafka.create_job_topics(topic, NUM_PARTITIONS)
    try:
        max_message_nbytes = kafka.max_message_nbytes(topic)
        _check_alert_size(plan_, max_message_nbytes)
        kafka.write_schema(topic, plan_.schema)
        job_id = uuid.uuid4().hex
        records = plan_records(
            plan_,
            topic=topic,
            job_id=job_id,
            num_partitions=NUM_PARTITIONS,
            created_at=now,
            max_message_nbytes=max_message_nbytes,
        )
        ManifestWriter(kafka, topic).append(*records, StateChange(job_id=job_id, state="queued", time=now))
        job_ = Job(topic, kafka)
        kafka.announce_job(job_.manifest.plan, "queued", 0)
        _await_coordinator(job_, _launch(client, topic, kafka, settings))
        return job_
    except BaseException as exc:
        # Nothing half-created is left behind: nobody has heard of this topic yet.
        try:
            kafka.delete_topics([topic, schema_topic(topic), manifest_topic(topic)])
        except KafkaError as left:
            raise KafkaError(
                f"the job was not submitted: {getattr(exc, 'message', None) or type(exc).__name__}; "
                f"and its topics could not be taken back: {left.message}",
                next_step=f"submit again under another name; {topic} and its companions may be deleted",
            ) from exc
        raise


def _check_alert_size(plan_: TransferPlan, max_message_nbytes: int) -> None:
    """Raise if even the average alert, as the archive's footers give it, is larger than a message may be."""
    if plan_.alert_nbytes > max_message_nbytes:
        raise InputError(
            f"an alert of the content {plan_.request.content!r} takes {plan_.alert_nbytes:,} bytes on average",
            accepted=f"{max_message_nbytes:,} bytes: Kafka's max.message.bytes for this topic",
            next_step="choose a smaller content, or have the limit raised",
        )


def _launch(client: distributed.Client, topic: str, kafka: KafkaCluster, settings: Settings) -> distributed.Future:
    from engine.transfer.coordinator import launch

    return launch(client, topic, kafka, settings.storage_options)


def _await_coordinator(job_: Job, coordinator: distributed.Future) -> None:
    deadline = time.monotonic() + _FIRST_RECORD_S
    while True:
        # Kafka may be away for a moment; the job has been handed over, and nothing must be taken back for that.
        with contextlib.suppress(KafkaError):
            # Not the state that silence gives: after half of this time that would read `interrupted`.
            if job_.manifest.stated != "queued":
                return
            job_.hear(0.5)
        ended = coordinator.status == "error"
        if ended or time.monotonic() > deadline:
            why = coordinator.exception() if ended else None
            raise JobError(
                f"the Dask cluster can't run the job: {type(why).__name__}: {why}"
                if ended
                else f"no worker of the Dask cluster took up the job within {_FIRST_RECORD_S:g} s",
                next_step="check that the workers run the same version of alert-transfer and reach Kafka at "
                + job_.kafka.bootstrap,
            )


def _see_started(job_: Job, lives_with_us: bool, on_start: Callable[[Job], None] | None) -> Job:
    if on_start:
        on_start(job_)
    if lives_with_us:
        job_.wait()
    return job_
