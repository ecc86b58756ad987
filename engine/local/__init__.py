"""What runs on this machine as long as this process: an embedded Kafka, a Dask cluster, their processes and jars.

Whatever is started here ends with its owner, however that ends. Other services that a laptop needs come in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
