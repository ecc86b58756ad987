"""What is seen while the page loads: its frame, in its colours, in the place of a curtain over nothing."""

from __future__ import annotations

from ui.dashboard.theme import FONTS, THEME

__all__ = ["first_paint"]


def first_paint(*, is_dark: bool | None) -> str:
    """Return the style of a page that is still empty.

    Parameters
    ----------
    is_dark
        As the reader chose it; None if the reader's system decides.
    """
    day, night = _colours("light"), _colours("dark")
    by_system = f"@media (prefers-color-scheme: dark) {{ body {{ {night} }} {_UNLIT} }}" if is_dark is None else ""
    return f"body {{ {night if is_dark else day} }}\n{by_system}\n{_STYLE}"


def _colours(mode: str) -> str:
    palette = THEME[mode]["palette"]
    named = {
        "ground": palette["background"]["default"],
        "paper": palette["background"]["paper"],
        "ink": palette["text"]["primary"],
        "line": palette["divider"],
        "main": palette["primary"]["main"],
    }
    return " ".join(f"--first-{name}: {colour};" for name, colour in named.items())


# The server doesn't know yet that the reader's system is dark, so the page comes in the colours of the day. It is shown
# when the browser has it in those of the night, or when that takes too long.
_UNLIT = """
html:not([data-lit]) body { background-color: var(--first-ground) !important; }
html:not([data-lit]) body > :not(#loader) { visibility: hidden; animation: first-lit 0s 20s forwards; }
@keyframes first-lit { to { visibility: visible; } }
"""

# Behind all that is drawn, so that each part of the page covers it when it is there, and may be used at once.
_STYLE = f"""
body {{ background-color: var(--first-ground); }}
#loader:not(.error) {{ z-index: -1; display: flex; background: var(--first-ground); pointer-events: none; }}
#loader:not(.error)::before {{
  content: "Alert Transfer"; position: absolute; inset: 0 0 auto; height: 64px; padding: 0 24px; box-sizing: border-box;
  font: 700 1.25rem/64px {FONTS}; color: var(--first-ink); background: var(--first-paper);
  border-bottom: 1px solid var(--first-line);
}}
#loader:not(.error)::after {{
  content: ""; position: absolute; top: 172px; left: 50%; transform: translateX(-50%); width: min(1150px, 100vw - 32px);
  height: 420px; box-sizing: border-box; border: 1px solid var(--first-line); border-radius: 12px;
  background: var(--first-paper);
}}
#loader .spinner {{ z-index: 1; width: 32px; height: 32px; border: 3px solid var(--first-line);
  border-top-color: var(--first-main); }}
@media (prefers-reduced-motion: reduce) {{ #loader .spinner {{ animation-duration: 4s; }} }}
"""
