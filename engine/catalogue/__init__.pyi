from .catalogue import Catalogue, open_catalogue
from .indexing import IndexReport, index_archive
from .info import ArchiveInfo, NightInfo, archive_info

__all__ = [
    "ArchiveInfo",
    "Catalogue",
    "IndexReport",
    "NightInfo",
    "archive_info",
    "index_archive",
    "open_catalogue",
]
