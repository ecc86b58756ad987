"""How large a message may be."""

__all__ = ["MAX_MESSAGE_NBYTES"]

MAX_MESSAGE_NBYTES = 16 * 1024 * 1024
