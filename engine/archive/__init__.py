"""An archive of alerts: its nights and files, the footers, fragments, and the reading of a fragment's columns.

What two files hold differently is settled by the schema's rules, and what is twice in a night is counted here. A
catalogue of the archive's files comes in here, and other layouts of nights.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
