"""The page as it is served: behind a proxy's prefix, to who has logged in, to no other origin; and how it ends.

Neither Kafka nor a cluster is there: the page comes all the same, and goes on when they do.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar

import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.command_line import COMMAND
from ui.dashboard.login import password_hash

NOWHERE = ("--kafka", "127.0.0.1:1", "--dask", "tcp://127.0.0.1:1")


@contextlib.contextmanager
def served(folder, archive: str, *words: str) -> Iterator[tuple[str, subprocess.Popen]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALERT_TRANSFER_")}
    command = [COMMAND, "serve", "--port", "0", "--archive", archive, "--json", *NOWHERE, *words]
    with (
        (folder / "err").open("wb") as err,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=err, text=True) as server,
    ):
        try:
            line = server.stdout.readline()
            assert line, (folder / "err").read_text()
            yield json.loads(line)["url"], server
        finally:
            server.terminate()
            server.wait(150)
    said = (folder / "err").read_text()
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def address(tmp_path_factory, sample_archive) -> Iterator[str]:
    """A server with a login, below a prefix, that browsers know by another name, too."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "users").write_text(f"me:{password_hash('correct horse')}\n")
    (folder / "config.yaml").write_text(f"dashboard:\n  users_file: {folder / 'users'}\n")
    words = ("--prefix", "/alerts", "--allow-origin", "https://portal.example.org", "--config", "config.yaml")
    with served(folder, sample_archive, *words) as (url, _):
        yield url


Answer = tuple[int, str, dict[str, str], str]
"""Status, text, headers, and where it led."""


class Visitor:
    """A browser without scripts, that keeps cookies."""

    def __init__(self) -> None:
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, url: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        """Return status, text, headers, and where it led."""
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        try:
            with self._opener.open(urllib.request.Request(url, data=data, headers=headers), timeout=150) as answer:
                return answer.status, answer.read().decode(errors="replace"), dict(answer.headers), answer.url
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read().decode(errors="replace"), dict(exc.headers), exc.url

    def log_in(self, url: str, password: str = "correct horse", **fields: str) -> Answer:
        _, form, _, where = self.get(url)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        return self.get(where, {**hidden, "username": "me", "password": password, **fields})

    @property
    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


@pytest.fixture(scope="module")
def user(address) -> Visitor:
    visitor = Visitor()
    visitor.log_in(address)
    return visitor


def socket_of(address: str, page: str, *, origin: str, cookies: str = "") -> str:
    """Return what the page's socket answers at first, as a browser of an origin would have it."""
    token = re.search(r'"token":"([^"]+)"', page)
    assert token, page[:500]
    where = urllib.parse.urlsplit(address)
    lines = [
        f"GET {where.path}ws HTTP/1.1",
        f"Host: {where.netloc}",
        f"Origin: {origin}",
        *([f"Cookie: {cookies}"] if cookies else []),
        f"Sec-WebSocket-Protocol: bokeh, {token[1]}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Connection: Upgrade",
        "Upgrade: websocket",
    ]
    said = b""
    with socket.create_connection((where.hostname, where.port), timeout=150) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"ACK" not in said and (b"\r\n\r\n" not in said or b" 101 " in said.splitlines()[0]):
            if not (data := connection.recv(65_536)):
                break
            said += data
    return said.decode(errors="replace")


def test_who_has_not_logged_in_is_asked_to_on_a_page_that_asks_nobody_else(address):
    status, text, headers, where = Visitor().get(f"{address}?q=abc&step=filter")
    assert (status, urllib.parse.urlsplit(where).path) == (200, "/alerts/login")
    assert "Password" in text
    assert not re.search(r"(?:src|href|url\()\s*[=(]?\s*[\"']?(?:https?:)?//", text)
    assert "<script" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_wrong_password_is_refused_and_what_was_typed_is_not_shown_again(address):
    status, text, _, _ = Visitor().log_in(address, "wrong <b>one</b>", username="<script>alert(1)</script>")
    assert status == 401
    assert "not right" in text
    assert "<script" not in text
    assert "wrong" not in text


def test_a_login_without_the_forms_own_token_is_refused(address):
    status, _, _, _ = Visitor().get(f"{address}login", {"username": "me", "password": "correct horse"})
    assert status == 403


def test_who_logs_in_is_where_the_link_led(address):
    status, text, headers, where = Visitor().log_in(f"{address}?step=filter")
    assert (status, where) == (200, f"{address}?step=filter")
    assert "<title>Alert Transfer</title>" in text
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example/x", "/\\evil.example", "/other", "alerts/"])
def test_a_login_leads_to_no_other_place(address, place):
    _, _, _, where = Visitor().log_in(address, next=place)
    assert where == address


def test_who_logs_out_is_out(address):
    visitor = Visitor()
    visitor.log_in(address)
    visitor.get(f"{address}logout")
    assert "/login" in visitor.get(address)[3]


def test_each_answer_has_safe_headers(address, user):
    for place in ("", "static/js/bokeh.min.js", "login", "nothing-here"):
        _, _, headers, _ = user.get(address + place)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers


def test_the_page_names_nothing_of_another_host(address, user):
    _, text, _, _ = user.get(address)
    named = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]+)\"", text)
    assert named
    assert not [url for url in named if "//" in url.removeprefix("data:")]
    for url in named[:8]:
        assert user.get(urllib.parse.urljoin(address, url))[0] == 200


def test_a_page_that_is_left_ends_at_once_and_one_that_lost_its_connection_is_kept(address, user):
    left, lost = (user.get(address)[1] for _ in range(2))
    own = address.removesuffix("/alerts/")

    async def visited(page: str, code: int | None) -> str:
        """Return which page the server has for a browser, whose connection then ends by a code, or is cut."""
        token = re.search(r'"token":"([^"]+)"', page)[1]
        request = HTTPRequest(f"ws{address[4:]}ws", headers={"Origin": own, "Cookie": user.cookies})
        connection = await websocket_connect(request, subprotocols=["bokeh", token], max_message_size=100_000_000)
        frames = [await connection.read_message() for _ in range(3)]  # once these have come, the server listens
        for frame in ({"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}):
            await connection.write_message(json.dumps(frame))
        while '"PULL-DOC-REPLY"' not in frames[-3]:  # its metadata come next, then its content
            frames = [*frames[-2:], await connection.read_message()]
        if code is None:
            connection.protocol.stream.close()
        connection.close(code)
        while await connection.read_message() is not None:
            pass
        return json.loads(frames[-1])["doc"]["roots"][0]["id"]

    async def play() -> None:
        async with asyncio.timeout(50):  # less than one has that is lost
            kept, before = await visited(lost, None), await visited(left, 1001)
            while await visited(left, 1001) == before:
                await asyncio.sleep(2.5)
            assert await visited(lost, None) == kept

    asyncio.run(play())


def test_without_the_slash_at_its_end_the_prefix_leads_to_the_page(address, user):
    assert user.get(address.rstrip("/"))[3] == address


def test_the_socket_is_for_the_servers_own_origins_and_who_has_logged_in(address, user):
    _, page, _, _ = user.get(address)
    own = address.removesuffix("/alerts/")
    for origin in (own, "https://portal.example.org"):
        assert "ACK" in socket_of(address, page, origin=origin, cookies=user.cookies)
    for origin, cookies in (("https://evil.example", user.cookies), (own, ""), (own, "user=me; is_guest=1")):
        assert "ACK" not in socket_of(address, page, origin=origin, cookies=cookies)


def test_a_proxy_passes_page_files_and_socket_on(address, user):
    with proxy(address) as outside:
        status, page, _, _ = user.get(f"{outside}alerts/")
        assert status == 200
        asset = re.search(r'src="(static/js/[^"]+)"', page)
        assert asset
        assert user.get(f"{outside}alerts/{asset[1]}")[0] == 200
        said = socket_of(f"{outside}alerts/", page, origin="https://portal.example.org", cookies=user.cookies)
        assert "ACK" in said


@contextlib.contextmanager
def proxy(address: str) -> Iterator[str]:
    """A reverse proxy that browsers know as portal.example.org; yields where it is."""
    backend = urllib.parse.urlsplit(address)

    def pass_on(reading: socket.socket, writing: socket.socket, *, is_request: bool) -> None:
        head = b""
        with contextlib.suppress(OSError):
            while is_request and b"\r\n\r\n" not in head:
                head += reading.recv(65_536)
            head = re.sub(
                rb"\r\nHost: [^\r]*", b"\r\nHost: portal.example.org\r\nX-Forwarded-Proto: https", head, count=1
            )
            writing.sendall(head)
            while data := reading.recv(65_536):
                writing.sendall(data)
        with contextlib.suppress(OSError):
            writing.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = listening.accept()
                there = socket.create_connection((backend.hostname, backend.port))
                opened.extend((here, there))
                for pair, is_request in (((here, there), True), ((there, here), False)):
                    threading.Thread(target=pass_on, args=pair, kwargs={"is_request": is_request}, daemon=True).start()

    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for one in opened:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_whatever_ends_the_server_nothing_of_it_stays(tmp_path, sample_archive, number, code):
    with served(tmp_path, sample_archive, "--num-procs", "2") as (url, server):
        assert Visitor().get(url)[0] == 200
        family = psutil.Process(server.pid).children(recursive=True)
        assert len(family) >= 2
        server.send_signal(number)
        assert server.wait(150) == code
        _, alive = psutil.wait_procs(family, timeout=150)
        assert alive == []
