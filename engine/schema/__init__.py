"""Arrow schemas and the columns that follow them: paths into nested types, the union of files that disagree, Avro.

Everything here works on Arrow objects alone; nothing opens a file or knows a survey. Rules of types come in here: what
two types meet in, how a value is kept exactly, how it is written as Avro.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
