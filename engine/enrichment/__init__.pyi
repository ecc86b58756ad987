from .enrichment import ClassEnrichment, Enrichment, Lack, added_by, with_added
from .fink_class import FinkClass
from .fink_rules import FINKCLASS_INPUTS, finkclass, impossible_labels
from .preparing import Gap, PreparedEnrichments, prepare_enrichments
from .tns_catalogue import CatalogueFile, find_catalogue, load_tns_catalogue
from .tns_class import TnsClass, catalogue_of, with_catalogue
from .tns_match import tnsclass

__all__ = [
    "FINKCLASS_INPUTS",
    "CatalogueFile",
    "ClassEnrichment",
    "Enrichment",
    "FinkClass",
    "Gap",
    "Lack",
    "PreparedEnrichments",
    "TnsClass",
    "added_by",
    "catalogue_of",
    "find_catalogue",
    "finkclass",
    "impossible_labels",
    "load_tns_catalogue",
    "prepare_enrichments",
    "tnsclass",
    "with_added",
    "with_catalogue",
]
