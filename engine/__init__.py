"""alert-transfer's engine: take any selection out of an alert archive and stream it into Kafka, with Dask.

request = engine.TransferRequest(archive="s3://bucket/science", nights="2021-11-22", where="candidate.rb > 0.5")
print(engine.plan(request))
job = engine.submit(request, client=client, kafka="host:9092")
job.wait(progress=True)
"""

from importlib import import_module
from typing import Any

# Public name -> the module that has it. Imported on first use: a broker or a sample archive needs no Dask, and a
# command that does not plan should not wait two seconds for dask-sql.
_HOMES = {
    "AlertTransferError": "errors",
    "Archive": "archive",
    "ArchiveError": "errors",
    "BrokerError": "errors",
    "ClusterError": "errors",
    "ConditionError": "errors",
    "ConfigError": "errors",
    "EncodeError": "errors",
    "InputError": "errors",
    "Job": "following",
    "JobError": "errors",
    "JobStatus": "following",
    "KafkaError": "errors",
    "RequestError": "errors",
    "SampleArchive": "sample",
    "Settings": "config",
    "TransferPlan": "planning",
    "TransferRequest": "request",
    "archive_fields": "describing",
    "connect": "cluster",
    "job": "following",
    "jobs": "following",
    "load_settings": "config",
    "local_cluster": "cluster",
    "plan": "lifecycle",
    "preview": "previewing",
    "resume": "lifecycle",
    "start_broker": "broker",
    "submit": "lifecycle",
    "write_sample": "sample",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(import_module(f"engine.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
