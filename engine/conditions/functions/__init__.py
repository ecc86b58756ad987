"""The functions that a condition can call: their names and operands, their types, their values on whole columns.

Results are Spark 3.5's where it is not in its ANSI mode. A further function comes in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
