from .archive import Archive
from .duplicates import count_duplicates
from .fragments import ArchiveFile, Footer, Fragment, cut_fragments, unite, with_alerts
from .listing import Listing
from .night_ranges import night_texts, parse_nights

__all__ = [
    "Archive",
    "ArchiveFile",
    "Footer",
    "Fragment",
    "Listing",
    "count_duplicates",
    "cut_fragments",
    "night_texts",
    "parse_nights",
    "unite",
    "with_alerts",
]
