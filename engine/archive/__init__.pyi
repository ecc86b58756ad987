from .ahead import open_ahead
from .archive import Archive
from .chosen_nights import ChosenNights, read_nights
from .configured import configured_archive
from .duplicates import count_duplicate_identifiers, count_duplicates
from .footer import ArchiveFile, Footer, Leaves
from .footer_source import FooterSource
from .fragments import Fragment, average_nbytes, cut_fragments, unite, with_alerts
from .listing import Listing
from .night_ranges import night_texts, parse_nights
from .open_fragment import OpenFragment

__all__ = [
    "Archive",
    "ArchiveFile",
    "ChosenNights",
    "Footer",
    "FooterSource",
    "Fragment",
    "Leaves",
    "Listing",
    "OpenFragment",
    "average_nbytes",
    "configured_archive",
    "count_duplicate_identifiers",
    "count_duplicates",
    "cut_fragments",
    "night_texts",
    "open_ahead",
    "parse_nights",
    "read_nights",
    "unite",
    "with_alerts",
]
