"""The commands of `alert-transfer` that need the engine; `consume` and `verify` are the consumer's own.

Each is a thin call of the engine's public names. The group, its options and its errors are in consumer/cli.py.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from typing import Any

import click

import engine
from consumer.console import Command, Face, Group, face_options, remember_archive
from consumer.hints import quoted
from consumer.receipt_text import receipt_text
from engine.archive import Archive
from engine.config import Settings, load_settings
from engine.errors import InputError, JobError
from engine.request import write_yaml
from engine.sample import DEFAULT_NIGHTS, PROFILE_NAMES
from ui.demo import demo
from ui.options import request_from, request_options

__all__ = ["commands"]

_TEST_ALERTS = 10


def _settings(face: Face, **given: Any) -> Settings:
    return load_settings(face.config, kafka=face.kafka, dask=face.dask, **given)


def _cluster(settings: Settings):
    """Return a context with the configured cluster's client, or with None."""
    if not settings.dask:
        return nullcontext()
    from engine.cluster import connect

    return connect(settings.dask)


@click.command(cls=Command)
@request_options
@face_options
def plan(face: Face, **values: Any) -> None:
    """Show what a transfer would do; starts nothing."""
    from ui.show import progress_bar

    request = request_from(values)
    with progress_bar("reading footers") as progress:
        found = engine.plan(request, settings=_settings(face), progress=progress)
    face.emit(found.to_dict(), str(found))


@click.command(cls=Command)
@request_options
@face_options
def preview(face: Face, **values: Any) -> None:
    """Show the first alerts that a request selects (10, or --limit)."""
    from ui.show import alerts_table, as_json

    request, settings = request_from(values), _settings(face)
    limit = 10 if values["limit"] is None else values["limit"]
    with _cluster(settings) as client:
        tell = partial(_say_notes, face)
        alerts = engine.preview(request, limit=limit, settings=settings, client=client, on_plan=tell)
    rows = [as_json(row) for row in alerts.to_pylist(maps_as_pydicts="lossy")] if face.json else None
    face.emit(rows, alerts_table(alerts) if alerts.num_rows else "no alert of these nights fulfils the conditions")


@click.command(cls=Command)
@request_options
@click.option("--wait", is_flag=True, help="Wait until the job has ended (always so without --dask).")
@click.option("--test", is_flag=True, help=f"Send the first {_TEST_ALERTS} alerts only.")
@face_options
def submit(face: Face, wait: bool, test: bool, **values: Any) -> None:
    """Start a transfer."""
    if test:
        if values["limit"] is not None:
            raise InputError(
                f"--test is --limit {_TEST_ALERTS}, and --limit {values['limit']} is given beside it",
                accepted="one of the two",
            )
        values["limit"] = _TEST_ALERTS
    request, settings = request_from(values), _settings(face)
    _run(face, settings, partial(_submitted, face, request, settings), wait=wait)


def _submitted(face: Face, request: engine.TransferRequest, settings: Settings, **more: Any) -> engine.Job:
    return engine.submit(request, settings=settings, on_plan=partial(_say_notes, face), **more)


def _say_notes(face: Face, plan: engine.TransferPlan) -> None:
    for note in plan.notes:
        face.say(f"note: {note}")


@click.command(cls=Command)
@click.argument("topic")
@click.option("--wait", is_flag=True, help="Wait until the job has ended (always so without --dask).")
@face_options
def resume(face: Face, topic: str, wait: bool) -> None:
    """Take up a job that was interrupted, failed or cancelled."""
    settings = _settings(face)
    _run(face, settings, lambda **more: engine.resume(topic, settings=settings, **more), wait=wait)


def _run(face: Face, settings: Settings, start, *, wait: bool) -> None:
    from ui.show import job_bar, status_text

    def started(job: engine.Job) -> None:
        face.say(f"{job.topic} runs; fetch it with:\n  {_consume_command(job)}")
        if wait or not settings.dask:
            try:
                with job_bar(job.topic) as draw:
                    job.wait(on_change=draw)
            except KeyboardInterrupt:
                face.say(_what_becomes_of(job, settings))
                raise

    status = start(on_start=started).status()
    face.emit(status.to_dict(), status_text(status))
    if wait or not settings.dask:
        _check_ended(status)


def _what_becomes_of(job: engine.Job, settings: Settings) -> str:
    if settings.dask:
        return f"{job.topic} goes on without us; follow or stop it with:\n  " + "\n  ".join(
            (f"alert-transfer status {job.topic} --follow", f"alert-transfer cancel {job.topic}")
        )
    return f"{job.topic} ends with this command; go on with it by:\n  alert-transfer resume {job.topic}"


def _consume_command(job: engine.Job) -> str:
    return "alert-transfer consume " + quoted(job.topic, "--kafka", job.kafka.bootstrap, "--outdir", job.topic)


def _check_ended(status: engine.JobStatus) -> None:
    if status.state not in ("complete", "empty"):
        # What was wrong stands in the status that was just shown.
        raise click.exceptions.Exit(JobError.exit_code)


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@face_options
def jobs(face: Face, everything: bool) -> None:
    """List the jobs of this Kafka."""
    from ui.show import jobs_table

    found = engine.jobs(settings=_settings(face), everything=everything)
    text = jobs_table(found) if found else "no job" + ("" if everything else " runs; --all shows those that have ended")
    face.emit([status.to_dict() for status in found], text)


@click.command(cls=Command)
@click.argument("topic")
@click.option("--follow", is_flag=True, help="Until the job has ended.")
@click.option("--receipt", is_flag=True, help="Show what was sent, of what, night by night, and what was left out.")
@click.option("--request", is_flag=True, help="Show what was asked for, as a file that submit --request takes.")
@face_options
def status(face: Face, topic: str, follow: bool, receipt: bool, request: bool) -> None:
    """Show how a job stands."""
    from ui.show import job_bar, status_text

    if request and (follow or receipt):
        raise InputError("--request goes with neither --follow nor --receipt", next_step="ask one after the other")
    job = engine.job(topic, settings=_settings(face))
    if request:
        asked = job.request()
        face.emit_as_is(asked, write_yaml(asked).rstrip())
        return
    if follow:
        with job_bar(topic) as draw:
            job.wait(on_change=draw)
    now = job.status()
    if receipt:
        made = job.receipt()
        face.emit(made.to_dict(), receipt_text(made))
    else:
        face.emit(now.to_dict(), status_text(now))
    if follow:
        _check_ended(now)


@click.command(cls=Command)
@click.argument("topic")
@face_options
def log(face: Face, topic: str) -> None:
    """Show what happened in a job, line by line."""
    lines = engine.job(topic, settings=_settings(face)).log()
    face.emit(lines, "\n".join(lines))


@click.command(cls=Command)
@click.argument("topic")
@face_options
def cancel(face: Face, topic: str) -> None:
    """Stop a job; what was sent stays readable."""
    from ui.show import status_text

    found = engine.job(topic, settings=_settings(face)).cancel()
    face.emit(found.to_dict(), status_text(found))


@click.command(cls=Command)
@click.option("--port", type=int, default=9092, show_default=True, help="0 picks a free one.")
@click.option("--data", metavar="DIR", help="Where topics are kept; without it they go when the broker ends.")
@face_options
def broker(face: Face, port: int, data: str | None) -> None:
    """Run an embedded Kafka until Ctrl-C."""
    with engine.start_broker(port=port, data_dir=data, announce=face.say) as running:
        text = f"Kafka runs at {running.bootstrap}; Ctrl-C ends it. In another terminal:\n"
        text += f"  export ALERT_TRANSFER_KAFKA={running.bootstrap}"
        face.emit({"kafka": running.bootstrap, "pid": os.getpid()}, text)
        code = running.wait()
        raise engine.BrokerError(f"Kafka ended by itself with code {code}:\n{running.log_tail()}")


@click.group(cls=Group)
def archive() -> None:
    """Make a sample archive, or look at an archive."""


@archive.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--nights", multiple=True, metavar="NIGHTS", help="2021-11-22, a month, or a range; repeatable (three nights)."
)
@click.option("--alerts-per-night", type=int, default=2_000, show_default=True, metavar="N")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--profile", metavar="P", help=f"{', '.join(PROFILE_NAMES)}: the schema of that year (each night its own)."
)
@face_options
def sample(
    face: Face, directory: str, nights: tuple[str, ...], alerts_per_night: int, seed: int, profile: str | None
) -> None:
    """Write a realistic archive below DIR/science.

    Objects are seen again: half of the alerts are of objects that the night before saw too, two thirds of those of the
    fourth night on end are of objects seen before, and some return after years. SIMBAD's types have their old or new
    names by year.
    """
    from ui.show import progress_bar

    with progress_bar("writing alerts") as progress:
        made = engine.write_sample(
            directory,
            nights=nights or DEFAULT_NIGHTS,
            alerts_per_night=alerts_per_night,
            seed=seed,
            profile=profile,
            progress=progress,
        )
    document = {name: getattr(made, name) for name in ("archive", "num_alerts", "num_files", "nights")}
    text = f"{made.num_alerts:,} alerts in {made.num_files} files, nights {', '.join(made.nights)}\n"
    text += f"archive  {made.archive}\n"
    text += "look at some of it with:\n  alert-transfer preview "
    text += quoted("--archive", made.archive, "--nights", made.nights[0], "--where", "candidate.magpsf < 17")
    face.emit(document, text)


@archive.command()
@click.option("--archive", "url", metavar="URL", help="Root that holds year=…/month=…/day=….")
@face_options
def info(face: Face, url: str | None) -> None:
    """List the nights of an archive."""
    from ui.show import nights_table

    if url:
        remember_archive(url)
    settings = _settings(face, archive=url)
    if settings.archive is None:
        raise InputError("no archive is given", next_step="give --archive URL, or set it in the configuration")
    found = Archive(settings.archive, settings.storage_options)
    # Each look sees the archive as it is then, and it may grow between two.
    there = found.nights()
    nights: dict[str, dict[str, Any]] = {night.isoformat(): {"files": 0, "nbytes": 0, "alerts": 0} for night in there}
    for footer in found.footers(found.files(there)):
        night = nights[footer.file.night.isoformat()]
        night["files"] += 1
        night["nbytes"] += footer.file.nbytes
        night["alerts"] += sum(footer.row_groups)
    face.emit({"archive": found.url, "nights": nights}, nights_table(nights))


@archive.command()
@click.option("--archive", "url", metavar="URL", help="Root that holds year=…/month=…/day=….")
@click.option(
    "--nights",
    multiple=True,
    metavar="NIGHTS",
    help="2021-11-22, a month, or a range; repeatable (all nights, or 60 spread over an archive that has more).",
)
@click.option("--like", metavar="TEXT", help="Only fields whose name or meaning has this in it.")
@click.option("--survey", default="ztf", show_default=True, help="The data source.")
@face_options
def fields(face: Face, url: str | None, nights: tuple[str, ...], like: str | None, survey: str) -> None:
    """List what a condition can name: type, unit, how often it is null, and what it means."""
    from ui.show import fields_table, progress_bar

    if url:
        remember_archive(url)
    with progress_bar("reading footers") as progress:
        found = engine.archive_fields(
            url, nights or None, like, survey=survey, settings=_settings(face), progress=progress
        )
    if len(found.nights) < found.num_archive_nights and not nights:
        face.say(f"looked into {len(found.nights)} of {found.num_archive_nights:,} nights; choose others with --nights")
    nothing = f"no field has {like!r} in its name or meaning"
    face.emit(found.to_dict(), fields_table(found) if found.fields else nothing)


commands = [archive, broker, cancel, demo, jobs, log, plan, preview, resume, status, submit]
