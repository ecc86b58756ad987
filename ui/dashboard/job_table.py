"""Jobs as a table of which one chooses one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import param
from panel.custom import JSComponent

from consumer.cli import one_line, some_text
from engine import JobStatus

__all__ = ["JobTable", "asked_for", "row_of"]

_MOST_NAMED = 2
_MOST_CHARACTERS = 60
_DATE = re.compile(r"_(\d{4}-\d\d-\d\d)(_|$)")


def row_of(status: JobStatus, size: Callable[[float], str]) -> dict[str, str]:
    """Return a job as the table shows it."""
    date = _DATE.search(status.topic)
    of = "" if status.num_alerts is None else f" of {status.num_alerts:,}"
    return {
        "topic": status.topic,
        "date": date[1] if date else "",
        "state": status.state,
        "alerts": f"{status.num_alerts_sent:,}{of if status.num_alerts != status.num_alerts_sent else ''}",
        "size": size(status.nbytes),
        "owner": one_line(status.owner, _MOST_CHARACTERS),
        "asked": asked_for(status.request),
    }


def asked_for(request: dict[str, Any]) -> str:
    """Return a request on one line: nights, classes, conditions, content; others wrote it, so it may be anything."""
    parts = [_some(request.get("nights"))]
    parts += [_some(request.get("classes")), _some(request.get("exclude_classes"), "not ")]
    parts += [_some(request.get("where"), "where "), _some(request.get("content", "lightcurve"))]
    parts += [_some(request.get("fields")), _some(request.get("limit"), "first ")]
    return "; ".join(part for part in parts if part)


def _some(value: Any, before: str = "") -> str:
    items = value if isinstance(value, list | tuple) else [] if value is None else [value]
    text = some_text([one_line(str(item), _MOST_CHARACTERS) for item in items], _MOST_NAMED)
    return before + text if text else ""


class JobTable(JSComponent):
    """A table of jobs; a job's topic is a button that chooses it. All texts are shown as text, never as HTML."""

    rows = param.List(item_type=dict, doc="Of `row_of`, in the order in which they are shown.")
    with_owner = param.Boolean(doc="Whether the owners are shown.")
    current = param.String(default="", doc="Topic of the job that the page shows.")
    chosen = param.Dict(default={}, doc="The topic that was chosen last, and how often one was.")

    _esm = """
const STATES = { complete: "good", empty: "quiet", running: "busy", queued: "busy", failed: "bad", cancelled: "quiet",
  interrupted: "warn" }
export function render({ model }) {
  const table = document.createElement("table"), caption = document.createElement("caption")
  const head = document.createElement("thead"), body = document.createElement("tbody")
  caption.textContent = "Jobs, the newest first; choose one to see it"
  table.append(caption, head, body)
  const cell = (kind, text, label) => {
    const made = document.createElement(kind)
    made.textContent = text
    if (label) made.dataset.label = label
    return made
  }
  const show = () => {
    const names = ["Topic", "State", "Alerts", "Size", ...(model.with_owner ? ["Owner"] : []), "Asked for"]
    const heads = document.createElement("tr")
    for (const name of names) {
      const made = cell("th", name)
      made.scope = "col"
      heads.append(made)
    }
    head.replaceChildren(heads)
    body.replaceChildren(...model.rows.map((row) => {
      const line = document.createElement("tr"), topic = cell("th", ""), choose = document.createElement("button")
      topic.scope = "row"
      choose.type = "button"
      choose.textContent = row.topic
      if (row.topic === model.current) { choose.setAttribute("aria-current", "true"); line.className = "current" }
      choose.addEventListener("click", () => {
        model.chosen = { topic: row.topic, number: (model.chosen.number || 0) + 1 }
      })
      topic.append(choose)
      const state = cell("td", "", "State"), mark = cell("span", row.state)
      mark.className = `state ${STATES[row.state] || "quiet"}`
      state.append(mark)
      const alerts = cell("td", row.alerts, "Alerts"), size = cell("td", row.size, "Size")
      alerts.className = size.className = "number"
      line.append(topic, state, alerts, size)
      if (model.with_owner) line.append(cell("td", row.owner, "Owner"))
      const asked = cell("td", row.asked, "Asked for")
      asked.className = "asked"
      line.append(asked)
      return line
    }))
  }
  for (const name of ["rows", "with_owner", "current"]) model.on(name, show)
  show()
  const place = document.createElement("div")
  place.className = "place"
  place.append(table)
  return place
}
"""
    _stylesheets: ClassVar[list[str]] = [
        """
:host { display: block; }
.place { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; color: var(--mui-palette-text-primary, inherit); }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; font-weight: 400; padding: 8px 10px; vertical-align: top;
  border-bottom: 1px solid var(--mui-palette-divider, #8884); }
thead th { font-weight: 600; color: var(--mui-palette-text-secondary, #555); white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.asked { color: var(--mui-palette-text-secondary, #555); overflow-wrap: anywhere; min-width: 12em; }
.current { background: color-mix(in srgb, var(--mui-palette-primary-main, #1d4fd7) 8%, transparent); }
button { font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; padding: 2px 0; min-height: 24px;
  background: none; border: 0; color: var(--mui-palette-primary-main, #1d4fd7); text-decoration: underline;
  cursor: pointer; text-align: left; overflow-wrap: anywhere; }
button:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.state { display: inline-block; padding: 1px 8px; border-radius: 10px; border: 1px solid currentColor; font-size: 12px;
  white-space: nowrap; }
.state::before { content: "● "; }
.good { color: var(--mui-palette-success-main, #1a7f5a); }
.good::before { content: "✓ "; }
.bad { color: var(--mui-palette-error-main, #c62828); }
.bad::before { content: "✕ "; }
.warn { color: var(--mui-palette-warning-main, #a15c00); }
.warn::before { content: "! "; }
.busy { color: var(--mui-palette-primary-main, #1d4fd7); }
.quiet { color: var(--mui-palette-text-secondary, #555); }
.quiet::before { content: "– "; }
@media (max-width: 600px) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr, th, td { display: block; border: 0; padding: 2px 4px; }
  tr { border-bottom: 1px solid var(--mui-palette-divider, #8884); padding: 8px 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--mui-palette-text-secondary, #555); }
  .number { text-align: left; }
}
"""
    ]
