"""Who may open the page: users with hashed passwords from a file, or those whom an OAuth provider knows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import panel as pn
from bokeh.server.auth_provider import AuthProvider
from panel.auth import BasicAuthProvider
from tornado.web import RequestHandler

from engine import ConfigError, InputError, Settings
from ui.dashboard.login_cookie import LOGIN_DAYS, USER_COOKIE, cookie_flags, user_of
from ui.dashboard.login_pages import login_page, place_within
from ui.dashboard.oauth import PROVIDERS, OAuthUsers

__all__ = ["FileUsers", "PasswordFile", "lets_in_strangers", "login_is_on", "login_provider", "password_hash"]

_N, _R, _P = 2**14, 8, 1
_WAIT_S = 1.0
"""So long a wrong password is answered late; meanwhile its user's next tries wait, too."""
_MOST_CHARACTERS = 200


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


def lets_in_strangers(settings: Settings) -> bool:
    """Return whether anybody may log in who makes an account at a provider that is open to all."""
    options = settings.login_options
    closed_by = {"github": "", "google": "", "bitbucket": "", "gitlab": "url", "azure": "tenant", "azurev2": "tenant"}
    own = closed_by.get(str(options.get("provider")))
    is_open = own is not None and own not in (options.get("extra_params") or {})
    return is_open and not settings.dashboard.user_names()


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
    if options["provider"] not in PROVIDERS:
        raise ConfigError(f"login_options.provider is {str(options['provider'])[:60]!r}", accepted=", ".join(PROVIDERS))
    for name, value in options.items():
        if name in _OAUTH:
            setattr(pn.config, _OAUTH[name], value)
    return OAuthUsers(prefix, settings.dashboard.user_names())


class _LoginHandler(RequestHandler):
    users: PasswordFile
    prefix = "/"
    _busy: ClassVar[dict[str, asyncio.Lock]] = {}

    def get(self) -> None:
        self.write(login_page(self, self.prefix))

    async def post(self) -> None:
        user, password = self.get_argument("username", "")[:_MOST_CHARACTERS], self.get_argument("password", "")
        lock = self._busy.setdefault(user, asyncio.Lock())
        try:
            async with lock:
                begun = time.monotonic()
                if await asyncio.to_thread(self.users.knows, user, password):
                    flags = cookie_flags(self, self.prefix)
                    self.set_signed_cookie(USER_COOKIE, user, expires_days=LOGIN_DAYS, **flags)
                    self.redirect(place_within(self.get_argument("next", ""), self.prefix))
                    return
                await asyncio.sleep(max(0.0, _WAIT_S - (time.monotonic() - begun)))
        finally:
            if not lock.locked():
                self._busy.pop(user, None)
        self.set_status(401)
        self.write(login_page(self, self.prefix, "The name or the password is not right."))


class _LogoutHandler(RequestHandler):
    prefix = "/"

    def get(self) -> None:
        self.clear_cookie(USER_COOKIE, path=self.prefix)
        self.redirect(self.prefix)


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
        _LoginHandler.prefix = _LogoutHandler.prefix = prefix
        self._users = users
        super().__init__()

    @property
    def get_user(self) -> Callable[[RequestHandler], str | None]:
        """What tells who asks."""

        def get_user(handler: RequestHandler) -> str | None:
            user = user_of(handler)
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
