from .credentials import for_workers, note_entrusted
from .encryption import EncryptedError
from .expansion import Expansion, ExpansionError, check_rows
from .opening import Expected, OpenParquet, open_parquet, read_tail
from .parsing import ParsedFooter, footer_crc, parse_footer
from .remote import ChangedError
from .stores import Entry, Store, cause_of, fresh_info, without_password

__all__ = [
    "ChangedError",
    "EncryptedError",
    "Entry",
    "Expansion",
    "ExpansionError",
    "Expected",
    "OpenParquet",
    "ParsedFooter",
    "Store",
    "cause_of",
    "check_rows",
    "footer_crc",
    "for_workers",
    "fresh_info",
    "note_entrusted",
    "open_parquet",
    "parse_footer",
    "read_tail",
    "without_password",
]
