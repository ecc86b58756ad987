"""How long a job's topics are kept, and how large a message may be."""

__all__ = ["DATA_RETENTION_MS", "MANIFEST_RETENTION_MS", "MAX_MESSAGE_NBYTES"]

_DAY_MS = 24 * 3600 * 1000
DATA_RETENTION_MS = 4 * _DAY_MS
# The schema outlives the data, too: a user who starts on the last day still needs it.
MANIFEST_RETENTION_MS = 30 * _DAY_MS
MAX_MESSAGE_NBYTES = 16 * 1024 * 1024
