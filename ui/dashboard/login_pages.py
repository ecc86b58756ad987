"""The pages on which one logs in and out: our own, which ask no other host for anything, and work without scripts."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlsplit

__all__ = ["link", "login_page", "message_page", "place_within"]

_MOST_CHARACTERS = 8_000


def login_page(handler: Any, prefix: str, said: str = "") -> str:
    """Return the page that asks for a user's name and password.

    Parameters
    ----------
    handler
        Who asks.
    prefix
        Path of the page, `/` or `/prefix/`.
    said
        What was wrong.
    """
    error = f'<p class="error" role="alert">{html.escape(said)}</p>' if said else ""
    after = html.escape(place_within(handler.get_argument("next", ""), prefix), quote=True)
    form = f"""<form method="post">
<h1>Alert Transfer</h1>
{error}
<label>User name<input name="username" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="{after}">
{handler.xsrf_form_html()}
<button type="submit">Log in</button>
</form>"""
    return _page("Log in", form)


def message_page(title: str, said: str, *links: str, is_error: bool = False) -> str:
    """Return a page that says something, with links to go on by."""
    role = ' class="error" role="alert"' if is_error else ""
    return _page(
        title, f"<section><h1>{html.escape(title)}</h1><p{role}>{html.escape(said)}</p>{''.join(links)}</section>"
    )


def link(label: str, url: str, *, is_main: bool = True) -> str:
    """Return a link of such a page."""
    look = "button" if is_main else "plain"
    return f'<a class="{look}" href="{html.escape(url, quote=True)}">{html.escape(label)}</a>'


def place_within(url: str, prefix: str) -> str:
    """Return the place on this server that a link means; another server's is none."""
    parts = urlsplit(url.replace("\\", "/"))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(prefix) and not url.startswith("//")
    return url if is_ours and len(url) < _MOST_CHARACTERS and url.isprintable() else prefix


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · Alert Transfer</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


_STYLE = """
:root { color-scheme: light dark; --line: #767b88; --main: #1d4fd7; --back: #f4f6fb; --paper: #fff; --bad: #b3261e;
  --on-main: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #8f96a6; --main: #8fb0ff; --back: #10141c; --paper: #1a202c; --bad: #ffb4ab; --on-main: #10141c; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back);
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
form, section { background: var(--paper); border-radius: 12px; padding: 2rem; width: min(20rem, 80vw);
  border: 1px solid color-mix(in srgb, var(--line) 40%, transparent); overflow-wrap: anywhere; }
h1 { font-size: 1.25rem; margin: 0 0 1.25rem; }
label { display: block; font-size: .875rem; margin: 0 0 1rem; }
input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .65rem; font: inherit;
  border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; }
button, a.button { display: block; box-sizing: border-box; width: 100%; padding: .75rem; border: 0; border-radius: 8px;
  background: var(--main); color: var(--on-main); font: inherit; font-weight: 600; cursor: pointer; text-align: center;
  text-decoration: none; }
a.plain { display: block; margin-top: 1rem; color: var(--main); text-align: center; }
p { margin: 0 0 1.25rem; line-height: 1.45; }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.error { color: var(--bad); margin: 0 0 1rem; }
"""
