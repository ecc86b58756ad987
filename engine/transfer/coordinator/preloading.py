"""Imports, and nothing else: what coordinators and their tasks need on a worker, before the first of them comes.

Rooms are imported lazily, by their names; so what a sink and a manifest store import is named here, too.
"""

import engine.transfer.coordinator.dask_cluster
import engine.transfer.coordinator.loop
import engine.transfer.readying  # noqa: F401  as above: to have them imported
from engine.schema import avro_schema, encode
from engine.sinks import KafkaManifestStore, KafkaSink

__all__ = ["KafkaManifestStore", "KafkaSink", "avro_schema", "encode"]
