"""What pydantic finds wrong with settings, as the project tells errors: what, where, what is accepted.

A value is shown only where it is a number: texts may hold passwords, also those that stand under a wrong key.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from consumer.errors import ConfigError, InputError
from consumer.settings.values import shown

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["keys_of", "kind_of", "told"]

_KINDS = {bool: "a truth value", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}
_BOUNDS = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}
Path = tuple[str, ...]


def kind_of(value: Any) -> str:
    """Return what a value is, without showing it."""
    return _KINDS.get(type(value), f"a {type(value).__name__}") if value is not None else "nothing"


def keys_of(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that a model has, or a group of it."""
    from pydantic import BaseModel

    for name in path:
        found = model.model_fields[name].annotation if name in model.model_fields else None
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return []
        model = found
    return list(model.model_fields)


def told(
    exc: ValidationError,
    model: type[BaseModel],
    where: Callable[[Path], str] = lambda path: "",
    error: type[InputError] = ConfigError,
) -> InputError:
    """Return the project's error for what pydantic found.

    Parameters
    ----------
    exc
        What it found; the first is told, and how many more there are.
    model
        The model that refused.
    where
        Says of a key where it was set, for the message: ` in the configuration my.yaml (line 3)`.
    error
        What is returned.
    """
    first, *more = exc.errors(include_url=False)
    others = f"; and {len(more)} more" if more else ""
    path = tuple(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    known = first.get("ctx", {}).get("error")
    if isinstance(known, InputError):
        texts = known.as_dict()
        return error(f"{known.as_told}{where(path)}{others}", accepted=texts["accepted"], next_step=texts["next"])
    what, accepted, next_step = _described(first, path, model)
    return error(f"{what}{where(path)}{others}", accepted=accepted, next_step=next_step)


def _described(found: ErrorDetails, path: Path, model: type[BaseModel]) -> tuple[str, str | None, str | None]:
    name, kind, value = ".".join(path), found["type"], found.get("input")
    if kind == "extra_forbidden":
        keys = keys_of(model, path[:-1])
        near = difflib.get_close_matches(path[-1][:100].lower().replace("-", "_"), keys, n=1, cutoff=0.6)
        parent = ".".join(path[:-1])
        what = f"{shown(path[-1])} is no key of {parent}" if parent else f"{shown(path[-1])} is no setting"
        return what, ", ".join(keys), f"did you mean {near[0]!r}?" if near else "take it out"
    if kind == "string_type":
        quoted = "write it in quotes" if isinstance(value, bool | int | float) else None
        return f"{name} is {kind_of(value)}, not text", "text", quoted
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        keys = keys_of(model, path)
        inside = f"{{{keys[0]}: …}}" if keys else "{name: value}"
        return f"{name} is {kind_of(value)}, not a table of keys and values", f"{name}: {inside}", None
    if kind in _BOUNDS:
        key, form = _BOUNDS[kind]
        bound = found["ctx"][key]
        bound = f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
        return f"{name} is {shown(value)}", f"a number, {form.format(bound)}", None
    whole = "a number" if kind.startswith("float") or kind == "finite_number" else "a whole number"
    if kind in ("int_from_float", "int_parsing_size", "finite_number"):
        return f"{name} is {shown(value)}", whole, None
    return f"{name} is {kind_of(value)}, not {whole}", whole, None
