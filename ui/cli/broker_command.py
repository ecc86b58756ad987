"""The embedded Kafka in the foreground."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

import engine
from consumer.cli import Command, Face, face_options, progress_row, quoted

__all__ = ["broker"]


@click.command(cls=Command)
@click.option("--port", type=int, default=9092, show_default=True, help="0 picks a free one.")
@click.option("--data", metavar="DIR", help="Where topics are kept; without it they go when the broker ends.")
@face_options
def broker(face: Face, port: int, data: str | None) -> None:
    """Run an embedded Kafka until Ctrl-C."""
    again = ["--port", str(port)] + ([] if data is None else ["--data", data])
    kept = "its topics went with it" if data is None else "its topics are kept"
    with (
        face.going_on(f"Kafka has ended, and {kept}; start it again by:\n  alert-transfer broker {quoted(*again)}"),
        ExitStack() as stack,
    ):
        with progress_row("starting Kafka"):
            running = stack.enter_context(engine.start_broker(port=port, data_dir=data, announce=face.say))
        text = f"Kafka runs at {running.bootstrap}; Ctrl-C ends it. In another terminal:\n"
        text += f"  export ALERT_TRANSFER_KAFKA={running.bootstrap}"
        face.emit({"kafka": running.bootstrap, "pid": os.getpid()}, text)
        code = running.wait()
        raise engine.BrokerError(f"Kafka ended by itself with code {code}:\n{running.log_tail()}")
