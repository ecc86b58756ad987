"""Who comes in by OAuth: against a provider of the tests' own, at the real server and at its login alone."""

import asyncio
import base64
import contextlib
import hashlib
import html
import http.client
import http.server
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import panel as pn
import pytest
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, authenticated
from tornado.websocket import websocket_connect

import engine
from tests.ui.dashboard.test_serving import Visitor, served, socket_of
from ui.dashboard.login import login_provider

SCRIPT = "<script>window.pwned=1</script>"


class Provider:
    """What an OAuth provider says: who comes in, or why nobody does."""

    secret = "a-secret"
    denies = ""
    id_token = ""
    at = ""

    def __init__(self) -> None:
        self.user: Any = {"email": "me@example.org"}
        self.asked: list[dict[str, str]] = []


def _handler(provider: Provider) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            asked = dict(urllib.parse.parse_qsl(parts.query))
            if parts.path == "/userinfo":
                is_right = self.headers["Authorization"] == "Bearer a-token"
                self._answer(200 if is_right else 401, provider.user if is_right else {})
                return
            provider.asked.append(asked)
            said = {"error": "access_denied", "error_description": provider.denies} if provider.denies else {}
            said = {**(said or {"code": "a-code"}), "state": asked["state"]}
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urllib.parse.urlencode(said)}")
            self.end_headers()

        def do_POST(self) -> None:
            asked = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            challenge = provider.asked[-1].get("code_challenge")
            verifier = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
            proof = base64.urlsafe_b64encode(verifier).decode().rstrip("=") == challenge
            is_right = asked.get("code") == "a-code" and (asked.get("client_secret") == provider.secret or proof)
            tokens = {"access_token": "a-token", "refresh_token": "x" * 5_000, "expires_in": 300}
            tokens |= {"id_token": provider.id_token} if provider.id_token else {}
            self._answer(
                *((200, tokens) if is_right else (401, {"error": "invalid_client", "error_description": SCRIPT}))
            )

        def _answer(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def provider() -> Iterator[Provider]:
    said = Provider()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(said)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said.at = f"http://127.0.0.1:{server.server_port}"
        yield said
        server.shutdown()


def options(said: Provider, **more: Any) -> dict[str, Any]:
    urls = {"AUTHORIZE_URL": "authorize", "TOKEN_URL": "token", "USER_URL": "userinfo"}
    extra = {name: f"{said.at}/{path}" for name, path in urls.items()}
    return {"provider": "generic", "key": "alert-transfer", "secret": "a-secret", "extra_params": extra, **more}


def page_of(url: str, text: str, cookies: str) -> str:
    """Return the whole of a page, as its socket brings it to the browser."""
    token = re.search(r'"token":"([^"]+)"', text)
    assert token

    async def ask() -> str:
        where = urllib.parse.urlsplit(url)
        headers = {"Cookie": cookies, "Origin": f"{where.scheme}://{where.netloc}"}
        request = HTTPRequest(f"ws://{where.netloc}{where.path}ws", headers=headers, request_timeout=150)
        socket = await websocket_connect(request, subprotocols=["bokeh", token[1]])
        said = ""
        while "Log out" not in said:
            message = await socket.read_message()
            assert message is not None, said[:500]
            said += message if isinstance(message, str) else ""
            if '"ACK"' in str(message):
                for part in ({"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}):
                    await socket.write_message(json.dumps(part))
        socket.close()
        while await socket.read_message() is not None:
            pass
        return said

    return asyncio.run(ask())


def test_the_page_is_whose_the_provider_says(tmp_path, sample_archive, provider):
    dashboard = {"users": "@example.org", "operators": "me@example.org"}
    configuration = {"login_options": options(provider), "dashboard": dashboard}
    (tmp_path / "config.yaml").write_text(json.dumps(configuration))
    with served(tmp_path, sample_archive, "--prefix", "/alerts", "--config", "config.yaml") as (url, _):
        visitor = Visitor()
        status, text, _, where = visitor.get(f"{url}?q=abc&step=filter")
        assert (status, where) == (200, f"{url}?q=abc&step=filter")
        assert provider.asked[-1]["redirect_uri"] == url
        assert [cookie.name for cookie in visitor.jar if cookie.name != "_xsrf"] == ["user"], "tokens are kept nowhere"
        assert "Log out me@example.org" in page_of(url, text, visitor.cookies)
        origin = url.removesuffix("/alerts/")
        assert "ACK" not in socket_of(url, text, origin=origin)

        provider.denies = f"no {SCRIPT}"
        status, text, headers, _ = Visitor().get(url)
        assert status == 401
        assert "no &lt;script&gt;" in text
        assert "<script" not in text
        assert "//" not in re.sub(r'href="[^"]*"', "", text), "a page of our own, which asks nobody"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")

        _, text, _, where = visitor.get(f"{url}logout")
        assert (where, "Log in again" in text) == (f"{url}logout", True), "not at once back in"
        assert visitor.get(url)[0] == 401
        provider.denies, provider.secret = "", "another"
        status, text, _, _ = Visitor().get(url)
        assert status == 502
        assert "did not confirm" in text
        assert "<script" not in text


class _Page(RequestHandler):
    def get_login_url(self) -> str:
        return "login"

    async def prepare(self) -> None:
        self.current_user = await self.settings["users"].get_user_async(self)

    @authenticated
    def get(self) -> None:
        self.write(f"the page of {self.current_user}")


@contextlib.contextmanager
def login_alone(said: Provider, users: str = "", **more: Any) -> Iterator[str]:
    """The server's login and a page that asks who is there; yields where."""
    settings = engine.Settings(login_options=options(said, **more), dashboard={"users": users})
    names = [
        "oauth_provider",
        "oauth_key",
        "oauth_secret",
        "oauth_redirect_uri",
        "oauth_extra_params",
        "oauth_jwt_user",
    ]
    before = {name: getattr(pn.config, name) for name in names}
    known = login_provider(settings, "/alerts/")
    assert known is not None
    ready, (socket,) = threading.Event(), bind_sockets(0, "127.0.0.1")
    ends: list[Any] = []

    async def serve() -> None:
        end = asyncio.Event()
        pages = [("/alerts/", _Page), ("/alerts/login", known.login_handler), ("/alerts/logout", known.logout_handler)]
        server = HTTPServer(Application(pages, cookie_secret="a" * 32, users=known), xheaders=True)
        server.add_sockets([socket])
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        ready.set()
        await end.wait()
        server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/alerts/"
    finally:
        ends[0]()
        thread.join()
        for name, value in before.items():
            setattr(pn.config, name, value)


@pytest.mark.parametrize("more", [{}, {"provider": "auth_code", "secret": ""}], ids=["generic", "auth_code"])
@pytest.mark.parametrize("path", ["", "login"], ids=["to the page", "to the login"])
def test_the_provider_may_send_users_back_to_the_page_or_to_the_login(provider, more, path):
    with login_alone(provider, **more) as url:
        pn.config.oauth_redirect_uri = f"{url}{path}"
        _, text, _, where = Visitor().get(f"{url}?q=a%26b")
        assert (text, where) == ("the page of me@example.org", f"{url}?q=a%26b")


def test_cookies_are_for_this_page_alone_and_over_https_for_https_only(provider):
    with login_alone(provider) as url:
        visitor = Visitor()
        visitor.get(url)
        (kept,) = visitor.jar
        assert (kept.name, kept.path, kept.secure) == ("user", "/alerts/", False)
        assert kept.has_nonstandard_attr("HttpOnly")
        assert kept.get_nonstandard_attr("SameSite") == "Lax"
        where = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(where.netloc, timeout=150)
        with contextlib.closing(connection):
            connection.request("GET", "/alerts/login", headers={"X-Forwarded-Proto": "https"})
            answer = connection.getresponse()
        assert "; Secure" in answer.headers["Set-Cookie"]
        assert urllib.parse.quote_plus(f"https://{where.netloc}/alerts/") in answer.headers["Location"]


def jwt(**claims: Any) -> str:
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims, {}))


@pytest.mark.parametrize(
    ("users", "user", "status", "said"),
    [
        ("you@example.org, @Example.org", {"email": "me@example.org"}, 200, "me@example.org"),
        ("ME@example.org", {"email": "me@example.org"}, 200, "me@example.org"),
        ("you@example.org, @example.com", {"email": "me@example.org"}, 403, "may not use"),
        ("@example.org", {"email": "me@example.org.evil"}, 403, "may not use"),
        ("", {"email": "o'brien@example.org"}, 200, "o'brien@example.org"),
        ("", {"email": "me@example.org", "email_verified": False}, 403, "not verified"),
        ("", jwt(email="me@example.org", email_verified=False), 403, "not verified"),
        ("", jwt(email="me@example.org", email_verified=True), 200, "me@example.org"),
        ("", {"email": 7}, 200, "7"),
        ("", {"name": "me"}, 401, ""),
        ("", {"email": "m\ne"}, 401, "who you are"),
        ("", {"email": ""}, 401, "who you are"),
        ("", "no.token", 502, "no answer"),
    ],
)
def test_who_comes_in_is_who_the_provider_and_the_settings_know(provider, users, user, status, said):
    if isinstance(user, str):
        provider.id_token = user
    else:
        provider.user = user
    with login_alone(provider, users) as url:
        visitor = Visitor()
        answer = visitor.get(url)
        assert answer[0] == status
        assert html.escape(said) in html.escape(html.unescape(answer[1]))
        assert ("user" in visitor.cookies) is (status == 200)


def test_a_link_of_somebody_elses_logs_nobody_in_and_says_nothing_of_theirs(provider):
    with login_alone(provider) as url:
        visitor = Visitor()
        for asked in ("code=a-code&state=forged", "error=x&error_description=Call+555"):
            for place in (f"{url}login?{asked}", f"{url}?{asked}"):
                status, text, _, _ = visitor.get(place)
                assert (status, "555" in text) == (401, False)
        assert visitor.cookies == ""


def test_a_link_that_no_cookie_holds_still_logs_in_and_one_to_elsewhere_leads_to_the_page(provider):
    with login_alone(provider) as url:
        assert Visitor().get(f"{url}?q={'x' * 7_000}")[3] == url
        for place in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
            assert Visitor().get(f"{url}login?{urllib.parse.urlencode({'next': place})}")[3] == url


def test_a_provider_that_is_gone_is_told(provider):
    more = {"extra_params": {**options(provider)["extra_params"], "TOKEN_URL": "http://127.0.0.1:1/token"}}
    with login_alone(provider, **more) as url:
        status, text, _, _ = Visitor().get(url)
        assert status == 502
        assert "no answer" in text


def test_a_log_out_offers_the_providers_too(provider):
    more = {"extra_params": {**options(provider)["extra_params"], "LOGOUT_URL": "https://sso.example.org/out?a=1&b"}}
    with login_alone(provider, **more) as url:
        assert 'href="https://sso.example.org/out?a=1&amp;b"' in Visitor().get(f"{url}logout")[1]
