"""The sample of LSST's alerts: its schema, its objects, what is seen of them in a night, and stamps.

Smaller than ZTF's, with what trips readers up: objects that are null, columns that are null throughout, fluxes below
zero, histories in lists. Further fields of the packet come in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
