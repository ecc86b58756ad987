from .checking import await_workers, check_workers
from .clients import check_client
from .code import loaded_code
from .sending import Refusal, Sent, no_worker_left, on_worker, refusal_of

__all__ = [
    "Refusal",
    "Sent",
    "await_workers",
    "check_client",
    "check_workers",
    "loaded_code",
    "no_worker_left",
    "on_worker",
    "refusal_of",
]
