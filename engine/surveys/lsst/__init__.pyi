from .page_requests import PAGE_KEYS, is_of_the_page, table_of_the_page
from .survey import LSST

__all__ = ["LSST", "PAGE_KEYS", "is_of_the_page", "table_of_the_page"]
