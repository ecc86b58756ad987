from .broker import start_broker
from .cluster import connect, local_cluster

__all__ = ["connect", "local_cluster", "start_broker"]
