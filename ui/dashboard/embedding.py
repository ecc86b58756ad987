"""The page as a part of a notebook."""

from __future__ import annotations

import getpass
import weakref
from typing import TYPE_CHECKING, Any

import panel as pn

from engine import Settings, load_settings
from ui.dashboard.page import Page
from ui.dashboard.services import Services
from ui.dashboard.session import Session, User

if TYPE_CHECKING:
    import distributed

__all__ = ["app"]


def app(
    archive: str | None = None,
    *,
    kafka: str | None = None,
    client: distributed.Client | None = None,
    settings: Settings | None = None,
) -> pn.viewable.Viewable:
    """Return the dashboard as something that a notebook shows.

    Parameters
    ----------
    archive
        Root of the archive that it offers; default: the sources, or the archive, of the settings.
    kafka
        `host:port[,host:port]` of the Kafka that jobs send to; default: the settings'.
    client
        A synchronous client of the Dask cluster that jobs run on; without one, a job brings a cluster of its own.
    settings
        Default: the environment and the configuration file.

    Raises
    ------
    RequestError
        If neither names an archive.
    """
    settings = settings or load_settings()
    given: dict[str, Any] = {name: value for name, value in (("archive", archive), ("kafka", kafka)) if value}
    if archive:
        given["dashboard"] = settings.dashboard.model_copy(update={"sources": {}})
    settings = settings.model_copy(update=given)
    pn.extension()
    services = Services(settings, client=client)
    session = Session(services, User(name=getpass.getuser()))
    view = Page(session, is_whole=False).view()
    try:
        session.task(services.watch())
    except RuntimeError:  # no loop runs: a script makes the page, and shows it later
        session.notify("The page runs where an event loop does: in a notebook.")
    weakref.finalize(view, session.end)
    weakref.finalize(view, services.close)
    return view
