"""A topic as a stream of Arrow batches, nothing on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pyarrow as pa

from consumer.dataset import Seen
from consumer.errors import JobError
from consumer.fetching.connecting import PLAN_TIMEOUT_S, cluster_of
from consumer.fetching.dedup import Intake
from consumer.fetching.ends import End
from consumer.kafka import Cluster, DataReader, ManifestFollower, Messages
from consumer.receipt import prove
from consumer.wire import Manifest, check_topic
from consumer.words import count_text

__all__ = ["stream"]

_BATCH_MESSAGES = 10_000
_BATCH_NBYTES = 32 * 1024 * 1024
# What a job sends slowly is not kept back for longer.
_PATIENCE_S = 1.0


def stream(
    topic: str,
    *,
    kafka: str | None = None,
    kafka_options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield a topic's alerts as Arrow batches, each alert once, nothing on disk; ends when the job has.

    A batch has some 10,000 alerts. Where alerts are large it has 32 MB of them; at the end, and where a job sends
    slowly, it has those that came.

    Parameters
    ----------
    topic, kafka, kafka_options
        As of `consume`.
    progress
        Called now and then with the number of alerts that came, also while none come. What it raises ends the stream.

    Raises
    ------
    InputError
        If the topic is wrong.
    KafkaError
        If Kafka does not answer, or no longer has the alerts.
    JobError
        At the end, if the job failed, was cancelled or interrupted, or if alerts are missing that it sent.
    """
    check_topic(topic)
    return _stream(topic, cluster_of(kafka, kafka_options), progress or (lambda num_alerts: None))


def _stream(topic: str, cluster: Cluster, progress: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    with closing(ManifestFollower(cluster, topic)) as follower:
        plan = follower.wait_for_plan(PLAN_TIMEOUT_S).require_plan()
        seen, num_rejected = Seen(), 0
        intake = Intake(follower.manifest, seen)
        state = follower.state()
        with closing(DataReader(cluster, topic, plan.num_partitions, {})) as reader:
            end = End(follower, reader, state, wait=True)
            for messages in _read(reader, end, lambda: progress(len(seen))):
                taken = intake.take(messages)
                num_rejected += len(taken.rejected)
                if taken.batch.num_rows:
                    yield taken.batch
        _check(follower.manifest, end.state, seen, num_rejected)


def _read(reader: DataReader, end: End, tell: Callable[[], None]) -> Iterator[Messages]:
    """Yield the messages of a topic, so many at a time as make a batch."""
    while not end.reached():
        tell()
        parts: list[Messages] = []
        num_messages = nbytes = 0
        begun = time.monotonic()
        while num_messages < _BATCH_MESSAGES and nbytes < _BATCH_NBYTES:
            messages = reader.read(0.2, _BATCH_MESSAGES - num_messages)
            parts.append(messages)
            num_messages += len(messages)
            nbytes += messages.nbytes
            if not len(messages) or time.monotonic() - begun > _PATIENCE_S or end.reached():
                break
        if num_messages:
            yield Messages.joined(parts)


def _check(manifest: Manifest, state: str, seen: Seen, num_rejected: int) -> None:
    topic = manifest.require_plan().topic
    if state not in ("complete", "empty"):
        raise JobError(
            f"the job of {topic} is {state}: {count_text(len(seen), 'alert')} came, and that is not all",
            next_step=f"see why with: alert-transfer log {topic}",
        )
    proof = prove(manifest, seen.counts(), None)
    if not proof.complete:
        raise JobError(
            f"the job of {topic} sent {count_text(proof.num_expected, 'alert')}, {len(seen):,} came; "
            f"{count_text(num_rejected, 'message')} can't be read",
            next_step="submit the request again",
        )
