"""What a scientist installs on a laptop to fetch a topic: to Parquet, or as a stream of Arrow batches."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.dataset import VerifyResult, verify
    from consumer.errors import AlertTransferError, IncompleteError, InputError, JobError, KafkaError
    from consumer.fetching import ConsumeProgress, ConsumeResult, consume, stream
    from consumer.receipt import receipt_text
    from consumer.wire import LeftOut
else:
    # Imported on first use: a command decides how Arrow takes its memory before Arrow is loaded (consumer/cli/heap.py).
    def __getattr__(name):
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_ROOMS[name]), name)

    def __dir__():
        return sorted({*globals(), *_ROOMS})


_ROOMS = {
    "AlertTransferError": "consumer.errors",
    "ConsumeProgress": "consumer.fetching",
    "ConsumeResult": "consumer.fetching",
    "IncompleteError": "consumer.errors",
    "InputError": "consumer.errors",
    "JobError": "consumer.errors",
    "KafkaError": "consumer.errors",
    "LeftOut": "consumer.wire",
    "VerifyResult": "consumer.dataset",
    "consume": "consumer.fetching",
    "receipt_text": "consumer.receipt",
    "stream": "consumer.fetching",
    "verify": "consumer.dataset",
}

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
