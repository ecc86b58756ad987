"""How a survey's alerts are looked at: their light curve, their stamps, the page of their object.

Nothing of it decides what is selected or sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Photometry"]


@dataclass(frozen=True, kw_only=True)
class Photometry:
    """The fields of a detection, and of each of the object's earlier ones, of which a light curve is drawn.

    They are names inside of the struct of the detection and of the items of the history.
    """

    value: str
    """The brightness."""
    error: str | None
    unit: str
    """`mag`, or a unit of flux as astropy writes it."""
    limit: str | None = None
    """The faintest magnitude that would have been seen; of what was not detected, it is the upper limit."""
    sign: str | None = None
    """Whether the detection is brighter than the reference image (`t`, `1`) or fainter (`f`, `0`)."""
    band_names: Mapping[str, str] = field(default_factory=dict)
    """What stands in the field of the band -> its name; empty where names stand there."""

    @property
    def is_magnitude(self) -> bool:
        """Whether small is bright."""
        return self.unit == "mag"
