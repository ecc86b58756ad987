from .broker import start_broker
from .cluster import connect, joined_cluster, local_cluster
from .dask_processes import DaskProcesses, begun_cluster

__all__ = ["DaskProcesses", "begun_cluster", "connect", "joined_cluster", "local_cluster", "start_broker"]
