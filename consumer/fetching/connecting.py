"""Which Kafka a topic is fetched from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from consumer.errors import InputError
from consumer.kafka import Cluster
from consumer.settings import kafka_settings, refuse_user

__all__ = ["PLAN_TIMEOUT_S", "cluster_of"]

PLAN_TIMEOUT_S = 60.0
"""How long a topic's plan is waited for."""


def cluster_of(kafka: str | None, options: Mapping[str, Any] | None) -> Cluster:
    """Return the Kafka that was named, here or in the configuration."""
    if options is None:
        bootstrap, options = kafka_settings(None, kafka)
    else:  # a caller who gives the options has read a configuration, or wants none
        bootstrap = kafka or os.environ.get("ALERT_TRANSFER_KAFKA")
    if not bootstrap:
        raise InputError(
            "no Kafka was named",
            accepted="--kafka host:port[,host:port], ALERT_TRANSFER_KAFKA, or kafka in the configuration",
            next_step="ask your broker for its address, or start a Kafka here with: alert-transfer broker",
        )
    return Cluster(bootstrap=refuse_user(bootstrap), options=dict(options))
