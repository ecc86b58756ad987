from .catalogue import Catalogue, open_catalogue

__all__ = [
    "Catalogue",
    "open_catalogue",
]
