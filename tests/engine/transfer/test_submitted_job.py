"""Following jobs: what a manifest that somebody wrote, well or not, says of them."""

import subprocess
import sys
import threading
import time
import uuid
import warnings

import pytest

import engine
from consumer.wire import Heartbeat, Plan, StateChange
from engine.errors import InputError
from engine.kafka import KafkaCluster, ManifestWriter


def begun(kafka: str, at: float) -> tuple[Plan, ManifestWriter]:
    """Return the plan of a job that says it began to run at a time, and what writes on in its manifest."""
    topic = f"ftransfer_test_{uuid.uuid4().hex[:12]}"
    plan = Plan(
        job_id=uuid.uuid4().hex,
        topic=topic,
        engine_version="0",
        created_at=at,
        request={},
        num_partitions=1,
        num_files=0,
        num_fragments=0,
        num_parts=0,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )
    cluster = KafkaCluster(bootstrap=kafka)
    cluster.create_job_topics(topic, 1)
    writer = ManifestWriter(cluster, topic)
    writer.append(plan, StateChange(job_id=plan.job_id, state="running", time=at, coordinator="c"))
    return plan, writer


def test_a_topic_whose_submission_was_broken_off_is_no_job(kafka):
    cluster = KafkaCluster(bootstrap=kafka)
    plan, _ = begun(kafka, time.time())
    cluster.announce_job(plan, "running", 0)
    assert plan.topic in {status.topic for status in engine.jobs(kafka=kafka)}
    # Its records expired, or were never written: the topics stay all the same.
    broken_off = f"{plan.topic}x"
    cluster.create_job_topics(broken_off, 1)
    cluster.announce_job(Plan(**{**vars(plan), "topic": broken_off}), "running", 0)
    assert broken_off not in {status.topic for status in engine.jobs(kafka=kafka, everyone=True)}
    job = engine.job(broken_off, kafka=kafka)
    with pytest.raises(InputError, match="holds no plan"):
        job.wait()


def test_a_clock_that_is_wrong_interrupts_no_job(kafka):
    an_hour_ago = time.time() - 3600
    plan, writer = begun(kafka, an_hour_ago)
    job = engine.job(plan.topic, kafka=kafka)
    assert job.status().state == "interrupted", "by the clocks alone"

    def go_on() -> None:
        writer.append(Heartbeat(job_id=plan.job_id, coordinator="c", time=an_hour_ago + 5))
        writer.append(StateChange(job_id=plan.job_id, state="empty", time=an_hour_ago + 6, coordinator="c"))

    later = threading.Timer(1.0, go_on)
    later.start()
    assert job.wait().state == "empty"
    later.join()


FORKED = """
import os, sys
from engine.kafka import KafkaCluster

cluster = KafkaCluster(bootstrap=sys.argv[1])
cluster.topics()
child = os.fork()
if not child:
    cluster.topics()
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_asks_for_itself(kafka):
    subprocess.run([sys.executable, "-c", FORKED, kafka], check=True, timeout=150)


def test_a_notebook_follows_a_job_without_widgets(kafka, notebook):
    plan, writer = begun(kafka, time.time())
    writer.append(StateChange(job_id=plan.job_id, state="empty", time=time.time(), coordinator="c"))
    notebook.user_ns["job"] = engine.job(plan.topic, kafka=kafka)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # rich's, that ipywidgets are missing
        result = notebook.run_cell("job.wait(progress=True)\njob")
    assert result.success, result.error_in_exec
    shown = [output["data"]["text/html"] for output in notebook.display_pub.outputs]
    assert shown
    assert all(plan.topic in table and "empty" in table for table in shown)
    assert plan.topic in result.result._repr_html_()


def test_so_many_jobs_as_are_asked_for(kafka):
    for _ in range(2):
        plan, writer = begun(kafka, time.time())
        writer.append(StateChange(job_id=plan.job_id, state="cancelled", time=time.time(), coordinator="c"))
        KafkaCluster(bootstrap=kafka).announce_job(plan, "cancelled", 0)
    assert len(engine.jobs(kafka=kafka, everyone=True)) >= 2
    assert len(engine.jobs(kafka=kafka, everyone=True, most=1)) == 1
