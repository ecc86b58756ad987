"""The dashboard in the foreground."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

import click

import engine
from consumer.cli import Command, Face, face_options, progress_row, quoted
from ui.cli.face_settings import settings_of

__all__ = ["serve"]

_HERE = ("127.0.0.1", "localhost", "::1")


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65535), default=5006, show_default=True, help="0 picks a free one.")
@click.option(
    "--address",
    default=_HERE[0],
    show_default=True,
    metavar="ADDRESS",
    help="Address of this machine to listen at, 0.0.0.0 for all.",
)
@click.option("--prefix", default="", metavar="PATH", help="Path under which a reverse proxy shows the page: /alerts.")
@click.option(
    "--num-procs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the sessions."
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="HOST[:PORT]",
    help="By which browsers know the server, if not by its own address: a proxy's; repeatable.",
)
@click.option("--archive", metavar="URL", help="Archive that the page offers, if the configuration names none.")
@click.option("--data", metavar="DIR", help="Where the embedded Kafka keeps topics; without it they go when it ends.")
@click.option("--hash-password", is_flag=True, help="Ask for a password, show its hash for the users' file, and end.")
@face_options
def serve(
    face: Face,
    port: int,
    address: str,
    prefix: str,
    num_procs: int,
    origins: tuple[str, ...],
    archive: str | None,
    data: str | None,
    hash_password: bool,
) -> None:
    """Serve the dashboard until Ctrl-C; with Kafka and a Dask cluster on this machine unless others are configured."""
    if hash_password:
        _show_hash(face)
        return
    settings = settings_of(face, archive=archive)
    if archive is not None:  # in the place of those that are configured
        offered = settings.dashboard.model_copy(update={"sources": {}})
        settings = settings.model_copy(update={"dashboard": offered})
    again = quoted("--port", str(port), *(["--archive", archive] if archive else []))
    ended = f"the dashboard has ended; start it again by:\n  alert-transfer serve {again}"
    with face.going_on(ended), ExitStack() as stack:
        with progress_row("preparing the page"):
            dashboard = _dashboard()
            serving = dashboard.Serving(port=port, address=address, prefix=prefix, num_procs=num_procs, origins=origins)
            dashboard.check(settings, serving)
        if address not in _HERE and not dashboard.login_is_on(settings):
            face.say(
                f"warning: nobody has to log in; anyone who reaches {address} may read the archive, "
                "and see and cancel the jobs of this server's user"
            )
        if dashboard.lets_in_strangers(settings):
            face.say(
                f"warning: whoever has an account at {settings.login_options['provider']} may log in, "
                "and submit jobs; name in dashboard.users who may"
            )
        local = stack.enter_context(dashboard.LocalServices(settings, data_dir=data, announce=face.say))
        with progress_row("starting Kafka and Dask"):
            local.start()

        def tell(url: str) -> None:
            document = {"url": url, "pid": os.getpid(), "kafka": local.settings.kafka}
            face.emit(document, f"The dashboard is at {url}\nKafka is at {local.settings.kafka}; Ctrl-C ends all of it")

        dashboard.serve(serving, local, on_ready=tell)


def _dashboard() -> Any:
    """Return the room of the page; Panel, which it needs, takes seconds to import."""
    from ui import dashboard

    try:
        dashboard.serve  # noqa: B018  imported on first use
    except ModuleNotFoundError as exc:
        raise engine.InputError(
            f"`alert-transfer serve` needs what is not installed here (no module {exc.name!r})",
            next_step="in a clone of alert-transfer: pip install '.[all]'",
        ) from exc
    return dashboard


def _show_hash(face: Face) -> None:
    name = click.prompt("User name", err=True)
    if ":" in name or name.strip() != name or not name.isprintable():
        raise engine.InputError(f"the user name is {name[:60]!r}", accepted="a name without a colon")
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    line = f"{name}:{_dashboard().password_hash(password)}"
    face.emit({"line": line}, line)
