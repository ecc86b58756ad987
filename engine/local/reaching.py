"""Whether a Dask scheduler answers at an address, asked before Dask's own client is made.

That client can't be told to go away again once it has met a stranger: it may wait for ever, or take bytes of an HTTP
server for the size of a message.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import distributed
from distributed.comm.addressing import parse_host_port

from engine.errors import ClusterError, ConfigError

__all__ = ["reach", "security_of"]

_PAUSE_S = 0.2
_HEAD_NBYTES = 4096
_SCHEMES = ("tcp", "tls")
_ACCEPTED = "tcp://host:port, or tls://host:port, of a running scheduler"
_GREETING = b"pickle-protocol"
_TLS_KEYS = ("ca_file", "cert_file", "key_file")
_TLS_ACCEPTED = "dask_tls with ca_file, cert_file and key_file, PEM files that the scheduler's operator gives out"


def security_of(address: str, tls: Mapping[str, Any]) -> distributed.Security:
    """Return what Dask needs to talk to an address, by our settings or, where these are empty, by Dask's own.

    Raises
    ------
    ConfigError
        If `tls://` lacks certificates, a file can't be read, or TLS is set for an address without it.
    """
    if unknown := sorted(str(key) for key in tls if key not in _TLS_KEYS):
        raise ConfigError(f"dask_tls has unknown keys: {', '.join(unknown[:5])}", accepted=_TLS_ACCEPTED)
    is_tls = address.startswith("tls://")
    if tls and not is_tls:
        raise ConfigError(
            f"dask_tls is set, and the address of the scheduler, {address}, is without TLS",
            accepted="tls://host:port",
            next_step=f"give --dask tls://{address.rpartition('://')[2]}, or leave dask_tls out",
        )
    if tls and (lacking := [key for key in ("ca_file", "cert_file") if not tls.get(key)]):
        raise ConfigError(f"dask_tls lacks {' and '.join(lacking)}", accepted=_TLS_ACCEPTED)
    for key, path in tls.items():
        try:
            with open(path, "rb"):
                pass
        except (OSError, TypeError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is no path"
            raise ConfigError(f"{key} of dask_tls can't be read: {path}: {why}", next_step="check the path") from exc
    try:
        files = {"tls_ca_file": "ca_file", "tls_client_cert": "cert_file", "tls_client_key": "key_file"}
        given = {name: tls[key] for name, key in files.items() if tls.get(key)}
        security = distributed.Security(require_encryption=is_tls or None, **given)
        context = security.get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as exc:  # ssl's errors are OSErrors
        raise ConfigError(f"the TLS files of dask_tls can't be used: {exc}", accepted=_TLS_ACCEPTED) from exc
    if is_tls and context is None:
        raise ConfigError(
            f"the scheduler at {address} is reached with TLS, and no certificate is set",
            accepted=_TLS_ACCEPTED,
            next_step="set them in the configuration, or by ALERT_TRANSFER_DASK_TLS_CA_FILE, _CERT_FILE and _KEY_FILE",
        )
    return security


def reach(address: str, security: distributed.Security, timeout_s: float) -> None:
    """Return if a Dask scheduler answers at an address.

    It may be starting just now: a connection that is refused is tried again for half of the time.

    Raises
    ------
    ConfigError
        If that is no address.
    ClusterError
        If nothing answers, or something else.
    """
    deadline = time.monotonic() + timeout_s
    refused_until = deadline - timeout_s / 2
    host, port = _host_and_port(address)
    # Names may be looked up for minutes, which nothing can stop.
    _within(deadline, lambda: socket.getaddrinfo(host, port), address, f"the name {host} is not found")
    while True:
        try:
            with socket.create_connection((host, port), timeout=_left(deadline)) as plain:
                head = _greeting(plain, security, deadline)
            break
        except ssl.SSLError as exc:
            raise _silent(address, f"TLS fails with what is there: {exc.reason or exc}") from exc
        except OSError as exc:
            if time.monotonic() > refused_until:
                raise _silent(address, exc.strerror or str(exc)) from exc
        time.sleep(_PAUSE_S)
    if not head:
        raise _silent(address, "what is there takes connections and says nothing")
    if _GREETING not in head:
        raise _silent(address, "something else is there")
    kind = _within(deadline, lambda: asyncio.run(_kind(address, security)), address, "it does not say what it is")
    if kind != "Scheduler":
        raise _silent(address, f"a {kind} of Dask is there")


def _host_and_port(address: str) -> tuple[str, int]:
    scheme, found, place = address.rpartition("://")
    try:
        if found and scheme not in _SCHEMES:
            raise ValueError(f"{scheme}:// is not known")
        host, port = parse_host_port(place)
        if not (host and 0 < port < 65536):
            raise ValueError("host or port is missing" if not (host and port) else f"there is no port {port}")
    except ValueError as exc:
        raise ConfigError(f"{address!r} is no address: {exc}", accepted=_ACCEPTED, next_step="check it") from exc
    return host, port


async def _kind(address: str, security: distributed.Security) -> str:
    async with distributed.rpc(address, connection_args=security.get_connection_args("client")) as server:
        kind: str = (await server.identity())["type"]
        return kind


def _within(deadline: float, ask: Callable[[], Any], address: str, why: str) -> Any:
    """Return what a function returns, in a thread that may be left behind."""
    found: list[Any] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            found.append(ask())
        except Exception as exc:  # noqa: BLE001  told by the thread that waits
            failures.append(exc)

    thread = threading.Thread(target=run, name="alert-transfer-reach", daemon=True)
    thread.start()
    thread.join(_left(deadline))
    if not found:
        told = f"{why}: {failures[0]}" if failures else why
        raise _silent(address, told) from (failures[0] if failures else None)
    return found[0]


def _greeting(plain: socket.socket, security: distributed.Security, deadline: float) -> bytes:
    """Return the first bytes that a server sends; Dask's speaks first."""
    plain.settimeout(_left(deadline))
    context = security.get_connection_args("client").get("ssl_context")
    with context.wrap_socket(plain) if context else plain as found:
        head = b""
        try:
            while _GREETING not in head and len(head) < _HEAD_NBYTES:
                found.settimeout(_left(deadline))
                more = found.recv(_HEAD_NBYTES)
                if not more:
                    break
                head += more
        except TimeoutError:
            return head
        return head


def _left(deadline: float) -> float:
    return max(0.05, deadline - time.monotonic())


def _silent(address: str, why: str) -> ClusterError:
    other = "without TLS, at tcp://" if address.startswith("tls://") else "with TLS, at tls://"
    return ClusterError(
        f"no Dask scheduler answers at {address}: {why}",
        accepted=_ACCEPTED,
        next_step=f"check host and port, and whether the scheduler runs {other}; or leave --dask out to have a "
        "cluster on this machine",
    )
