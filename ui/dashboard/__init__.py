"""The dashboard: a page on which an astronomer chooses alerts, submits a job, follows it, and fetches what it sent.

Its parts call the public names of `engine` and `consumer`. `serving` serves it, `embedding` shows it in a
notebook; what else an astronomer does by hand comes in here, a view each. Imported on first use: Panel takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ui.dashboard.embedding import app
    from ui.dashboard.local_services import LocalServices
    from ui.dashboard.login import lets_in_strangers, login_is_on, password_hash
    from ui.dashboard.serving import Serving, check, serve

__all__ = ["LocalServices", "Serving", "app", "check", "lets_in_strangers", "login_is_on", "password_hash", "serve"]

_MODULES = {
    "LocalServices": "local_services",
    "Serving": "serving",
    "app": "embedding",
    "check": "serving",
    "lets_in_strangers": "login",
    "login_is_on": "login",
    "password_hash": "login",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ui.dashboard.{_MODULES[name]}"), name)
