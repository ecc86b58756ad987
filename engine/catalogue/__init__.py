"""The archive's catalogue: what its files' footers say, and what their alerts are, kept so that nobody reads it twice.

It lies beside the archive's root or in the user's cache, and is never trusted over a listing: a file that is new, gone
or changed is read anew. What else is worth knowing of a file before a job reads it comes in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
