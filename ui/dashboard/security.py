"""What every answer of the server tells the browser: where the page may load from, and who may embed it.

The page is served whole from here, so nothing of another host is allowed. Scripts that stand in a page are named by
their hashes, since whatever else is in it may come from users. Panel compiles its components in the browser and loads
them as blobs, and Bokeh makes functions of text: both must be allowed to scripts that are ours already.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Any

from tornado.httputil import HTTPHeaders
from tornado.web import Application, OutputTransform

__all__ = ["MOST_MESSAGE_NBYTES", "MOST_REQUEST_NBYTES", "add_safe_headers", "policy"]

MOST_REQUEST_NBYTES = 100_000
"""Of a request's headers and of its body; the page sends what is large by its socket."""
MOST_MESSAGE_NBYTES = 4_000_000
"""Of one message of the socket: a YAML of 1 MB, as the browser writes it."""

_INLINE = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL | re.IGNORECASE)
_PLAIN = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(page: bytes = b"", ancestors: Iterable[str] = (), nonce: str = "") -> str:
    """Return the Content-Security-Policy of an answer.

    Parameters
    ----------
    page
        The answer, of which the scripts that stand in it are allowed.
    ancestors
        Origins of pages that may show this one in a frame.
    nonce
        What a script that ours load must say to be loaded.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(found['code']).digest()).decode()}'"
        for found in _INLINE.finditer(page)
        if found["code"].strip() and b"src=" not in found["attributes"]
    ]
    loaded = [f"'nonce-{nonce}'"] if nonce else []
    rules = {
        "default-src": ["'none'"],
        "script-src": [
            "'self'",
            "blob:",
            "'unsafe-eval'",
            *dict.fromkeys(hashes),
            *loaded,
        ],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
        "frame-ancestors": list(ancestors) or ["'none'"],
    }
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


def add_safe_headers(application: Application, *, ancestors: Iterable[str] = ()) -> None:
    """Have each answer of a Tornado application say what the browser may do with it."""
    allowed = tuple(ancestors)

    class SafeHeaders(OutputTransform):
        def transform_first_chunk(
            self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
        ) -> tuple[int, HTTPHeaders, bytes]:
            is_page = headers.get("Content-Type", "").startswith("text/html")
            for name, value in _PLAIN.items():
                headers[name] = value
            nonce = secrets.token_urlsafe(16) if is_page else ""
            headers["Content-Security-Policy"] = policy(chunk if is_page else b"", allowed, nonce)
            if is_page:
                headers["Cache-Control"] = "no-store"
                # The loader of modules finds it at the first script, and writes it at those that it makes.
                chunk = chunk.replace(b"<script ", f'<script nonce="{nonce}" '.encode(), 1)
                headers["Content-Length"] = str(len(chunk))
            if "Server" in headers:
                del headers["Server"]
            return status_code, headers, chunk

    # First, so that it sees what is written and not its compressed form.
    transforms: list[Any] = application.transforms
    transforms.insert(0, SafeHeaders)
