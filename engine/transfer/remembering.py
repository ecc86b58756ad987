"""How long jobs took, told to what estimates the next one's time."""

from __future__ import annotations

from consumer.wire import Manifest
from engine.estimation import DoneJob, remember_job

__all__ = ["remember"]


def remember(manifest: Manifest, kafka: str, *, nbytes: int, elapsed_s: float) -> None:
    """Keep how long a job took that is complete, if that tells anything of others: it had no limit and no pause."""
    plan = manifest.require_plan()
    if plan.request.get("limit") or manifest.paused_s or manifest.first_alert_s is None:
        return
    remember_job(
        kafka,
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
