from .nights import FIRST_NIGHT, NIGHTS, write_night

__all__ = ["FIRST_NIGHT", "NIGHTS", "write_night"]
