"""Who somebody is: to Kafka, else to the system; and names of users that are handed over."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from typing import Any

from consumer.settings import items_of, resolved, shown
from engine.errors import RequestError

__all__ = ["kafka_user", "own_name", "user_name", "user_names"]

# Kafka calls the user of these mechanisms by the name that they log in with. Who a certificate, a ticket or a token is
# to it, rules of its own decide, which nobody outside can read.
_BY_NAME = re.compile(r"PLAIN|SCRAM-SHA-\d+")
_NAME = re.compile(r"\S(?:.{0,198}\S)?")


def kafka_user(options: Mapping[str, Any]) -> str | None:
    """Return the name that Kafka has for whoever uses these properties, or None where that can't be told from them.

    Parameters
    ----------
    options
        librdkafka's properties.

    Raises
    ------
    ConfigError
        If they name a place that has the name, and it can't be read here.
    """
    asked = {
        name: options[name] for name in ("security.protocol", "sasl.mechanism", "sasl.mechanisms") if name in options
    }
    protocol = str(asked.get("security.protocol", "")).upper()
    mechanism = str(asked.get("sasl.mechanism") or asked.get("sasl.mechanisms") or "").upper()
    if not protocol.startswith("SASL_") or not _BY_NAME.fullmatch(mechanism) or "sasl.username" not in options:
        return None
    return str(resolved({"sasl.username": options["sasl.username"]}, "kafka_options")["sasl.username"]) or None


def own_name(options: Mapping[str, Any]) -> str:
    """Return whose a job is that is sent with these properties: Kafka's user, else the system's; empty: nobody's."""
    return kafka_user(options) or _system_user()


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container may run as a number that has no name
        return ""


def user_name(what: str, value: Any) -> str:
    """Return the name of a user, or raise.

    Raises
    ------
    RequestError
        If it is no text, empty, has line breaks or the like, or is too long.
    """
    name = value.strip() if isinstance(value, str) else value
    if not isinstance(name, str) or not name.isprintable() or not _NAME.fullmatch(name):
        raise RequestError(f"{what} is {shown(value)}", accepted="the name of a user: 1 to 200 printable characters")
    return name


def user_names(what: str, value: Any) -> tuple[str, ...]:
    """Return names of users, one or several, each once.

    Raises
    ------
    RequestError
        If one is none.
    """
    return tuple(dict.fromkeys(items_of(what, value, lambda one: user_name(what, one), error=RequestError)))
