"""Users whom an OAuth provider knows: Panel's exchange with the provider, with cookies and pages of our own.

Of what the provider tells, only the user's name is kept, in a signed cookie: tokens of some providers are larger than
a browser's cookie, and the page asks the provider for nothing later.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import panel as pn
from panel.auth import AUTH_PROVIDERS, CODE_COOKIE_NAME, STATE_COOKIE_NAME, OAuthLoginHandler, OAuthProvider
from panel.util import decode_token
from tornado.web import HTTPError, RequestHandler

from ui.dashboard.login_cookie import LOGIN_DAYS, USER_COOKIE, cookie_flags, user_of
from ui.dashboard.login_pages import link, message_page, place_within

__all__ = ["PROVIDERS", "OAuthUsers"]

_log = logging.getLogger("alert_transfer.dashboard")

PROVIDERS = tuple(sorted(set(AUTH_PROVIDERS) - {"pam", "password"}))
"""Those that have a page of their own; the others would ask for passwords here."""
_MOST_CHARACTERS = 200
_MOST_NEXT = 2_000
"""Where one goes from the login stands in a cookie, encoded twice; a browser keeps 4 kB."""
_TOLD = ("code", "state", "error", "error_description")
_BY_COOKIE = (STATE_COOKIE_NAME, CODE_COOKIE_NAME)


class _Refused(HTTPError):
    """A login that did not succeed, with what the user is told."""

    def __init__(self, status: int, said: str):
        super().__init__(status)
        self.said = said


class _LoginPages(OAuthLoginHandler):
    """What is the same for all providers; comes before Panel's class of a provider."""

    prefix = "/"
    lets_in: Callable[[str], bool]
    _user: str | None = None
    _claims: Any = None

    def prepare(self) -> None:
        # A provider that sends users back to the page has them sent on to here, with what it told in `next`.
        told = parse_qs(urlsplit(self.get_query_argument("next", "")).query)
        for name in _TOLD:
            if name in told and name not in self.request.arguments:
                self.request.arguments[name] = [told[name][-1].encode()]

    async def get(self) -> None:
        try:
            if (error := self.get_argument("error", None)) is not None:
                self._deny(error)
            await super().get()
        except HTTPError:
            raise
        except Exception as exc:
            _log.error("the OAuth provider could not be asked: %s: %r", type(exc).__name__, str(exc)[:300])
            raise _Refused(502, "The provider of logins gave no answer that can be used. Try again later.") from exc

    def _deny(self, error: str) -> None:
        # Who sends a link with an error of their own has not the state, and their text is not shown.
        is_providers = bool(self.get_state_cookie()) and self.get_state_cookie() == self.get_argument("state", None)
        why = (self.get_argument("error_description", "") or error)[:300] if is_providers else ""
        raise _Refused(401, f"The provider did not let you in{f': {why}' if why else ''}.")

    async def get_authenticated_user(self, *args: Any, **kwargs: Any) -> str | None:
        await super().get_authenticated_user(*args, **kwargs)
        if not kwargs.get("code"):
            return None
        user = self._user or ""
        if not user.isprintable() or not 0 < len(user) <= _MOST_CHARACTERS:
            raise _Refused(401, "The provider did not say who you are.")
        if not _is_verified(self._claims, user):
            raise _Refused(403, f"The provider has not verified that {user} is your address. Have it do so first.")
        if not type(self).lets_in(user):
            raise _Refused(403, f"{user} may not use this page. Ask who runs it to let you in.")
        self._keep(USER_COOKIE, user, LOGIN_DAYS)
        return user

    def get_state(self) -> str:
        after = place_within(self.get_argument("next", ""), self.prefix)
        self.request.arguments["next"] = [(after if len(after) <= _MOST_NEXT else self.prefix).encode()]
        return super().get_state()

    @property
    def _redirect_uri(self) -> str:
        return pn.config.oauth_redirect_uri or f"{self.request.protocol}://{self.request.host}{self.prefix}"

    def set_signed_cookie(self, name: str, value: Any, *_: Any, **__: Any) -> None:
        """Keep what belongs into a cookie, with all flags; note what only counts until the login is through."""
        if name in _BY_COOKIE:
            self._keep(name, value, 1)
        elif name == USER_COOKIE:
            # Panel's reader of answers makes each apostrophe a quotation mark.
            self._user = str(value).replace('"', "'")
        elif name == "id_token":
            self._claims = value

    set_secure_cookie = set_signed_cookie

    def _keep(self, name: str, value: str, days: float) -> None:
        super().set_signed_cookie(name, value, expires_days=days, **cookie_flags(self, self.prefix))

    def clear_cookie(self, name: str, **kwargs: Any) -> None:
        super().clear_cookie(name, **(kwargs | {"path": self.prefix}))

    def _raise_error(self, response: Any, body: Any = None, status: int = 400) -> None:
        """Tell what was wrong with an answer of the provider; a token in it is told to nobody."""
        if body is None:
            try:
                body = json.loads(response.body)
            except (AttributeError, TypeError, ValueError):
                body = {}
        said = " ".join(str(body[key]) for key in ("error", "error_description") if key in body)[:300]
        _log.error("the OAuth provider did not confirm a login: %r", said or str(getattr(response, "error", None)))
        raise _Refused(502, "The provider did not confirm the login. Try again, or tell who runs this page.")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say on a page of our own why nobody is let in."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        for name in _BY_COOKIE:
            self.clear_cookie(name)
        said = error.said if isinstance(error, _Refused) else "The login was begun elsewhere, or too long ago."
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(message_page("Not logged in", said, link("Log in", self.prefix), is_error=True))


def _is_verified(claims: object, user: str) -> bool:
    """Return whether a name is the user's own: an address that nobody has verified may be anybody's."""
    try:
        told = decode_token(claims) if isinstance(claims, str) else {}
    except ValueError:
        told = {}
    return told.get("email") != user or told.get("email_verified", True) not in (False, "false")


class OAuthUsers(OAuthProvider):
    """Panel's OAuth; where one logs in is the provider's own page.

    Parameters
    ----------
    prefix
        Path of the page, `/` or `/prefix/`.
    allowed
        Who may come in: names, or `@example.org` for all of a domain; none for whomever the provider lets in.
    """

    def __init__(self, prefix: str, allowed: Iterable[str] = ()):
        self._prefix = prefix
        self._allowed = frozenset(name.casefold() for name in allowed)
        super().__init__()

    def lets_in(self, user: str) -> bool:
        """Return whether a user may come in."""
        name = user.casefold()
        return not self._allowed or name in self._allowed or f"@{name.rpartition('@')[2]}" in self._allowed

    @property
    def get_user_async(self) -> Callable[[RequestHandler], Awaitable[str | None]]:
        """What tells who asks."""

        async def get_user(handler: RequestHandler) -> str | None:
            user = user_of(handler)
            return user if user and self.lets_in(user) else None

        return get_user

    @property
    def login_handler(self) -> type[RequestHandler]:
        """What sends one to the provider, and takes what the provider answers."""
        made = {"prefix": self._prefix, "lets_in": staticmethod(self.lets_in)}
        return type("OAuthLogin", (_LoginPages, AUTH_PROVIDERS[pn.config.oauth_provider]), made)

    @property
    def logout_handler(self) -> type[RequestHandler]:
        """What logs out: here, not at the provider, who would let in again at once."""
        prefix = self._prefix
        elsewhere = pn.config.oauth_extra_params.get("LOGOUT_URL")

        class Logout(RequestHandler):
            def get(self) -> None:
                self.clear_cookie(USER_COOKIE, path=prefix)
                more = [link("Log out of the provider, too", elsewhere, is_main=False)] if elsewhere else []
                said = "You are logged out here. The provider may still know you, and let you in without a password."
                self.write(message_page("Logged out", said, link("Log in again", prefix), *more))

        return Logout

    def _remove_user(self, session_context: object) -> None:
        """Count nobody: Panel counts a user's sessions, and loses count of those that it did not count at first."""
