"""Nothing half-created is left behind: what was made for a job that did not come about is taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from engine.errors import KafkaError

__all__ = ["taken_back_on_failure"]


@contextlib.contextmanager
def taken_back_on_failure(discard: Callable[[], None], topic: str) -> Iterator[None]:
    """Call `discard` if the block raises: nobody knows of the job's topic yet.

    Raises
    ------
    KafkaError
        If it can't be taken back: with both reasons, and what is left.
    """
    try:
        yield
    except BaseException as exc:
        try:
            discard()
        except KafkaError as left:
            raise KafkaError(
                f"the job was not submitted: {getattr(exc, 'message', None) or type(exc).__name__}; "
                f"and its topics could not be taken back: {left.message}",
                next_step=f"submit again under another name; {topic} and its companions may be deleted",
            ) from exc
        raise
