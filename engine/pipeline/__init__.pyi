from .contents import CLASS_COLUMNS, CONTENTS, Projection, project_schema
from .narrow import NarrowQuestion, NarrowReader
from .selected import read_content

__all__ = [
    "CLASS_COLUMNS",
    "CONTENTS",
    "NarrowQuestion",
    "NarrowReader",
    "Projection",
    "project_schema",
    "read_content",
]
