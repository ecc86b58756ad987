"""A request held against the archive: everything is decided and checked here, and nothing is started.

`make_plan` reads footers and gives a `TransferPlan`, with notes on what a user should know. What helps to
prepare a request comes in here: previews, fields, estimates.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
