from .checking import Checked, check_settings
from .cleaning import Cleaned, Cleaning, clean_topics
from .history import job, jobs
from .job_topics import JobTopics, topics
from .submission import resume, submit
from .submitted_job import Job, JobStatus

__all__ = [
    "Checked",
    "Cleaned",
    "Cleaning",
    "Job",
    "JobStatus",
    "JobTopics",
    "check_settings",
    "clean_topics",
    "job",
    "jobs",
    "resume",
    "submit",
    "topics",
]
