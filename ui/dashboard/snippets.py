"""How to fetch a topic: the command, the lines of Python, the cell of a notebook; each with a button that copies it."""

from __future__ import annotations

from typing import ClassVar

import param
from panel.custom import JSComponent

from consumer.cli import quoted

__all__ = ["CopyBox", "consume_command", "notebook_snippet", "python_snippet"]


def consume_command(topic: str, kafka: str) -> str:
    """Return the command that fetches a topic to Parquet files, a line an option."""
    options = (("--kafka", kafka), ("--outdir", topic))
    return " \\\n    ".join(
        [f"alert-transfer consume {quoted(topic)}", *(f"{option} {quoted(value)}" for option, value in options)]
    )


def python_snippet(topic: str, kafka: str) -> str:
    """Return a program that fetches a topic to Parquet files and reads them with pandas."""
    return (
        "import consumer\n"
        "import pandas\n"
        "\n"
        f"result = consumer.consume({topic!r}, {topic!r}, kafka={kafka!r})\n"
        "print(result)\n"
        f"alerts = pandas.read_parquet({topic!r})\n"
        "print(alerts.describe())\n"
    )


def notebook_snippet(topic: str, kafka: str) -> str:
    """Return a cell that reads a topic into a table of pandas, nothing on disk."""
    return (
        "import consumer\n"
        "import pyarrow as pa\n"
        "\n"
        f"batches = list(consumer.stream({topic!r}, kafka={kafka!r}))\n"
        "alerts = pa.Table.from_batches(batches).to_pandas() if batches else None\n"
        "alerts\n"
    )


class CopyBox(JSComponent):
    """A text in a box, with a button that copies it; the text is never taken for HTML.

    Over plain http a browser has no clipboard for pages. There the text is selected and copied as by hand; where that
    is refused too, it stays selected, and the button says which keys copy it.
    """

    text = param.String(doc="What is copied.")
    label = param.String(default="Copy", doc="On the button.")
    name_of = param.String(default="the text", doc="What it is, for screen readers: the button copies it.")

    _esm = """
export function render({ model }) {
  const box = document.createElement("div"), code = document.createElement("pre"), button = document.createElement("button")
  const told = document.createElement("span")
  box.className = "copy-box"
  button.type = "button"
  code.tabIndex = 0
  code.setAttribute("role", "group")
  told.className = "told"
  told.setAttribute("role", "status")
  const show = () => {
    code.textContent = model.text
    code.setAttribute("aria-label", model.name_of)
    button.textContent = model.label
    button.setAttribute("aria-label", `${model.label}: ${model.name_of}`)
  }
  const selectCode = () => {
    const selection = window.getSelection(), range = document.createRange()
    range.selectNodeContents(code)
    selection.removeAllRanges()
    selection.addRange(range)
  }
  const copyByHand = () => {
    // A field in the page itself: a selection inside of a shadow root is not copied by every browser.
    const field = document.createElement("textarea")
    field.value = model.text
    field.setAttribute("readonly", "")
    field.style.cssText = "position:fixed;top:0;left:0;opacity:0"
    document.body.appendChild(field)
    field.select()
    let copied = false
    try { copied = document.execCommand("copy") } catch (refused) { copied = false }
    field.remove()
    return copied
  }
  let waiting = 0
  const copy = async () => {
    let copied = false
    if (navigator.clipboard && window.isSecureContext) {
      try { await navigator.clipboard.writeText(model.text); copied = true } catch (refused) { copied = false }
    }
    if (!copied) copied = copyByHand()
    if (!copied) selectCode()
    else button.focus()
    const mac = /Mac|iPhone|iPad/.test(navigator.platform)
    told.textContent = copied ? "Copied" : `Selected: press ${mac ? "⌘" : "Ctrl"}+C`
    box.classList.toggle("done", copied)
    clearTimeout(waiting)
    waiting = setTimeout(() => { told.textContent = ""; box.classList.remove("done") }, 3000)
  }
  button.addEventListener("click", copy)
  model.on("text", show)
  model.on("label", show)
  model.on("name_of", show)
  show()
  const side = document.createElement("div")
  side.className = "side"
  side.append(told, button)
  box.append(code, side)
  return box
}
"""
    _stylesheets: ClassVar[list[str]] = [
        """
:host { display: block; }
.copy-box { position: relative; display: flex; align-items: flex-start; gap: 8px; background: #0f172a; color: #e2e8f0;
  border: 1px solid #33415580; border-radius: 8px; padding: 12px; }
pre { margin: 0; flex: 1; min-width: 0; overflow-x: auto; font: 13px/1.55 ui-monospace, "DejaVu Sans Mono", Menlo,
  Consolas, monospace; white-space: pre; }
.side { display: flex; align-items: center; gap: 8px; }
.told { font-size: 12px; color: #86efac; }
button { font: 500 13px system-ui, sans-serif; color: #f1f5f9; background: #1e293b; border: 1px solid #64748b;
  border-radius: 6px; padding: 6px 12px; min-height: 32px; cursor: pointer; white-space: nowrap; }
button:hover { background: #334155; }
button:focus-visible, pre:focus-visible { outline: 2px solid #93c5fd; outline-offset: 2px; }
@media (max-width: 480px) { .copy-box { flex-direction: column-reverse; align-items: stretch; }
  .side { justify-content: flex-end; } }
"""
    ]
