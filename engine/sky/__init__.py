"""Angles on the sky and dates in UTC, as conditions and enrichments compute them.

Functions of numbers and arrays, nothing of alerts. Regions, frames and time scales come in here; what they are computed
with is astropy's or pyerfa's.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
