"""The embedded Kafka in the foreground."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

import engine
from consumer.cli import Command, Face, face_options, progress_row, quoted

__all__ = ["broker"]

_HERE = "127.0.0.1"


@click.command(cls=Command)
@click.option("--port", type=int, default=9092, show_default=True, help="0 picks a free one.")
@click.option(
    "--host",
    default=_HERE,
    show_default=True,
    metavar="ADDRESS",
    help="Address of this machine to listen at, 0.0.0.0 for all; there are no users: anyone who reaches it may read, "
    "write and delete everything.",
)
@click.option("--data", metavar="DIR", help="Where topics are kept; without it they go when the broker ends.")
@face_options
def broker(face: Face, port: int, host: str, data: str | None) -> None:
    """Run an embedded Kafka until Ctrl-C."""
    again = ["--port", str(port)] + ([] if host == _HERE else ["--host", host])
    again += [] if data is None else ["--data", data]
    kept = "its topics went with it" if data is None else "its topics are kept"
    ended = f"Kafka has ended, and {kept}; start it again by:\n  alert-transfer broker {quoted(*again)}"
    with face.going_on(ended), ExitStack() as stack:
        with progress_row("starting Kafka"):
            started = engine.start_broker(port=port, host=host, data_dir=data, announce=face.say)
            running = stack.enter_context(started)
        if host not in (_HERE, "localhost", "::1"):
            face.say(
                f"warning: this Kafka has no users; anyone who reaches {running.bootstrap} may read, write and delete "
                "everything in it"
            )
        text = f"Kafka runs at {running.bootstrap}; Ctrl-C ends it. In another terminal:\n"
        text += f"  export ALERT_TRANSFER_KAFKA={running.bootstrap}"
        face.emit({"kafka": running.bootstrap, "pid": os.getpid()}, text)
        raise running.failure(running.wait())
