from .history import job, jobs
from .submission import resume, submit
from .submitted_job import Job, JobStatus

__all__ = ["Job", "JobStatus", "job", "jobs", "resume", "submit"]
