"""Secrets: where options say that they are, how they are got there, and texts without them.

An option may be written as `{env: NAME}` or `{file: PATH}`. It stays so wherever it is kept, sent or shown, and is read
in the process that uses it, at the moment it does: `resolved`. What a user writes in clear for a cluster that we start
is sent there in the same form (`entrusted`), by variables that only this process and its workers have.

Whatever was read, or written in clear, is remembered here for one thing: `without_secrets` takes it out of texts, those
of other people's errors above all.
"""

from __future__ import annotations

import base64
import os
import pickle
import re
import secrets as random
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from consumer.errors import ConfigError
from consumer.settings.secret_names import HIDDEN, form_of, is_address_name, secrets_in, without_password
from consumer.settings.values import shown

__all__ = [
    "Options",
    "entrusted",
    "literal_secrets",
    "masked",
    "name_process",
    "remember_secrets",
    "resolved",
    "without_secrets",
]

MOST_NBYTES = 1_000_000
"""Of a file that holds a secret."""

_FORMS = "{env: NAME} or {file: PATH}"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FEWEST_CHARACTERS = 4  # what is shorter stands in any text
_TEXT, _OBJECT = "ALERT_TRANSFER_SECRET_", "ALERT_TRANSFER_SECRET_OBJECT_"


class _Known:
    """What this process knows of secrets; no other process is ever sent it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: set[str] = set()
        self.entrusted: dict[str, str] = {}
        """Variable of workers that we start -> value."""
        self.name: Callable[[], str | None] = lambda: None


_known = _Known()


class Options(dict[str, Any]):
    """Options for a library that may hold secrets: a table like any other, but for its `repr`, which shows none."""

    def __repr__(self) -> str:
        return repr(masked(self))

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return Options, (dict(self),)


def masked(options: Any) -> Any:
    """Return options as they may be shown: `***` in the place of each secret."""
    hidden = {place for place, _ in secrets_in(options)}
    return _replaced(options, (), lambda place, value: HIDDEN if place in hidden else value)


def literal_secrets(options: Mapping[str, Any]) -> list[str]:
    """Return the names of secrets that options hold in clear: `client_kwargs.aws_secret_access_key`."""
    return [_name(place) for place, _ in secrets_in(options)]


def remember_secrets(options: Mapping[str, Any]) -> None:
    """Have `without_secrets` know the secrets that options hold in clear."""
    for _, value in secrets_in(options):
        _remember(value)


def without_secrets(text: str) -> str:
    """Return a text without any secret that this process has read or was given, and without passwords of URLs."""
    with _known.lock:
        values = sorted(_known.values, key=len, reverse=True)
    for value in values:
        if value in text:
            text = text.replace(value, HIDDEN)
        elif (quoted := repr(value)[1:-1]) in text:
            text = text.replace(quoted, HIDDEN)
    return without_password(text)


def name_process(name: Callable[[], str | None]) -> None:
    """Have messages name this process so, where a secret is missing in it: `the worker tcp://…`; None: `here`."""
    _known.name = name


def _here() -> str:
    name = _known.name()
    return f"on {name}" if name else f"here (process {os.getpid()} of {socket.gethostname()})"


def resolved(options: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return options with every `{env: NAME}` and `{file: PATH}` replaced by what stands there, read now.

    Parameters
    ----------
    options
        Options, at any depth.
    what
        What they are, for messages: `storage_options`.

    Raises
    ------
    ConfigError
        If a variable is not set here, or a file can't be read, naming this process.
    """
    if form_of(options) is not None:
        raise ConfigError(
            f"{what} says where one value is",
            accepted=f"a table of options; {_FORMS} stands for the value of one: secret: {{env: NAME}}",
        )
    remember_secrets(options)

    def read(place: tuple[str | int, ...], value: Any) -> Any:
        form = form_of(value)
        if form is None:
            return value
        name = f"{what}.{_name(place)}"
        found = _variable(name, form[1]) if form[0] == "env" else _file(name, form[1])
        if not is_address_name(name):  # an endpoint may stand there, too, and messages have to name that
            _remember(found)
        return found

    found: dict[str, Any] = _replaced(options, (), read)
    return found


def entrusted(*tables: Mapping[str, Any]) -> tuple[list[Options], dict[str, str]]:
    """Return tables of options without a secret in clear, and the environment that has those.

    In the tables `{env: NAME}` stands for each. They can be read in this process, and in those that have the
    environment.
    """
    environment: dict[str, str] = {}

    def hand_over(place: tuple[str | int, ...], value: Any) -> Any:
        if place not in hidden:
            return value
        is_text = isinstance(value, str) and "\0" not in value
        text = value if is_text else base64.b64encode(pickle.dumps(value)).decode()
        with _known.lock:
            variable = next((name for name, known in _known.entrusted.items() if known == text), None)
            variable = variable or (_TEXT if is_text else _OBJECT) + random.token_hex(8).upper()
            _known.entrusted[variable] = environment[variable] = text
        _remember(value)
        return {"env": variable}

    found = []
    for table in tables:
        hidden = {place for place, _ in secrets_in(table)}
        found.append(Options(_replaced(table, (), hand_over)))
    return found, environment


def _replaced(value: Any, place: tuple[str | int, ...], change: Callable[[tuple[str | int, ...], Any], Any]) -> Any:
    """Return a copy of options, in which each value, and each of the two forms, was changed."""
    if form_of(value) is not None:
        return change(place, value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, (*place, key), change) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_replaced(item, (*place, number), change) for number, item in enumerate(value))
    return change(place, value)


def _variable(name: str, variable: Any) -> Any:
    # What is none may be the secret itself, and is not shown.
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise ConfigError(f"{name}.env is not the name of a variable", accepted="letters, digits and _: S3_SECRET")
    value = _known.entrusted.get(variable) or os.environ.get(variable)
    if not value:
        raise ConfigError(
            f"{name} names the variable {variable}, which is not set {_here()}",
            accepted="a variable of the environment of each process that uses it: each worker, and here",
            next_step=f"set {variable} where that process is started, or take {{file: PATH}}",
        )
    # Made by `entrusted`, here or in the process that started this one.
    return pickle.loads(base64.b64decode(value)) if variable.startswith(_OBJECT) else value


def _file(name: str, path: Any) -> str:
    if not isinstance(path, str) or not path or not os.path.isabs(os.path.expanduser(path)):
        raise ConfigError(
            f"{name}.file is not the whole path of a file",
            accepted="a path from the root on, /run/secrets/s3: processes have other working directories",
        )
    try:
        with open(Path(path).expanduser(), "rb") as file:
            data = file.read(MOST_NBYTES + 1)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as exc:
        why = (exc.strerror if isinstance(exc, OSError) else None) or "it is not text"
        raise ConfigError(
            f"{name} names the file {shown(path, 200)}, which can't be read {_here()}: {why}",
            accepted="a file that each process that uses it can read: each worker, and here",
            next_step="put it there, or take {env: NAME}",
        ) from None
    if not text or len(data) > MOST_NBYTES:
        raise ConfigError(
            f"{name} names the file {shown(path, 200)}, which is {'too large' if text else 'empty'} {_here()}",
            accepted=f"a file that holds the secret and nothing else, {MOST_NBYTES:,} bytes at most",
        )
    return text


def _remember(value: Any) -> None:
    texts = {str(value), *str(value).splitlines()} if isinstance(value, str | int) else set()
    with _known.lock:
        _known.values |= {text for text in texts if len(text) >= _FEWEST_CHARACTERS and not text.startswith("-----")}


def _name(place: Sequence[str | int]) -> str:
    return ".".join(map(str, place))
