"""alert-transfer's engine: take any selection out of an alert archive and stream it into Kafka, with Dask.

request = engine.TransferRequest(archive="s3://bucket/science", nights="2021-11-22", where="candidate.magpsf > 19.5")
print(engine.plan(request))
job = engine.submit(request, client=client, kafka="host:9092")
job.wait(progress=True)
"""

from engine.archive import Archive
from engine.broker import start_broker
from engine.cluster import connect, local_cluster
from engine.config import Settings, load_settings
from engine.errors import (
    AlertTransferError,
    ArchiveError,
    BrokerError,
    ClusterError,
    ConditionError,
    ConfigError,
    EncodeError,
    InputError,
    JobError,
    KafkaError,
    RequestError,
)
from engine.jobs import Job, JobStatus, job, jobs, plan, resume, submit
from engine.plan import TransferPlan
from engine.preview import preview
from engine.request import TransferRequest
from engine.sample import SampleArchive, write_sample

__all__ = [
    "AlertTransferError",
    "Archive",
    "ArchiveError",
    "BrokerError",
    "ClusterError",
    "ConditionError",
    "ConfigError",
    "EncodeError",
    "InputError",
    "Job",
    "JobError",
    "JobStatus",
    "KafkaError",
    "RequestError",
    "SampleArchive",
    "Settings",
    "TransferPlan",
    "TransferRequest",
    "connect",
    "job",
    "jobs",
    "load_settings",
    "local_cluster",
    "plan",
    "preview",
    "resume",
    "start_broker",
    "submit",
    "write_sample",
]
