"""A file that goes to the browser's downloads, in pieces: a large one holds up nobody's page."""

from __future__ import annotations

import asyncio
import base64

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["SaveFile"]

_PIECE_NBYTES = 768 * 1024


class SaveFile(Component):
    """Has the browser save a file; nothing of it is seen on the page."""

    num_saved = param.Integer(default=0, doc="Files that the browser took.")

    _esm = HERE / "save_file.js"

    async def save(self, name: str, content: bytes, media_type: str) -> None:
        """Have the browser save a file under a name."""
        for at in range(0, len(content), _PIECE_NBYTES):
            self._send_msg({"piece": base64.b64encode(content[at : at + _PIECE_NBYTES]).decode()})
            await asyncio.sleep(0)  # others' turn
        self._send_msg({"name": name, "type": media_type})
