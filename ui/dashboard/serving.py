"""Serving the page: one process, or several that share a port, beside a Kafka and a Dask cluster."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import getpass
import logging
import multiprocessing
import multiprocessing.connection
import re
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.server.connection import ServerConnection
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from panel.io.application import build_applications
from panel.io.resources import LOCAL_DIST
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import RedirectHandler, decode_signed_value
from tornado.websocket import WebSocketClosedError

import engine
from consumer.cli import page_terms
from engine import Settings
from ui.dashboard.first_paint import first_paint
from ui.dashboard.leftovers import Leftovers
from ui.dashboard.lifeline import end_with_parent
from ui.dashboard.local_services import LocalServices
from ui.dashboard.login import login_is_on, login_provider
from ui.dashboard.login_cookie import LOGIN_DAYS, USER_COOKIE
from ui.dashboard.page import Page
from ui.dashboard.security import MOST_MESSAGE_NBYTES, MOST_REQUEST_NBYTES, add_safe_headers
from ui.dashboard.services import Services
from ui.dashboard.session import Session, User
from ui.dashboard.sources import Sources

__all__ = ["Serving", "check", "open_page", "serve"]

_log = logging.getLogger("alert_transfer.dashboard")
_HERE = ("127.0.0.1", "localhost", "::1")
_DARK = "alert-transfer-dark"
"""Cookie of a reader who likes the page dark."""
_MEND_S = 2.0
_ABANDONED_MS = 60_000
"""A page that is gone is ended after so long: one that only lost its connection comes back sooner, and one that a slow
network or a busy machine keeps loading is not yet gone."""
_LEFT = (1000, 1001)
"""By these codes a browser closes the socket of a page that its reader leaves or loads anew, which is ended at once: it
holds some 5 MB. A connection that is lost has none."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Where the page is served, and to whom."""

    port: int = 5006
    address: str = "127.0.0.1"
    prefix: str = ""
    num_procs: int = 1
    origins: tuple[str, ...] = ()
    """`host[:port]` by which browsers know the server, besides its own."""
    secret: str = ""
    """What signs cookies and sessions; all processes have the same."""

    @property
    def path(self) -> str:
        """Path of the page, `/` or `/prefix/`."""
        inner = self.prefix.strip("/")
        return f"/{inner}/" if inner else "/"

    def url(self, port: int) -> str:
        """Return where a browser of this machine finds the page."""
        host = "127.0.0.1" if self.address in ("", "0.0.0.0", "::") else self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{self.path}"


def check(settings: Settings, serving: Serving) -> None:
    """Raise if the page can't be served so, before anything is started.

    Raises
    ------
    InputError
        If the settings name no archive, the login is not right, or the prefix is no path.
    """
    Sources.from_settings(settings)
    login_provider(settings, serving.path)
    if not re.fullmatch(r"[\w./~-]*", serving.prefix, re.ASCII):
        raise engine.InputError(f"the prefix is {serving.prefix[:60]!r}", accepted="a path: /alerts")


def serve(serving: Serving, local: LocalServices, *, on_ready: Callable[[str], None]) -> None:
    """Serve the page until a signal ends it; then KeyboardInterrupt is raised, as Ctrl-C does elsewhere.

    Parameters
    ----------
    serving
        Where, and to whom.
    local
        Kafka and Dask; started.
    on_ready
        Called with the page's address as soon as it answers.

    Raises
    ------
    InputError
        If the port can't be had, or the settings name no archive.
    """
    secret = serving.secret or local.settings.login().get("cookie_secret") or secrets.token_hex(32)
    with contextlib.ExitStack() as stack:
        sockets = _bound(serving)
        for each in sockets:
            stack.callback(each.close)
        serving = replace(serving, secret=secret, port=sockets[0].getsockname()[1])
        run = _run_here if serving.num_procs == 1 else _run_several
        run(serving, local, sockets, lambda: on_ready(serving.url(serving.port)))


def _bound(serving: Serving) -> list[socket.socket]:
    try:
        return bind_sockets(serving.port, serving.address or None)
    except (OSError, OverflowError) as exc:
        raise engine.InputError(
            f"the page can't be served at {serving.address}:{serving.port}: {getattr(exc, 'strerror', None) or exc}",
            accepted="a free port of this machine, or 0 to have one chosen",
            next_step="name another by --port",
        ) from exc


def _run_here(
    serving: Serving, local: LocalServices, sockets: list[socket.socket], on_ready: Callable[[], None]
) -> None:
    services = Services(local.settings, client=local.client, mend=local.mend, client_now=lambda: local.client)
    _run(services, serving, sockets, lambda _: on_ready())
    raise KeyboardInterrupt


def _run_several(
    serving: Serving, local: LocalServices, sockets: list[socket.socket], on_ready: Callable[[], None]
) -> None:
    # Started afresh, not forked: Kafka's and Dask's clients have threads.
    spawn = multiprocessing.get_context("spawn")
    children = []
    address = local.address
    settings = local.settings if address is None else local.settings.model_copy(update={"dask": address})
    try:
        for _ in range(serving.num_procs):
            ours, theirs = spawn.Pipe()
            child = spawn.Process(target=_child, args=(settings, serving, sockets, theirs), name="page")
            child.start()
            theirs.close()
            children.append((child, ours))
        for _, pipe in children:
            with contextlib.suppress(EOFError):
                pipe.recv()
        sentinels = [child.sentinel for child, _ in children]
        if not multiprocessing.connection.wait(sentinels, timeout=0):
            on_ready()
        while not multiprocessing.connection.wait(sentinels, timeout=_MEND_S):
            local.mend()
            if local.address != address:
                address = local.address
                for _, pipe in children:
                    pipe.send(address)
        raise engine.AlertTransferError(
            "a process of the page has ended", next_step="see what it said, and start again"
        )
    finally:
        for child, _ in children:
            child.terminate()
        for child, _ in children:
            child.join(10)
            child.kill()


def _child(
    settings: Settings, serving: Serving, sockets: list[socket.socket], pipe: multiprocessing.connection.Connection
) -> None:
    """Serve in a process of several; it ends with the one that started it."""
    end_with_parent(grace_s=10.0)
    services = Services(settings)

    def on_ready(loop: asyncio.AbstractEventLoop) -> None:
        def moved() -> None:
            try:
                services.move_cluster(pipe.recv())
            except EOFError:  # who started us is gone, which the loop is told by another way
                loop.remove_reader(pipe.fileno())

        pipe.send(True)
        loop.add_reader(pipe.fileno(), moved)

    _run(services, serving, sockets, on_ready)


def _run(
    services: Services,
    serving: Serving,
    sockets: list[socket.socket],
    on_ready: Callable[[asyncio.AbstractEventLoop], None],
) -> None:
    # What the loop calls, and the threads that it waits for, have this context.
    with page_terms(), contextlib.closing(services), _loop() as loop:
        leftovers = Leftovers()
        server = _server(services, serving, sockets, leftovers)
        services.warm_up()
        server.start()
        gc.freeze()  # modules, above all: nothing of them becomes garbage, and to look at them again takes long
        watching = [loop.create_task(services.watch()), loop.create_task(leftovers.collect())]
        on_ready(loop)
        try:
            loop.run_forever()
        finally:
            for each in watching:
                each.cancel()
            server.stop(wait=False)
            server.unlisten()
            loop.run_until_complete(_settled(loop))


async def _settled(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs in a loop."""
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _lost(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Bokeh waits for nothing that it sends: that a browser went away meanwhile is nobody's error.
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Make a loop that a signal ends, and the end of the process that started this one."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_lost)
    asyncio.set_event_loop(loop)
    IOLoop.current()
    is_stopped = False

    def stop() -> None:
        """Stop the loop once: what then still has to end in it must not be stopped."""
        nonlocal is_stopped
        if not is_stopped:
            is_stopped = True
            loop.stop()

    taken = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if (before := signal.getsignal(number)) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop)
            taken.append((number, before))
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop.add_reader(parent.sentinel, stop)
    try:
        yield loop
    finally:
        if parent is not None:
            loop.remove_reader(parent.sentinel)
        for number, before in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, before)
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


class _Tornado(BokehTornado):
    """Sends all that changes from the moment on at which a browser's socket is there, and hears that a page was left.

    Panel sends nothing before the browser has shown all of the page, which may be seconds after it has its copy: what a
    click did meanwhile was never seen. The browser keeps what comes before its copy, and what comes after changes it.
    """

    def new_connection(self, *args: Any, **kwargs: Any) -> ServerConnection:
        connection = super().new_connection(*args, **kwargs)
        document = connection.session.document
        pn.state._connected[document] = pn.state._loaded[document] = True
        connection.session._expiration_requested = False  # it came back, from the browser's history perhaps
        return connection

    def client_lost(self, connection: ServerConnection) -> None:
        session = connection.session
        super().client_lost(connection)
        if connection._socket.close_code in _LEFT:
            session.request_expiration()


def _server(services: Services, serving: Serving, sockets: list[socket.socket], leftovers: Leftovers) -> BaseServer:
    pn.config.cookie_secret = serving.secret
    pn.config.cookie_path = serving.path
    provider = login_provider(services.settings, serving.path)
    options: dict[str, Any] = {} if provider is None else {"auth_provider": provider}

    def page() -> pn.viewable.Viewable:
        pn.state.on_session_destroyed(lambda _: leftovers.session_ended())
        return open_page(services, serving)

    tornado = _Tornado(
        build_applications(page, title="Alert Transfer"),
        prefix=serving.prefix,
        extra_websocket_origins=_origins(serving),
        secret_key=serving.secret.encode(),
        sign_sessions=True,
        use_index=False,
        ico_path=str(Path(__file__).with_name("favicon.ico")),
        include_headers=["Host", "User-Agent", "X-Forwarded-Proto"],
        include_cookies=[_DARK, *([USER_COOKIE] if options else [])],
        websocket_max_message_size_bytes=MOST_MESSAGE_NBYTES,
        unused_session_lifetime_milliseconds=_ABANDONED_MS,
        check_unused_sessions_milliseconds=1_000,
        keep_alive_milliseconds=20_000,
        cookie_secret=serving.secret,
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"path": serving.path, "samesite": "Strict", "httponly": True},
        **options,
    )
    if serving.path != "/":
        # The page names what it loads from where it is, so its path must end in a slash.
        to_page = (serving.path.rstrip("/"), RedirectHandler, {"url": serving.path, "permanent": False})
        tornado.add_handlers(".*", [to_page])
    add_safe_headers(tornado, ancestors=services.settings.dashboard.frame_ancestor_names())
    http = HTTPServer(
        tornado,
        xheaders=bool(serving.prefix or serving.origins),
        max_header_size=MOST_REQUEST_NBYTES,
        max_body_size=MOST_REQUEST_NBYTES,
        idle_connection_timeout=120,
    )
    http.add_sockets(sockets)
    return BaseServer(IOLoop.current(), tornado, http)


def _origins(serving: Serving) -> list[str]:
    own = {*_HERE, serving.address} - {"", "0.0.0.0", "::"}
    return [*(f"{host}:{serving.port}" for host in own), *map(_origin, serving.origins)]


def _origin(text: str) -> str:
    """Return an origin as the server compares it: without its scheme, and with a port, 80 if it names none."""
    host = text.rpartition("://")[2].rstrip("/").lower()
    return host if ":" in host.rpartition("]")[2] else f"{host}:80"


def open_page(services: Services, serving: Serving) -> pn.viewable.Viewable:
    """Return the page of a new session, and have it ended when the browser is gone."""
    session = Session(services, _user(services, serving))
    if pn.state.curdoc is not None:
        pn.state.onload(session.wait_until_shown())
        # Panel tells a page where its styles are as it writes the HTML. A session that a browser comes back to by its
        # websocket alone has no HTML, and Panel would name another host.
        pn.state.curdoc.template_variables.setdefault("dist_url", LOCAL_DIST)
    pn.state.on_session_destroyed(lambda _: session.end())
    search = "" if pn.state.location is None else pn.state.location.search
    chosen = pn.state.cookies.get(_DARK)
    if chosen == "1":
        pn.config.theme = "dark"
    has_login = login_is_on(services.settings)
    page = Page(session, search, home=serving.path, has_login=has_login).view()
    page.config.raw_css = [first_paint(is_dark=None if chosen is None else chosen == "1")]
    return page


def _user(services: Services, serving: Serving) -> User:
    if login_is_on(services.settings):
        cookie = pn.state.cookies.get(USER_COOKIE)
        known = decode_signed_value(serving.secret, USER_COOKIE, cookie, max_age_days=LOGIN_DAYS) if cookie else None
        name = known.decode() if known else "nobody"
    else:
        name = services.settings.kafka_options.get("sasl.username") or getpass.getuser()
    return User(name=name, is_operator=name in services.settings.dashboard.operator_names())
