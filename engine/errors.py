"""Errors of the engine.

AlertTransferError              (consumer.errors) message, what is accepted, the next step
├── InputError                  exit code 2, nothing was started
│   ├── RequestError            a request that is not valid in itself (content, nights, topic, limit …)
│   ├── ArchiveError            an archive that is missing, empty, unreadable, or disagrees with itself
│   │   └── UnreadableError     a file whose bytes are not the Parquet they should be
│   ├── ConditionError          a condition that doesn't parse, or names an unknown field or function
│   └── ConfigError             a configuration that is not valid
├── ClusterError                Dask did not answer or could not be started
├── BrokerError                 the embedded broker could not be fetched or started
├── EncodeError                 a value that the Avro schema has no place for
├── JobError                    the job failed, was cancelled or was interrupted; exit code 3
└── KafkaError                  Kafka did not answer, refused us or lost a topic
    └── MessageSizeError        Kafka refused a message for its size
"""

from consumer.errors import AlertTransferError, ConfigError, InputError, JobError, KafkaError

__all__ = [
    "AlertTransferError",
    "ArchiveError",
    "BrokerError",
    "ClusterError",
    "ConditionError",
    "ConfigError",
    "EncodeError",
    "InputError",
    "JobError",
    "KafkaError",
    "MessageSizeError",
    "RequestError",
    "UnreadableError",
]


class RequestError(InputError):
    """The request is not valid in itself."""


class ArchiveError(InputError):
    """The archive is missing, empty, unreadable, or disagrees with itself."""


class UnreadableError(ArchiveError):
    """A file of the archive, or a row group of it, holds bytes that are not the Parquet they should be."""


class ConditionError(InputError):
    """A condition doesn't parse, or names an unknown field or function."""


class ClusterError(AlertTransferError):
    """Dask did not answer or could not be started."""


class BrokerError(AlertTransferError):
    """The embedded broker could not be fetched or started."""


class EncodeError(AlertTransferError):
    """A value that the Avro schema has no place for."""


class MessageSizeError(KafkaError):
    """Kafka refused a message, or a batch of them, for its size."""
