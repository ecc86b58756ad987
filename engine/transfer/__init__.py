"""A job: submitted, seen through by a coordinator, worked on by the cluster's workers, followed, cancelled, resumed.

A job's state is its manifest, nothing else; so any process can follow it. How jobs run comes in here: windows, limits,
retries, history.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
