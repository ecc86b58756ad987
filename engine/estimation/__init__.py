"""How many alerts a request selects, before it is sent: counted on a sample by the filter itself, or on everything.

What comes in here asks a plan, reads alerts through the pipeline, and answers with figures and how sure they are. What
is counted in full, and how fast jobs were, is kept in the user's cache.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
