from .archive import Archive
from .errors import (
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
from .local import connect, local_cluster, start_broker
from .pipeline import CONTENTS
from .planning import ArchiveFields, TransferPlan, archive_fields, plan, preview
from .request import TransferRequest, read_yaml, write_yaml
from .sample import DEFAULT_NIGHTS, PROFILE_NAMES, SampleArchive, write_sample
from .settings import Settings, load_settings
from .transfer import Job, JobStatus, job, jobs, resume, submit

__all__ = [
    "CONTENTS",
    "DEFAULT_NIGHTS",
    "PROFILE_NAMES",
    "AlertTransferError",
    "Archive",
    "ArchiveError",
    "ArchiveFields",
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
    "archive_fields",
    "connect",
    "job",
    "jobs",
    "load_settings",
    "local_cluster",
    "plan",
    "preview",
    "read_yaml",
    "resume",
    "start_broker",
    "submit",
    "write_sample",
    "write_yaml",
]
