"""A list of jobs: a list as any other, which shows as a table."""

import time

from engine.transfer import Job, JobList
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import TOPIC, says


def test_a_list_of_jobs_shows_as_a_table():
    status = Job(TOPIC, None, planned([4, 4], says("running", "a", time.time()))).status()
    jobs = JobList([status, status])
    assert jobs == [status, status]
    assert [line.split()[:2] for line in str(jobs).splitlines()] == [["topic", "state"], *[[TOPIC, "running"]] * 2]
    assert jobs._repr_html_().count(TOPIC) == 2
    assert str(JobList()) == "no job"
