"""The Kafka that was given, or that the settings name."""

from __future__ import annotations

from consumer.settings import Settings, refuse_user
from engine.errors import InputError
from engine.kafka.cluster import KafkaCluster

__all__ = ["kafka_of"]


def kafka_of(kafka: str | None, settings: Settings) -> KafkaCluster:
    """Return the Kafka that is given, or the configuration's.

    Raises
    ------
    InputError
        If there is neither, or it names a user.
    """
    bootstrap = kafka or settings.kafka
    if not bootstrap:
        raise InputError(
            "no Kafka is given",
            accepted="--kafka host:port[,host:port], ALERT_TRANSFER_KAFKA, or kafka in the configuration",
            next_step="start one with: alert-transfer broker",
        )
    return KafkaCluster(bootstrap=refuse_user(bootstrap), options=settings.kafka_options, topics_made=settings.topics)
