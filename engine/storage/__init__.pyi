from .credentials import for_workers, note_entrusted
from .encryption import EncryptedError
from .expansion import Expansion, ExpansionError, check_rows
from .opening import OpenParquet, open_parquet, read_tail
from .parsing import ParsedFooter, parse_footer
from .stores import Entry, Store, cause_of, fresh_info, without_password

__all__ = [
    "EncryptedError",
    "Entry",
    "Expansion",
    "ExpansionError",
    "OpenParquet",
    "ParsedFooter",
    "Store",
    "cause_of",
    "check_rows",
    "for_workers",
    "fresh_info",
    "note_entrusted",
    "open_parquet",
    "parse_footer",
    "read_tail",
    "without_password",
]
