from . import aio
from .archive import Archive
from .catalogue import ArchiveInfo, IndexReport, NightInfo, archive_info, index_archive
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
from .estimation import Estimate, estimate
from .local import connect, local_cluster, start_broker
from .pipeline import CONTENTS
from .planning import ArchiveFields, TransferPlan, fields, plan, preview
from .request import TransferRequest, read_yaml, write_yaml
from .sample import DEFAULT_NIGHTS, PROFILE_NAMES, SampleArchive, write_sample
from .settings import Settings, SourcedSettings, load_settings, settings_schema, sourced_settings
from .surveys import known_labels
from .transfer import Checked, Job, JobList, JobStatus, check_settings, job, jobs, resume, submit

__all__ = [
    "CONTENTS",
    "DEFAULT_NIGHTS",
    "PROFILE_NAMES",
    "AlertTransferError",
    "Archive",
    "ArchiveError",
    "ArchiveFields",
    "ArchiveInfo",
    "BrokerError",
    "Checked",
    "ClusterError",
    "ConditionError",
    "ConfigError",
    "EncodeError",
    "Estimate",
    "IndexReport",
    "InputError",
    "Job",
    "JobError",
    "JobList",
    "JobStatus",
    "KafkaError",
    "NightInfo",
    "RequestError",
    "SampleArchive",
    "Settings",
    "SourcedSettings",
    "TransferPlan",
    "TransferRequest",
    "aio",
    "archive_info",
    "check_settings",
    "connect",
    "estimate",
    "fields",
    "index_archive",
    "job",
    "jobs",
    "known_labels",
    "load_settings",
    "local_cluster",
    "plan",
    "preview",
    "read_yaml",
    "resume",
    "settings_schema",
    "sourced_settings",
    "start_broker",
    "submit",
    "write_sample",
    "write_yaml",
]
