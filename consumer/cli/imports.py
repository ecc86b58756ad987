"""What a command does not import."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

__all__ = ["without_pandas"]


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("not needed", name=name)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Keep pyarrow from importing pandas, where that is installed and nobody else has imported it yet.

    It does so with the first array that it makes, to know pandas' own arrays by their types. Here there are none, and
    the import takes as long as all else that a small topic needs.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
