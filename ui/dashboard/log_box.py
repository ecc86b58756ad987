"""The log of a job, line by line; it stays at its end while lines come, unless one scrolls up."""

from __future__ import annotations

from typing import ClassVar

import param
from panel.custom import JSComponent

__all__ = ["LogBox"]


class LogBox(JSComponent):
    """Lines of a log; others wrote some of them, so they are shown as text, never as HTML."""

    lines = param.List(item_type=str, doc="The last lines.")
    num_before = param.Integer(default=0, doc="How many lines there are before those.")

    _esm = """
export function render({ model }) {
  const box = document.createElement("div")
  box.className = "log"
  box.tabIndex = 0
  box.setAttribute("role", "log")
  box.setAttribute("aria-live", "off")
  box.setAttribute("aria-label", "Log of the job")
  const show = () => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24
    const shown = []
    if (model.num_before > 0) {
      const before = document.createElement("div")
      before.className = "before"
      before.textContent = `${model.num_before.toLocaleString("en")} lines before these`
      shown.push(before)
    }
    for (const line of model.lines) {
      const row = document.createElement("div"), at = document.createElement("span")
      const stamp = /^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d /.exec(line)
      at.className = "at"
      at.textContent = stamp ? stamp[0] : ""
      const text = stamp ? line.slice(stamp[0].length) : line
      if (text.startsWith("warning:")) row.className = "warning"
      row.append(at, text)
      shown.push(row)
    }
    box.replaceChildren(...shown)
    if (atEnd) box.scrollTop = box.scrollHeight
  }
  model.on("lines", show)
  model.on("num_before", show)
  model.on("after_render", () => { box.scrollTop = box.scrollHeight })
  show()
  return box
}
"""
    _stylesheets: ClassVar[list[str]] = [
        """
:host { display: block; }
.log { box-sizing: border-box; max-height: 300px; overflow: auto; padding: 10px 12px; border-radius: 8px;
  border: 1px solid var(--mui-palette-divider, #8884); font: 12px/1.6 ui-monospace, "DejaVu Sans Mono", Menlo,
  Consolas, monospace; color: var(--mui-palette-text-primary, inherit); overflow-wrap: anywhere; }
.at, .before { color: var(--mui-palette-text-secondary, #666); }
.at { white-space: pre; }
.warning { border-left: 3px solid #b87503; padding-left: 6px;
  background: color-mix(in srgb, #b87503 10%, transparent); }
.log:focus-visible { outline: 2px solid var(--mui-palette-primary-main, #1d4fd7); outline-offset: 2px; }
"""
    ]
