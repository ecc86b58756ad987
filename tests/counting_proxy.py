"""A proxy before an S3 server that counts what is asked of it, and can be slow, throttle, stumble and cut short."""

from __future__ import annotations

import http.client
import http.server
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


@dataclass(frozen=True)
class Asked:
    """A request that came through, or was meant to."""

    method: str
    path: str
    """With the query."""
    range: str | None
    if_match: str | None
    status: int | None
    """None: it was reset or cut short."""
    nbytes: int
    """Of the answer's body."""

    @property
    def is_listing(self) -> bool:
        return "list-type=" in self.path


@dataclass
class Proxy:
    """What has been asked, and how the proxy shall behave from now on."""

    url: str = ""
    latency: float = 0.0
    """Seconds before each answer."""
    throttled: float = 0.0
    """Part of the requests that is answered with 503 SlowDown; and so on."""
    failed: float = 0.0
    reset: float = 0.0
    cut: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def behave(self) -> None:
        """Be as at first."""
        self.latency = self.throttled = self.failed = self.reset = self.cut = 0.0
        self.dice = random.Random(1)
        self.asked.clear()

    def of_objects(self) -> list[Asked]:
        """Return the requests for objects: neither for listings nor for buckets."""
        return [asked for asked in self.asked if urlsplit(asked.path).path.count("/") > 1 and not asked.is_listing]

    def nbytes(self) -> int:
        """Return the bytes of all answers' bodies."""
        return sum(asked.nbytes for asked in self.asked)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    upstream: str

    def log_message(self, *args: Any) -> None:
        pass

    def _pass_on(self) -> None:
        proxy = self.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(proxy.latency)
        thrown = proxy.dice.random()
        for status, answer, part in ((503, _SLOW_DOWN, proxy.throttled), (500, _INTERNAL, proxy.failed)):
            if thrown < part:
                self._answer(status, [("Content-Type", "application/xml")], answer)
                return
            thrown -= part
        if thrown < proxy.reset:
            self._break_off(0)
            return
        connection = http.client.HTTPConnection(self.upstream, timeout=150)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            content = response.read()
            dropped = {"connection", "transfer-encoding", "content-length", "keep-alive"}
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in dropped]
            length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            status = response.status
        finally:
            connection.close()
        if length is not None:
            headers.append(("Content-Length", length))
        if thrown - proxy.reset < proxy.cut and len(content) > 1:
            self._answer(status, headers, content[: len(content) // 2], cut=True)
        else:
            self._answer(status, headers, content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(content)))
        # Noted before it is sent: once whoever asked has it, the list is whole, and may be looked at or cleared.
        if not cut:
            self._note(status, len(content))
        self.end_headers()
        self.wfile.write(content)
        if cut:
            self._break_off(len(content))

    def _break_off(self, nbytes: int) -> None:
        self._note(None, nbytes)
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.shutdown(socket.SHUT_RDWR)

    def _note(self, status: int | None, nbytes: int) -> None:
        headers = self.headers
        self.proxy.asked.append(
            Asked(self.command, self.path, headers.get("Range"), headers.get("If-Match"), status, nbytes)
        )

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, address: Any) -> None:
        pass  # clients go away as they like


@contextmanager
def counting(url: str) -> Iterator[Proxy]:
    """Run a proxy before a server while the block runs."""
    proxy = Proxy()
    handler = type("Handler", (_Handler,), {"proxy": proxy, "upstream": urlsplit(url).netloc})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield proxy
        server.shutdown()
