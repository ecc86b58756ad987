"""What a user asks for: `TransferRequest`, and the forms it takes on each face: YAML, link, command line, Python.

A form is a module that knows the request as a plain table alone (`TransferRequest.to_dict`), so that forms don't know
each other. Further forms, and requests as other services write them, come in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
