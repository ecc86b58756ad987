from .broker import start_broker
from .cluster import connect, joined, local_cluster
from .dask_processes import DaskProcesses, dask_processes

__all__ = ["DaskProcesses", "connect", "dask_processes", "joined", "local_cluster", "start_broker"]
