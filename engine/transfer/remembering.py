"""How long jobs took, told to what estimates the next one's time."""

from __future__ import annotations

from consumer.wire import Manifest
from engine.estimation import DoneJob, remember_job
from engine.kafka import KafkaCluster

__all__ = ["remember"]


def remember(manifest: Manifest, kafka: KafkaCluster | None, *, nbytes: int, elapsed_s: float) -> None:
    """Keep how long a job took that is complete, if that tells anything of others: it had no limit and no pause."""
    plan = manifest.require_plan()
    if kafka is None:  # the manifest is not in a Kafka
        return
    if plan.request.get("limit") or manifest.paused_s or manifest.first_alert_s is None:
        return
    remember_job(
        kafka.bootstrap,
        DoneJob(
            topic=plan.topic,
            content=str(plan.request.get("content", "lightcurve")),
            num_archive_alerts=sum(done.num_alerts for done in manifest.fragments.values()),
            num_alerts=manifest.num_sent,
            nbytes=nbytes,
            elapsed_s=elapsed_s,
            first_alert_s=round(manifest.first_alert_s, 3),
        ),
    )
