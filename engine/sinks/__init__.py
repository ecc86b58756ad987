"""Sinks: where the selected alerts go, and the store of the job's manifest beside them. Kafka is the first of each.

A sink knows what its messages or files may hold and what it has acknowledged; a manifest store appends records and
follows them. The coordinator and the workers know these two protocols and no more. A further sink comes in here, with
its store of manifests where it has one of its own.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
