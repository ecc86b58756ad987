from .nights import FIRST_NIGHT, NIGHTS, write_night
from .schema import SCHEMA

__all__ = ["FIRST_NIGHT", "NIGHTS", "SCHEMA", "write_night"]
