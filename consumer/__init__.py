"""What a scientist installs on a laptop to fetch a topic: to Parquet, or as a stream of Arrow batches."""

from consumer.dataset import VerifyResult, verify
from consumer.errors import AlertTransferError, IncompleteError, InputError, JobError, KafkaError
from consumer.fetching import ConsumeProgress, ConsumeResult, consume, stream
from consumer.receipt import receipt_text
from consumer.wire import LeftOut

__all__ = [
    "AlertTransferError",
    "ConsumeProgress",
    "ConsumeResult",
    "IncompleteError",
    "InputError",
    "JobError",
    "KafkaError",
    "LeftOut",
    "VerifyResult",
    "consume",
    "receipt_text",
    "stream",
    "verify",
]
