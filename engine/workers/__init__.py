"""What of ours goes to the workers of a Dask cluster, and whether they can run it.

A call is sent as text and bytes that name nothing of ours (`door`): the worker compares its versions and its code with
those that it is to have, and imports ours only then. `check_workers` does the same before anything is started, and
`check_client` before that. Whatever else is asked of a cluster that isn't ours comes in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
