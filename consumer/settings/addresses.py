"""Addresses that users give, of archives and of services: none has a password in it.

An address stands on command lines, in manifests and in messages; what proves who asks belongs into the options of the
configuration, of which none does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.errors import ConfigError, InputError
from consumer.settings.secret_names import has_password, without_password
from consumer.settings.values import shown

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = ["check_url", "refuse_password", "refuse_user"]

_FORMS = "the secret itself as {env: NAME} or {file: PATH}"
_NEXT_STEPS = {
    "dask": "leave it out: a Dask scheduler asks for certificates, which dask_tls in the configuration names",
    "tns_catalogue": "take a place that needs none, or set what its file system reads from the environment, here and "
    "on each worker; storage_options are the archive's",
}


def refuse_password(name: str, url: str, *, error: type[InputError] = ConfigError) -> None:
    """Raise if a URL has a password in it, `user:password@` or a signed query.

    Parameters
    ----------
    name
        What it is, for the message: `archive`.
    url
        A path or a URL.
    error
        What is raised.
    """
    if has_password(url):
        forms = f"give what the file system needs as storage_options in the configuration, {_FORMS}"
        raise error(
            f"{name} has a password in it: {shown(without_password(url), 200)}",
            accepted="an address without user:password@ and without a token",
            next_step=_NEXT_STEPS.get(name, forms),
        )


def check_url(url: str, info: ValidationInfo) -> str:
    """Return a path or a URL of the settings, unless it has a password in it."""
    refuse_password(info.field_name or "the address", url)
    return url


def refuse_user(hosts: str) -> str:
    """Return `host:port[,host:port]` of Kafka, or raise if it names a user."""
    if "@" in hosts:
        hidden = ",".join("***@" + host.rpartition("@")[2] if "@" in host else host for host in hosts.split(","))
        raise ConfigError(
            f"kafka has a user in it: {shown(hidden)}",
            accepted="host:port[,host:port], without user:password@",
            next_step=f"give sasl.username and sasl.password as kafka_options in the configuration, {_FORMS}",
        )
    return hosts
