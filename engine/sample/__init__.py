"""A sample archive, made here from nothing: alerts that look like a survey's, with none of its data.

`chance` makes it the same from the same seed; each survey's sky, packets and stamps are a folder of their own. Another
survey's sample comes in as a folder beside `ztf`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
