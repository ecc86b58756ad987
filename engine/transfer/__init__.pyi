from .checking import Checked, check_settings
from .history import job, jobs
from .shown_lists import JobList
from .submission import resume, submit
from .submitted_job import Job, JobStatus

__all__ = ["Checked", "Job", "JobList", "JobStatus", "check_settings", "job", "jobs", "resume", "submit"]
