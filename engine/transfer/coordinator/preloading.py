"""Imports, and nothing else: what coordinators and their tasks need on a worker, before the first of them comes."""

import engine.transfer.coordinator.dask_cluster
import engine.transfer.coordinator.loop  # noqa: F401  as above: to have them imported
