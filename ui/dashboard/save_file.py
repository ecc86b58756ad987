"""A file that goes to the browser's downloads, in pieces: a large one holds up nobody's page."""

from __future__ import annotations

import asyncio
import base64

import param
from panel.custom import JSComponent

__all__ = ["SaveFile"]

_PIECE_NBYTES = 768 * 1024


class SaveFile(JSComponent):
    """Has the browser save a file; nothing of it is seen on the page."""

    num_saved = param.Integer(default=0, doc="Files that the browser took.")

    _esm = """
export function render({ model }) {
  const place = document.createElement("span")
  place.hidden = true
  let pieces = []
  model.on("msg:custom", (event) => {
    const { piece, name, type } = event.data
    if (piece !== undefined) {
      const text = atob(piece), bytes = new Uint8Array(text.length)
      for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
      pieces.push(bytes)
      return
    }
    const url = URL.createObjectURL(new Blob(pieces, { type })), link = document.createElement("a")
    pieces = []
    link.href = url
    link.download = name
    place.append(link)
    link.click()
    link.remove()
    setTimeout(() => URL.revokeObjectURL(url), 60000)
    model.num_saved = model.num_saved + 1
  })
  return place
}
"""

    async def save(self, name: str, content: bytes, media_type: str) -> None:
        """Have the browser save a file under a name."""
        for at in range(0, len(content), _PIECE_NBYTES):
            self._send_msg({"piece": base64.b64encode(content[at : at + _PIECE_NBYTES]).decode()})
            await asyncio.sleep(0)  # others' turn
        self._send_msg({"name": name, "type": media_type})
