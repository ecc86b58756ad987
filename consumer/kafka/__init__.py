"""Kafka as a reader uses it: follow a manifest, read a data topic from given offsets without a gap.

One of two rooms that import confluent_kafka. What any client of Kafka needs comes in here: connections, what
librdkafka's errors mean and how they are told, reading without a gap; engine/kafka builds its producer and its
administration of topics on it.
"""

from consumer.kafka.cluster import Cluster, Connection
from consumer.kafka.data_reader import DataReader
from consumer.kafka.failures import Reports, code_of, first_answer, reason_of, stopped, unknown_ends
from consumer.kafka.gapless_reader import GaplessReader
from consumer.kafka.manifest_follower import ManifestFollower
from consumer.kafka.messages import Message, Messages
from consumer.kafka.refusals import NOT_ALLOWED, missing_right

__all__ = [
    "NOT_ALLOWED",
    "Cluster",
    "Connection",
    "DataReader",
    "GaplessReader",
    "ManifestFollower",
    "Message",
    "Messages",
    "Reports",
    "code_of",
    "first_answer",
    "missing_right",
    "reason_of",
    "stopped",
    "unknown_ends",
]
