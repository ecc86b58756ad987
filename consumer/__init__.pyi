from .dataset import VerifyResult, verify
from .errors import AlertTransferError, IncompleteError, InputError, JobError, KafkaError
from .fetching import ConsumeProgress, ConsumeResult, consume, stream
from .receipt import receipt_text
from .wire import LeftOut

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
