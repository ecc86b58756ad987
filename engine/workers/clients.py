"""A client that a user handed over, before anything is asked of its cluster."""

from __future__ import annotations

from engine.errors import InputError

__all__ = ["check_client"]


def check_client(client: object, function: str) -> None:
    """Refuse what a synchronous function can't use: an asynchronous client, or none at all.

    Parameters
    ----------
    client
        What was handed over; what None means, the caller knows.
    function
        Name of the function that was called: `submit`.

    Raises
    ------
    InputError
        If it can't be used.
    """
    if client is None:
        return
    if not callable(getattr(client, "submit", None)):
        raise InputError(
            f"the client that engine.{function} was given is {type(client).__name__}, not a client of Dask",
            accepted="a distributed.Client, or none",
            next_step="give client=distributed.Client('tcp://host:port')",
        )
    if getattr(client, "asynchronous", False):
        raise InputError(
            f"engine.{function} can't use an asynchronous client: it would stop the event loop that it waits for",
            accepted="a client that was made without asynchronous=True",
            next_step=f"from a coroutine: await engine.aio.{function}(…, "
            "client=distributed.Client('tcp://host:port', asynchronous=False))",
        )
