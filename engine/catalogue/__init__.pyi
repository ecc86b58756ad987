from .catalogue import Catalogue, open_catalogue
from .indexing import IndexReport, index_archive

__all__ = [
    "Catalogue",
    "IndexReport",
    "index_archive",
    "open_catalogue",
]
