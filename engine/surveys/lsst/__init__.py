"""Rubin's LSST: its alerts as the Fink broker archives them.

Where its fields stand and what they mean. Other versions of its schema come in here, as paths that stand for others.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
