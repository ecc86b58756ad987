from .contents import CONTENTS, Projection, project_schema
from .narrow import NarrowReader
from .selected import SelectedContent, read_content, read_together
from .selection import Predicate, Selection

__all__ = [
    "CONTENTS",
    "NarrowReader",
    "Predicate",
    "Projection",
    "SelectedContent",
    "Selection",
    "project_schema",
    "read_content",
    "read_together",
]
