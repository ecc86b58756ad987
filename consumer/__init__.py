"""What a scientist installs on a laptop to fetch a topic: to Parquet, or as a stream of Arrow batches."""

from lazy_loader import attach_stub

# Imported on first use: a command decides how Arrow takes its memory before Arrow is loaded (consumer/cli/heap.py). The
# stub beside this file says where each name is.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
