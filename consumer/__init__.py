"""What a scientist installs on a laptop to fetch a topic: to Parquet, or as a stream of Arrow batches."""

from consumer.consume import ConsumeProgress, ConsumeResult, consume, stream
from consumer.errors import AlertTransferError, IncompleteError, InputError, JobError, KafkaError
from consumer.verify import VerifyResult, verify

__all__ = [
    "AlertTransferError",
    "ConsumeProgress",
    "ConsumeResult",
    "IncompleteError",
    "InputError",
    "JobError",
    "KafkaError",
    "VerifyResult",
    "consume",
    "stream",
    "verify",
]
