"""dask-sql without what it imports and a query never needs: a web server, a prompt and its colours.

`import dask_sql` imports `dask_sql.server.app` (FastAPI, uvicorn) and `dask_sql.cmd` (prompt_toolkit, Pygments) for two
functions that it re-exports, `run_server` and `cmd_loop`. That takes half of all the time that a process needs for
dask-sql. Here both modules have a stand-in while dask-sql is imported; the functions still work, by importing theirs on
the first call. docs/decisions/0030-what-a-start-costs.md tells more.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

__all__ = ["lean_import"]

_LEFT_OUT = {"dask_sql.cmd": "cmd_loop", "dask_sql.server.app": "run_server"}
"""Module -> the one name that dask_sql takes from it."""


@contextlib.contextmanager
def lean_import() -> Iterator[None]:
    """Have `import dask_sql` in this block leave out server and prompt; who imported it before has them already."""
    if "dask_sql" in sys.modules:
        yield
        return
    stand_ins = {name: _stand_in(name, function) for name, function in _LEFT_OUT.items()}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _stand_in(name: str, function: str) -> ModuleType:
    module = ModuleType(name)
    setattr(module, function, _later(name, function))
    return module


def _later(name: str, function: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(importlib.import_module(name), function)(*arguments, **named)

    call.__name__ = function
    return call
