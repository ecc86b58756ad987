"""What is logged names its job, whichever thread works for it; what is told reaches the job's own log besides."""

import contextvars
import logging
import threading

from engine.telemetry import in_job, job_logger, tell


def test_each_line_names_the_job_that_it_is_written_for(caplog):
    log = job_logger("somewhere")
    with caplog.at_level(logging.INFO):
        log.warning("100%% of %s", "it")
        with in_job("ftransfer_a"):
            log.warning("took %d s", 3)
            with in_job("ftransfer_b"):
                job_logger("somewhere").info("inside")
            log.info("outside")
    assert [record.getMessage() for record in caplog.records] == [
        *("100% of it", "[ftransfer_a] took 3 s", "[ftransfer_b] inside", "[ftransfer_a] outside")
    ]
    assert [record.job for record in caplog.records] == [None, "ftransfer_a", "ftransfer_b", "ftransfer_a"]
    assert {record.name for record in caplog.records} == {"alert_transfer.somewhere"}


def test_threads_that_work_for_different_jobs_name_their_own(caplog):
    both, log = threading.Barrier(2), job_logger("somewhere")

    def work(job: str) -> None:
        with in_job(job):
            both.wait(150)
            log.warning("working")

    with caplog.at_level(logging.INFO):
        threads = [threading.Thread(target=work, args=(job,)) for job in ("ftransfer_a", "ftransfer_b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {record.getMessage() for record in caplog.records} == {"[ftransfer_a] working", "[ftransfer_b] working"}


def test_what_is_told_goes_to_the_log_of_the_process_and_of_the_job(caplog):
    told = []
    with caplog.at_level(logging.INFO):
        tell("nobody's")
        with in_job("ftransfer_a", lambda *line: told.append(line)):
            tell("a store of 100% ailed", level="warning", event="failure")
            inside = contextvars.copy_context()
        thread = threading.Thread(target=inside.run, args=(tell, "from a thread of its own"))
        thread.start()
        thread.join()
    assert told == [("a store of 100% ailed", "warning", "failure"), ("from a thread of its own", "info", "")]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "nobody's"),
        ("WARNING", "[ftransfer_a] a store of 100% ailed"),
        ("INFO", "[ftransfer_a] from a thread of its own"),
    ]
