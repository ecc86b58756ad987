"""Columns that are computed on the way, since not every file has them: `finkclass`, `tnsclass`.

Each is a function of a few leaves of the alert, here with the rules and catalogues that it needs; they are prepared
for a request's files at once. Further added values come in here: cross-matches, scores, features.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
