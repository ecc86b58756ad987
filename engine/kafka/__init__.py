"""Kafka as the engine uses it: the topics of jobs, the manifest's writer and reader, the producer that sends alerts.

One of two rooms that import confluent_kafka. What only a producer or an administrator of topics needs comes in here;
what any client needs (connections, errors, reading without a gap) has its room in consumer/kafka.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
