"""Commands about jobs: list them, see how one stands, stop it, take it up again."""

from __future__ import annotations

from collections.abc import Callable

import click

import engine
from consumer.cli import Command, Face, face_options, progress_row, receipt_text
from engine import InputError
from ui.cli.face_settings import settings_of
from ui.cli.request_forms import form_option, show_request
from ui.cli.started_jobs import check_ended, run_job

__all__ = ["cancel", "jobs", "log", "resume", "status"]


@click.command(cls=Command)
@click.argument("topic")
@click.option("--wait", is_flag=True, help="Wait until the job has ended (always so without --dask).")
@face_options
def resume(face: Face, topic: str, wait: bool) -> None:
    """Take up a job that was interrupted, failed or cancelled."""
    settings = settings_of(face)
    untouched = f"the job is not taken up yet; do it by:\n  alert-transfer resume {topic}"
    with face.going_on(untouched), progress_row(f"looking at {topic}") as row:

        def resumed(on_start: Callable[[engine.Job], None]) -> engine.Job:
            return engine.resume(topic, settings=settings, on_wait=row.begin, on_start=on_start)

        run_job(face, settings, resumed, row, wait=wait)


@click.command(cls=Command)
@click.option("--all", "everyone", is_flag=True, help="Also those of others, with who asked for what.")
@click.option("--running", is_flag=True, help="Only those that have not ended.")
@face_options
def jobs(face: Face, everyone: bool, running: bool) -> None:
    """List your jobs of this Kafka: those that run, and those of the last 30 days."""
    from ui.cli.job_tables import jobs_table, no_jobs_text

    settings = settings_of(face)
    found = engine.jobs(settings=settings, everyone=everyone, running=running, note=face.say)
    is_asked = not (found or face.json) and (running or not everyone)
    any_listed = is_asked and bool(engine.jobs(settings=settings, everyone=True, most=1))
    shown = jobs_table(found, everyone=everyone) if found else no_jobs_text(any_listed)
    face.emit([status.to_dict() for status in found], shown)


@click.command(cls=Command)
@click.argument("topic")
@click.option("--follow", is_flag=True, help="Until the job has ended.")
@click.option("--receipt", is_flag=True, help="Show what was sent, of what, night by night, and what was left out.")
@click.option("--request", is_flag=True, help="Show what was asked for, as a file that submit --request takes.")
@form_option
@face_options
def status(face: Face, topic: str, follow: bool, receipt: bool, request: bool, form: str | None) -> None:
    """Show how a job stands."""
    from ui.cli.render import job_bar, status_text

    if request and (follow or receipt):
        raise InputError("--request goes with neither --follow nor --receipt", next_step="ask one after the other")
    if form and not request:
        raise InputError(f"--as {form} goes with --request", next_step=f"give --request --as {form}")
    job = engine.job(topic, settings=settings_of(face))
    if request:
        show_request(face, job.request(), form)
        return
    if follow:
        again = f"the job goes on without this command; follow it again by:\n  alert-transfer status {topic} --follow"
        with face.going_on(again), job_bar(topic) as draw:
            job.wait(on_change=draw)
    now = job.status()
    if receipt:
        made = job.receipt()
        face.emit(made.to_dict(), receipt_text(made))
    else:
        face.emit(now.to_dict(), status_text(now))
    if follow:
        check_ended(now)


@click.command(cls=Command)
@click.argument("topic")
@face_options
def log(face: Face, topic: str) -> None:
    """Show what happened in a job, line by line."""
    lines = engine.job(topic, settings=settings_of(face)).log()
    face.emit(lines, "\n".join(lines))


@click.command(cls=Command)
@click.argument("topic")
@face_options
def cancel(face: Face, topic: str) -> None:
    """Stop a job; what was sent stays readable."""
    from ui.cli.render import status_text

    job = engine.job(topic, settings=settings_of(face))
    sent = f"the job may have been told to stop; see how it stands by:\n  alert-transfer status {topic}"
    with face.going_on(sent), progress_row(f"waiting until {topic} has stopped"):
        found = job.cancel()
    face.emit(found.to_dict(), status_text(found))
