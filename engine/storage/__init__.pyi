from .chunk_values import ChunkValues
from .credentials import for_workers, note_entrusted
from .dictionaries import CODECS
from .encryption import EncryptedError
from .expansion import Expansion, ExpansionError, check_rows
from .opening import Expected, OpenParquet, open_parquet, read_tail
from .pages import PageError
from .parsing import ParsedFooter, footer_crc, parse_footer
from .picking import pickable, put_together
from .remote import ChangedError
from .stores import Entry, Store, cause_of, fresh_info, without_password

__all__ = [
    "CODECS",
    "ChangedError",
    "ChunkValues",
    "EncryptedError",
    "Entry",
    "Expansion",
    "ExpansionError",
    "Expected",
    "OpenParquet",
    "PageError",
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
    "pickable",
    "put_together",
    "read_tail",
    "without_password",
]
