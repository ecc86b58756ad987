"""What is done to a fragment before it leaves: read narrowly, filter, read the selected alerts in their content.

A `Selection` says what is selected and what of it is read; a plan and a worker's task both are one. Further steps
between reading and encoding come in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
