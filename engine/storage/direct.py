"""An object's ranges straight from the socket: its GET is signed once, and sent again with each range.

Through s3fs each request is worked out, signed and its answer parsed anew, on one thread for all, and each byte of a
body is copied four times. Here it is a request that botocore made and signed, with another `Range`: S3's signatures
cover what a request says of itself, and further headers may be added. So credentials, options, proxies and certificates
are botocore's as ever. What is not answered as it should be s3fs asks once more, and judges.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from fsspec.asyn import sync
from urllib3.exceptions import HTTPError

from engine.storage.retrying import CutShortError, RefusedError, is_passing

__all__ = ["DirectSession", "SignedObject"]

_SIGNED_S = 60.0
"""A signature is good for a quarter of an hour, some stores' for five minutes; a clock may be wrong."""
_PART_NBYTES = 1024 * 1024
"""So much is taken from the socket at once: less takes more of Python's time, more takes no less."""
_UNDERSTOOD = frozenset({"keepalive_timeout"})
"""Of the arguments for aiohttp's connections; others, as certificates of their own, are not known elsewhere."""
_is_signing: ContextVar[bool] = ContextVar("is_signing", default=False)


class _SignedError(Exception):
    """A request is ready to be sent, and is not: who wanted it signed has it."""

    def __init__(self, request: AWSPreparedRequest, session: DirectSession):
        super().__init__("signed, not sent")
        self.request = request
        self.session = session


class DirectSession(AIOHTTPSession):
    """What aiobotocore sends requests with, and a way past it that knows the same proxies and certificates.

    Made by aiobotocore, with its arguments.
    """

    def __init__(self, *, connector_args: Mapping[str, Any] | None = None, **options: Any):
        super().__init__(connector_args=connector_args, **options)
        # Where certificates are not to be looked at urllib3 warns of each connection, which aiohttp doesn't.
        is_for_aiohttp = bool(set(connector_args or ()) - _UNDERSTOOD) or options.get("verify") is False
        self.sockets = None if is_for_aiohttp else URLLib3Session(**options)
        """None: all is to go through aiobotocore."""
        self.has_answered = False
        """Whether the store was found to answer what goes past aiobotocore."""

    async def __aexit__(self, *failure: Any) -> None:
        if self.sockets is not None:
            self.sockets.close()
        await super().__aexit__(*failure)

    async def send(self, request: AWSPreparedRequest) -> Any:
        """Send a request, or raise it to whoever only wants it signed."""
        # Before it s3fs may ask for the bucket's region, and botocore for credentials.
        if _is_signing.get() and request.method == "GET" and request.stream_output:
            raise _SignedError(request, self)
        return await super().send(request)


@dataclass(frozen=True, kw_only=True)
class _Signed:
    request: AWSPreparedRequest
    session: DirectSession
    since: float


class SignedObject:
    """The GET of an object, signed now and then; for any number of threads.

    Parameters
    ----------
    files
        s3fs's file system.
    wanted
        What `get_object` is told of the object.
    """

    def __init__(self, files: Any, wanted: Mapping[str, Any]):
        self._files = files
        self._wanted = wanted
        self._lock = threading.Lock()
        self._signed: _Signed | None = None
        self._has_session = files.config_kwargs.get("http_session_cls") is DirectSession

    def fill(self, start: int, room: memoryview, etag: str) -> bool:
        """Fill some room with a range of one version; return whether it is, or is to be asked for by way of s3fs.

        Raises
        ------
        OSError, botocore.exceptions.BotoCoreError
            If it is worth while to ask again after a while.
        """
        signed = self._current()
        sockets = signed.session.sockets if signed else None
        if signed is None or sockets is None:
            return False
        request = signed.request
        wanted = {"Range": f"bytes={start}-{start + room.nbytes - 1}", "If-Match": f'"{etag}"'}
        answer = sockets.send(
            AWSPreparedRequest("GET", request.url, {**request.headers, **wanted}, None, stream_output=True)
        )
        try:
            if is_passing(answer.status_code):
                signed.session.has_answered = True
                raise RefusedError(f"the store answered {answer.status_code}")
            is_right = answer.status_code == HTTPStatus.PARTIAL_CONTENT
            if is_right and answer.headers.get("ETag", etag).strip('"') == etag:
                _take(answer.raw, room)
                signed.session.has_answered = True
                return True
        except HTTPError as exc:
            raise CutShortError(f"the answer broke off: {exc}") from exc
        finally:
            answer.raw.close()  # a connection whose answer was read to its end is another's by now
        return False

    def note_answered_otherwise(self) -> None:
        """Take in that s3fs had its answer: where no other way ever had one, s3fs is to ask from now on."""
        signed = self._signed
        if signed is not None and not signed.session.has_answered:
            signed.session.sockets = None

    def _current(self) -> _Signed | None:
        if not self._has_session:
            return None
        with self._lock:
            if self._signed is None or time.monotonic() - self._signed.since > _SIGNED_S:
                self._signed = sync(self._files.loop, self._sign)
            return self._signed

    async def _sign(self) -> _Signed:
        _is_signing.set(True)  # in this task alone
        since = time.monotonic()
        try:
            await self._files._call_s3("get_object", **self._wanted)
        except _SignedError as ready:
            return _Signed(request=ready.request, session=ready.session, since=since)
        raise AssertionError("a request was sent that was to be signed")


def _take(body: Any, room: memoryview) -> None:
    num_came = 0
    while num_came < room.nbytes:
        part = body.read(min(_PART_NBYTES, room.nbytes - num_came))
        if not part:
            raise CutShortError(f"{num_came} bytes came of {room.nbytes}")
        room[num_came : num_came + len(part)] = part
        num_came += len(part)
