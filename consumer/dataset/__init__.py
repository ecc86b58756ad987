"""The folder on disk that a topic is fetched into: hive folders, the journal, the spool, and the proof from disk alone.

Staging, journal and renaming make it safe whenever the process is stopped; nothing here knows Kafka. Other layouts on
disk come in here.
"""

from consumer.dataset.disk import sync
from consumer.dataset.doubles import count_doubles
from consumer.dataset.folder import Folder, check_free, check_owner, locate
from consumer.dataset.journal import Journal, Piece, Round, add_digests
from consumer.dataset.parquet import Receipt, fragments_of, write_parquet
from consumer.dataset.partition import PARTITIONINGS, Partitioning, check_fields, column_at
from consumer.dataset.rejected import MOST_REJECTED, RejectedMessage, keep_rejected
from consumer.dataset.request_file import request_text
from consumer.dataset.row_set import Seen, by_fragment, first_of_each
from consumer.dataset.shares import Share
from consumer.dataset.spool import Spool, SpoolReader, file_name
from consumer.dataset.verification import VerifyResult, verify

__all__ = [
    "MOST_REJECTED",
    "PARTITIONINGS",
    "Folder",
    "Journal",
    "Partitioning",
    "Piece",
    "Receipt",
    "RejectedMessage",
    "Round",
    "Seen",
    "Share",
    "Spool",
    "SpoolReader",
    "VerifyResult",
    "add_digests",
    "by_fragment",
    "check_fields",
    "check_free",
    "check_owner",
    "column_at",
    "count_doubles",
    "file_name",
    "first_of_each",
    "fragments_of",
    "keep_rejected",
    "locate",
    "request_text",
    "sync",
    "verify",
    "write_parquet",
]
