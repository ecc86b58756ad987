"""The whole job on a sample archive: broker, cluster, submit, consume, show. Ends by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

import consumer
import engine
from consumer.cli import (
    Command,
    Face,
    bounds_lines,
    consume_bar,
    count_text,
    face_options,
    progress_bar,
    progress_row,
    python,
    quoted,
)
from engine import DEFAULT_NIGHTS
from ui.cli.clusters import begun
from ui.cli.render import alerts_table, bytes_text, job_bar

__all__ = ["demo", "measured_text"]

_WHERE = "candidate.magpsf > 17;  -- faint ones\ncandidate.drb > 0.5;"


@click.command(cls=Command)
@click.option(
    "--dir", "directory", default="alert-transfer-demo", show_default=True, help="Where archive and alerts go."
)
@click.option("--alerts-per-night", type=int, default=2_000, show_default=True, metavar="N")
@face_options
def demo(face: Face, directory: str, alerts_per_night: int) -> None:
    """Run the whole job on a sample archive: broker, cluster, submit, consume, show."""
    again = "nothing of it runs on; play it again by:\n  "
    with face.going_on(again + "alert-transfer demo --dir " + quoted(directory)):
        _play(face, Path(directory), alerts_per_night)


def _play(face: Face, root: Path, alerts_per_night: int) -> None:
    laps: dict[str, float] = {}

    @contextmanager
    def step(name: str, what: str) -> Iterator[None]:
        face.say(what)
        begun = time.monotonic()
        yield
        laps[name] = time.monotonic() - begun

    archive = root / "archive" / "science"
    if not archive.exists():
        what = f"Writing a sample archive of {count_text(len(DEFAULT_NIGHTS), 'night')} to {archive}"
        with step("sample", what), progress_bar("writing alerts") as progress:
            engine.write_sample(root / "archive", alerts_per_night=alerts_per_night, progress=progress)
    request = engine.TransferRequest(
        archive=str(archive),
        nights=tuple(night.isoformat() for night in DEFAULT_NIGHTS),
        where=_WHERE,
        content="lightcurve",
    )
    with ExitStack() as stack:
        cluster = stack.enter_context(begun(engine.local_cluster()))
        face.say(f"\nThe plan:\n\n{engine.plan(request)}\n")
        what = "Starting Apache Kafka on this machine"
        with step("broker", what), progress_row(what):
            broker = stack.enter_context(engine.start_broker(announce=face.say))
        what = "Starting a Dask cluster on this machine"
        with step("cluster", what), progress_row(what):
            client = cluster()
        with step("transfer", "Submitting the job"):
            job = engine.submit(request, client=client, kafka=broker.bootstrap)
            with job_bar(job.topic) as draw:
                status = job.wait(on_change=draw)
        if status.state == "empty":
            raise engine.JobError(
                "no alert of the sample archive fulfils the demo's conditions",
                next_step="give more alerts a night and another --dir, in which a new archive is made",
            )
        if status.state != "complete":
            error = status.error or {}
            raise engine.JobError(
                f"the job is {status.state}: {error.get('message')}",
                accepted=error.get("accepted"),
                next_step=error.get("next"),
            )
        outdir = root / job.topic
        with step("consume", f"Fetching the topic {job.topic} to {outdir}"), consume_bar(job.topic) as drawn:
            result = consumer.consume(job.topic, outdir, kafka=broker.bootstrap, progress=drawn)
        proof = consumer.verify(outdir)
    document = {
        "archive": str(archive),
        "outdir": str(outdir),
        "status": status.to_dict(),
        "num_alerts": result.num_alerts,
        "complete": proof.complete,
        "elapsed_s": {name: round(elapsed_s, 2) for name, elapsed_s in laps.items()},
    }
    face.emit(
        document,
        _first_rows(outdir),
        measured_text(status, result, proof, laps),
        _next(archive, outdir, broker.bootstrap),
    )


def _first_rows(outdir: Path) -> Table:
    first = next(iter(sorted(outdir.rglob("*.parquet"))))
    alerts: pa.Table = pq.ParquetFile(first).read().slice(0, 8)
    return alerts_table(alerts, title=f"\nThe first of them, as they lie in {first}")


def measured_text(
    status: engine.JobStatus, result: consumer.ConsumeResult, proof: consumer.VerifyResult, laps: Mapping[str, float]
) -> str:
    """Return what the demo measured, a few lines; `laps` are the seconds that each of its steps took."""
    sent = status.num_alerts_sent
    lines = [
        "\nWhat was measured:",
        f"  sent      {count_text(sent, 'alert')}, {bytes_text(status.nbytes)}, in {status.elapsed_s:.1f} s",
        *(
            [f"  first     alerts were there {status.first_alert_s:.1f} s after the job was submitted"]
            if status.first_alert_s is not None
            else []
        ),
        f"  consumed  {count_text(result.num_alerts_new, 'alert')} in {laps['consume']:.1f} s "
        f"({result.num_alerts_new / laps['consume']:,.0f} alerts/s), {count_text(result.num_files, 'file')}",
        f"  verified  {proof.num_alerts:,} of {count_text(proof.num_expected, 'alert')} on disk, "
        f"{proof.missing:,} missing",
        *(
            f"            {line}"
            for line in bounds_lines(proof.left_out, proof.num_left_out_here, proof.num_archive_duplicates)
        ),
        "  set up    "
        + ", ".join(f"{name} {laps[name]:.1f} s" for name in ("sample", "broker", "cluster") if name in laps),
    ]
    return "\n".join(lines)


def _next(archive: Path, outdir: Path, kafka: str) -> str:
    # The demo's own broker has ended, so its port is free again.
    port, topic, night = kafka.rpartition(":")[2], f"{outdir.name}_full", DEFAULT_NIGHTS[0].isoformat()
    # Strings in double quotes, so that the shell's single ones hold all.
    read = f"import pandas; alerts = pandas.read_parquet({json.dumps(str(outdir), ensure_ascii=False)}); "
    seen = 'alerts.groupby("objectId").agg(nights=("day", "nunique"), alerts=("jd", "count"), last=("jd", "max"))'
    seen = f'alerts["day"] = (alerts.jd + 0.5) // 1; print({seen}.sort_values("nights").tail(9))'
    commands = [
        "alert-transfer broker --port " + port + " &",
        f"{python()} -c {quoted(read + 'print(alerts)')}",
        f"{python()} -c {quoted(read + seen)}",
        "alert-transfer preview " + quoted("--archive", archive, "--nights", night, "--where", "candidate.magpsf < 15"),
        "alert-transfer submit "
        + quoted("--kafka", kafka, "--archive", archive, "--nights", night, "--content", "full", "--topic", topic),
        "alert-transfer consume " + quoted("--kafka", kafka, topic, "--outdir", outdir.with_name(topic)),
        "kill %%    # ends the broker",
    ]
    return "\n  ".join(["\nTry next:", *commands])
