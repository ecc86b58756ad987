"""The cookie that says who is logged in, whoever let them in: signed, for this page alone, out of scripts' reach."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

__all__ = ["LOGIN_DAYS", "USER_COOKIE", "cookie_flags", "user_of"]

LOGIN_DAYS = 7
"""So long a login lasts."""
USER_COOKIE = "user"


def cookie_flags(handler: RequestHandler, prefix: str) -> dict[str, Any]:
    """Return the flags of a cookie that counts for the page at a path, and goes to no script and no other site."""
    return {"httponly": True, "secure": handler.request.protocol == "https", "samesite": "Lax", "path": prefix}


def user_of(handler: RequestHandler) -> str | None:
    """Return whom the cookie names, None where there is none, or none of ours, or it is too old."""
    cookie = handler.get_signed_cookie(USER_COOKIE, max_age_days=LOGIN_DAYS)
    return cookie.decode() if cookie else None
