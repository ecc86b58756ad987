"""Files wherever fsspec finds them: listed and opened afresh, links followed, failures told in one line.

Parquet files are opened here by their footers and the ranges that are asked for, and told if they are encrypted. What
an archive is, or which night a file belongs to, is not known here. Whatever makes reading from object stores faster
comes in here: ranges in parallel, caches, credentials.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
