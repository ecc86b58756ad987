"""Who may open the page: users with hashed passwords from a file, or those whom an OAuth provider knows.

The login page is our own: it asks no other host for anything, and works without scripts.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import html
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import panel as pn
from bokeh.server.auth_provider import AuthProvider
from panel.auth import AUTH_PROVIDERS, BasicAuthProvider, OAuthProvider
from tornado.web import RequestHandler

from engine import ConfigError, InputError, Settings

__all__ = ["FileUsers", "OAuthUsers", "PasswordFile", "login_is_on", "login_provider", "password_hash"]

_N, _R, _P = 2**14, 8, 1
_WAIT_S = 1.0
"""So long a wrong password is answered late; meanwhile its user's next tries wait, too."""
_MOST_CHARACTERS = 200
_DAYS = 7
"""So long a login lasts."""


def password_hash(password: str) -> str:
    """Return the hash of a password, as the users' file has it.

    Raises
    ------
    InputError
        If it is shorter than 8 characters, or longer than 200.
    """
    if not 8 <= len(password) <= _MOST_CHARACTERS:
        raise InputError(f"the password has {len(password)} characters", accepted=f"8 to {_MOST_CHARACTERS} characters")
    salt = secrets.token_bytes(16)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(_scrypt(password, salt)).decode()}"


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_N, r=_R, p=_P, maxmem=2**26)


class PasswordFile:
    """A file with a line `name:hash` for each user; read anew when it has changed.

    Parameters
    ----------
    path
        Its path.

    Raises
    ------
    ConfigError
        If it can't be read, or a line is not right.
    """

    def __init__(self, path: str):
        self._path = Path(path)
        self._read_at: tuple[int, int] | None = None
        self._hashes: dict[str, str] = {}
        self._unknown = password_hash(secrets.token_hex(8))
        self.hashes()

    def hashes(self) -> dict[str, str]:
        """Return user -> hash."""
        try:
            stat = self._path.stat()
            if (stamp := (stat.st_mtime_ns, stat.st_size)) != self._read_at:
                self._hashes = _parsed(self._path.read_text(encoding="utf-8"), self._path)
                self._read_at = stamp
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(
                f"the users' file {str(self._path)!r} can't be read: {getattr(exc, 'strerror', None) or exc}",
                next_step="make it by: alert-transfer serve --hash-password",
            ) from exc
        return self._hashes

    def knows(self, user: str, password: str) -> bool:
        """Return whether a password is a user's; it takes as long for users that are not there."""
        known = self.hashes().get(user)
        _, salt, found = (known or self._unknown).split("$")
        right = hmac.compare_digest(
            _scrypt(password[:_MOST_CHARACTERS], base64.b64decode(salt)), base64.b64decode(found)
        )
        return right and known is not None


def _parsed(text: str, path: Path) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        name, _, found = line.rpartition(":")
        if not name or not _is_hash(found) or name in hashes:
            said = f"names {name!r} twice" if name in hashes else "is not of this form"
            raise ConfigError(
                f"line {number} of the users' file {str(path)!r} {said}",
                accepted="name:scrypt$…, a line for each user",
                next_step="make the line by: alert-transfer serve --hash-password",
            )
        hashes[name] = found
    return hashes


def _is_hash(text: str) -> bool:
    parts = text.split("$")
    try:
        return len(parts) == 3 and parts[0] == "scrypt" and all(base64.b64decode(p, validate=True) for p in parts[1:])
    except ValueError:
        return False


_OAUTH = {
    "provider": "oauth_provider",
    "key": "oauth_key",
    "secret": "oauth_secret",
    "redirect_uri": "oauth_redirect_uri",
    "extra_params": "oauth_extra_params",
    "jwt_user": "oauth_jwt_user",
}
"""Key of `login_options` -> what Panel calls it."""


def login_is_on(settings: Settings) -> bool:
    """Return whether users must log in."""
    return bool(settings.dashboard.users_file or settings.login_options.get("provider"))


def login_provider(settings: Settings, prefix: str) -> AuthProvider | None:
    """Return what asks users who they are; None if nobody is asked.

    Parameters
    ----------
    settings
        Whose users count.
    prefix
        Path of the page, `/` or `/prefix/`.

    Raises
    ------
    ConfigError
        If the users' file is not right, or an option of the login.
    """
    options = settings.login()
    if unknown := options.keys() - _OAUTH.keys() - {"cookie_secret"}:
        raise ConfigError(
            f"login_options has no {', '.join(sorted(unknown))}", accepted=", ".join([*_OAUTH, "cookie_secret"])
        )
    if settings.dashboard.users_file:
        if options.get("provider"):
            raise ConfigError(
                "the settings name both dashboard.users_file and login_options.provider", accepted="one of them"
            )
        return FileUsers(PasswordFile(settings.dashboard.users_file), prefix)
    if not options.get("provider"):
        return None
    if options["provider"] not in (known := sorted(AUTH_PROVIDERS)):
        raise ConfigError(
            f"login_options.provider is {str(options['provider'])[:60]!r}", accepted=", ".join(map(str, known))
        )
    for name, value in options.items():
        if name in _OAUTH:
            setattr(pn.config, _OAUTH[name], value)
    return OAuthUsers(prefix)


class _OwnPages:
    """The login page, and where one goes from it: into the page, whatever the link that one came with."""

    prefix = "/"

    @staticmethod
    def login_page(handler: Any, said: str = "") -> str:
        return _PAGE.format(
            error=f'<p class="error" role="alert">{html.escape(said)}</p>' if said else "",
            token=handler.xsrf_form_html(),
            next=html.escape(_within(handler.get_argument("next", ""), _OwnPages.prefix), quote=True),
        )


def _within(url: str, prefix: str) -> str:
    """Return the place on this server that a link means; another server's is none."""
    parts = urlsplit(url.replace("\\", "/"))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(prefix) and not url.startswith("//")
    return url if is_ours and len(url) < 8_000 and url.isprintable() else prefix


class _LoginHandler(RequestHandler):
    users: PasswordFile
    _busy: ClassVar[dict[str, asyncio.Lock]] = {}

    def get(self) -> None:
        self.write(_OwnPages.login_page(self))

    async def post(self) -> None:
        user, password = self.get_argument("username", "")[:_MOST_CHARACTERS], self.get_argument("password", "")
        lock = self._busy.setdefault(user, asyncio.Lock())
        try:
            async with lock:
                begun = time.monotonic()
                if await asyncio.to_thread(self.users.knows, user, password):
                    self.set_signed_cookie(
                        "user",
                        user,
                        expires_days=_DAYS,
                        httponly=True,
                        secure=self.request.protocol == "https",
                        samesite="Lax",
                        path=_OwnPages.prefix,
                    )
                    self.redirect(_within(self.get_argument("next", ""), _OwnPages.prefix))
                    return
                await asyncio.sleep(max(0.0, _WAIT_S - (time.monotonic() - begun)))
        finally:
            if not lock.locked():
                self._busy.pop(user, None)
        self.set_status(401)
        self.write(_OwnPages.login_page(self, "The name or the password is not right."))


class _LogoutHandler(RequestHandler):
    def get(self) -> None:
        for name in ("user", "id_token", "access_token", "refresh_token", "oauth_expiry", "is_guest"):
            self.clear_cookie(name, path=_OwnPages.prefix)
        self.redirect(_OwnPages.prefix)


class FileUsers(BasicAuthProvider):
    """Panel's basic auth with the users of a file; one who is taken out of it is out at the next request.

    Parameters
    ----------
    users
        The users.
    prefix
        Path of the page, `/` or `/prefix/`.
    """

    def __init__(self, users: PasswordFile, prefix: str):
        _LoginHandler.users = users
        _OwnPages.prefix = prefix
        self._users = users
        super().__init__()

    @property
    def get_user(self) -> Callable[[RequestHandler], str | None]:
        """What tells who asks."""

        def get_user(handler: RequestHandler) -> str | None:
            cookie = handler.get_signed_cookie("user", max_age_days=_DAYS)
            user = cookie.decode() if cookie else None
            return user if user in self._users.hashes() else None

        return get_user

    @property
    def login_handler(self) -> type[_LoginHandler]:
        """What answers where one logs in."""
        return _LoginHandler

    @property
    def logout_handler(self) -> type[_LogoutHandler]:
        """What logs out."""
        return _LogoutHandler

    def _remove_user(self, session_context: object) -> None:
        """Count nobody: Panel counts a user's sessions, and loses count of those that it did not count at first."""


class OAuthUsers(OAuthProvider):
    """Panel's OAuth; where one logs in is the provider's own page."""

    def __init__(self, prefix: str):
        _OwnPages.prefix = prefix
        super().__init__()

    @property
    def logout_handler(self) -> type[_LogoutHandler]:
        """What logs out."""
        return _LogoutHandler


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Alert Transfer</title>
<style>
:root {{ color-scheme: light dark; --line: #767b88; --main: #1d4fd7; --back: #f4f6fb; --paper: #fff; --bad: #b3261e; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --line: #8f96a6; --main: #8fb0ff; --back: #10141c; --paper: #1a202c; --bad: #ffb4ab; }}
  button {{ color: #10141c !important; }}
}}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back);
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }}
form {{ background: var(--paper); border-radius: 12px; padding: 2rem; width: min(20rem, 80vw);
  border: 1px solid color-mix(in srgb, var(--line) 40%, transparent); }}
h1 {{ font-size: 1.25rem; margin: 0 0 1.25rem; }}
label {{ display: block; font-size: .875rem; margin: 0 0 1rem; }}
input {{ display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .65rem; font: inherit;
  border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; }}
button {{ width: 100%; padding: .75rem; border: 0; border-radius: 8px; background: var(--main); color: #fff;
  font: inherit; font-weight: 600; cursor: pointer; }}
:focus-visible {{ outline: 3px solid var(--main); outline-offset: 2px; }}
.error {{ color: var(--bad); margin: 0 0 1rem; }}
</style>
</head>
<body>
<main>
<form method="post">
<h1>Alert Transfer</h1>
{error}
<label>User name<input name="username" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="{next}">
{token}
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
"""
