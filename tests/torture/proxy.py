"""A TCP proxy in front of Kafka: it delays what passes, and cuts connections when told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

__all__ = ["Proxy"]

_HOST = "127.0.0.1"
_CHUNK_NBYTES = 64 * 1024


class Proxy:
    """Passes connections on to a port of this machine; a context manager.

    Its own port exists before the target does: Kafka is told to advertise it.
    """

    def __init__(self) -> None:
        self.target_port = 0
        self.delay_s = 0.0
        """Every 64 KiB, in either direction, waits so long before it is passed on."""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server((_HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="torture-proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def cut(self) -> int:
        """Drop all connections in the midst of whatever they carry; returns how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(150)

    async def _cut(self) -> int:
        writers = list(self._open)
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        # Not by asyncio's own server: what it is just accepting when it is closed, it leaves open.
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept)
        await self._stop.wait()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        tasks = list(self._passing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # a connection that is aborted closes its socket a turn of the loop later

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # the client has gone away
        connection.setblocking(False)
        task = self._loop.create_task(self._pass_on(connection))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        task.add_done_callback(lambda _: connection.close())  # also of a task that ended before it began

    async def _pass_on(self, connection: socket.socket) -> None:
        near_reader, near = await asyncio.open_connection(sock=connection)
        self._open.add(near)
        far = None
        try:
            far_reader, far = await asyncio.open_connection(_HOST, self.target_port)
            self._open.add(far)
            await asyncio.gather(self._pump(near_reader, far), self._pump(far_reader, near))
        except OSError:
            pass  # the broker is away, and its clients see just that
        finally:
            for writer in filter(None, (near, far)):
                writer.transport.abort()
                self._open.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A reset connection is what this proxy is for.
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK_NBYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
