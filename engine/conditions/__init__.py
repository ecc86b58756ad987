"""Users' conditions: Spark's SQL, checked against the archive's schema, and answered by dask-sql on narrow tables.

A text becomes words (tokens), a tree (parser), typed expressions (translator) and one SQL text; `dask_sql_adapter`
alone knows dask-sql. What a condition can say comes in here, with the notes on what it may not mean; functions have a
room of their own.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
