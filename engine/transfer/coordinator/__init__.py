"""The coordinator: a long task on the cluster that takes one job from its plan to its final state.

It alone writes the job's manifest. It submits fragments in bounded windows (`window`), shares a limit out among them
(`limit`), tries again what may succeed later (`retries`), and tells others that it still runs (`heartbeat`); `loop`
holds these together. Started again on another worker, it goes on from the manifest. What decides how a job goes on
comes in here; it is handed a sink, a manifest store and a cluster, and names none of them.

If a job has two coordinators, the one that wrote `running` last is in charge. The other one, which was thought dead,
stops as soon as it reads that; readers of the manifest ignore what it writes about the job's state until then.

While the manifest store is away, the coordinator waits. When it loses the Dask scheduler it stops without a word, and
the job reads as interrupted.

Workers preload this package (`dask worker --preload engine.transfer.coordinator`), so that no job waits for the import
of dask-sql; whoever submits a job imports no more than `launch` needs.
"""

import importlib

from engine.transfer.coordinator.launching import coordinate, launch

__all__ = ["coordinate", "dask_setup", "launch"]


def dask_setup(_: object) -> None:
    """Import all that tasks need; Dask calls this on a worker that preloads the package."""
    importlib.import_module("engine.transfer.coordinator.preloading")
