from .enrichment import ClassEnrichment, Enrichment, added_by, with_added
from .fink_class import FinkClass
from .preparing import Gap, PreparedEnrichments, prepare_enrichments
from .tns_catalogue import CatalogueFile, find_catalogue
from .tns_class import TnsClass, catalogue_of, with_catalogue

__all__ = [
    "CatalogueFile",
    "ClassEnrichment",
    "Enrichment",
    "FinkClass",
    "Gap",
    "PreparedEnrichments",
    "TnsClass",
    "added_by",
    "catalogue_of",
    "find_catalogue",
    "prepare_enrichments",
    "with_added",
    "with_catalogue",
]
