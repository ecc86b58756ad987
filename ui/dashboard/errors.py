"""An error beside what caused it, in the engine's words: what was wrong, what is accepted, what to do next.

Where these name options and commands, the page's reader is shown its controls.
"""

from __future__ import annotations

import html

import panel as pn

from consumer.cli import page_terms

__all__ = ["ErrorBox", "error_text"]

_LABELS = (("Accepted", "accepted"), ("Next", "next_step"))


class ErrorBox:
    """An error as a part of the page; what users and topics wrote stands in it as text, never as HTML.

    Parameters
    ----------
    error
        The error, or a sentence.
    """

    def __init__(self, error: Exception | str):
        self._error = error

    def view(self) -> pn.pane.HTML:
        """Return what shows the error; screen readers read it out when it appears."""
        return pn.pane.HTML(
            self.html(),
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
            css_classes=["error-box"],
            stylesheets=[_STYLE],
        )

    def html(self) -> str:
        """Return the error as HTML, everything that it tells escaped."""
        with page_terms():
            message = getattr(self._error, "message", None) or str(self._error)
            told = [(label, getattr(self._error, name, None)) for label, name in _LABELS]
        parts = [f"<p class='message'>{_escaped(message)}</p>"]
        parts += [f"<p><b>{label}:</b> {_escaped(text)}</p>" for label, text in told if text]
        return f"<div class='error' role='alert'>{''.join(parts)}</div>"


def error_text(error: Exception | str) -> str:
    """Return an error as plain text, on as many lines as it has parts."""
    with page_terms():
        return str(error)


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


# Carets point into a line of a condition, so blanks count.
_STYLE = """
.error { border-left: 4px solid var(--mui-palette-error-main, #c62828); padding: 8px 12px; border-radius: 4px;
  background: color-mix(in srgb, var(--mui-palette-error-main, #c62828) 9%, transparent);
  color: var(--mui-palette-text-primary, inherit); font-size: 0.875rem; overflow-wrap: anywhere; }
.error p { margin: 0 0 4px; white-space: pre-wrap; }
.error p:last-child { margin-bottom: 0; }
.error .message { font-family: var(--error-font, inherit); }
"""
