from .jobs import in_job, job_logger, tell

__all__ = ["in_job", "job_logger", "tell"]
