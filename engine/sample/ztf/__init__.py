"""The sample archive's ZTF: objects, exposures, packets, stamps, and the broker's added values.

Schemas are those of four years (`schema`), kinds of objects those that the broker's labels tell apart (`kinds`). What
makes the sample more like the real archive comes in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
