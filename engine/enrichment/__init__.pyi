from .fink_rules import FINKCLASS_INPUTS, finkclass, impossible_labels
from .tns_catalogue import CATALOGUE_FORMS, CatalogueFile, find_catalogue, load_tns_catalogue
from .tns_match import tnsclass

__all__ = [
    "CATALOGUE_FORMS",
    "FINKCLASS_INPUTS",
    "CatalogueFile",
    "find_catalogue",
    "finkclass",
    "impossible_labels",
    "load_tns_catalogue",
    "tnsclass",
]
