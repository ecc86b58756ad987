"""Users' conditions: Spark's SQL, checked against the archive's schema, and answered by dask-sql on narrow tables.

A text becomes words (tokens), a tree (parser), typed terms (translator) and one SQL text; `dask_sql_adapter` alone
knows dask-sql. The translator hands each node on: names to scopes and fields, what is computed to values, what is true
or false to predicates, calls to the functions, which have a room of their own; coercion has Spark's rules of types for
all of them. What a condition can say comes in here, with the notes on what it may not mean (notes, by what reading and
comparisons find out) and the refusals of what people write by habit (bare_words, portal_names).
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
