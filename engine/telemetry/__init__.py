"""Logs: each line that a worker or coordinator logs names its job, and what a user should know goes into the job's own.

A job is entered once, where its work begins; whatever runs inside, in any room, logs as ever, or tells. Nothing here
knows what a job is, or where its log is kept: that is handed in. Metrics, and how a process fares, come in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
