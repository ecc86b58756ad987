"""Kafka as a reader uses it: follow a manifest, read a data topic from given offsets without a gap.

One of two rooms that import confluent_kafka. What any reader of a topic needs comes in here: connections, failures and
how they are told.
"""

from consumer.kafka.client import Cluster, DataReader, ManifestFollower, Message

__all__ = ["Cluster", "DataReader", "ManifestFollower", "Message"]
