"""Errors of the consumer, and the base of all errors of the project.

AlertTransferError              something went wrong; exit code 1
├── InputError                  the input is wrong, nothing was started; exit code 2 (also a ValueError)
│   └── ConfigError             a configuration that is not valid
├── JobError                    the job failed, was cancelled or interrupted; exit code 3
├── IncompleteError             what is on disk is not complete; exit code 4
├── KafkaError                  Kafka did not answer, refused us or lost a topic; exit code 1
└── WireError                   a message that does not follow the wire contract; exit code 1
"""

from typing import Any

from consumer.notebooks import short_traceback
from consumer.terms import in_face_terms
from consumer.words import printable

__all__ = [
    "AlertTransferError",
    "ConfigError",
    "IncompleteError",
    "InputError",
    "JobError",
    "KafkaError",
    "WireError",
]


class AlertTransferError(Exception):
    """An error that tells what was wrong, what is accepted and what to do next.

    Texts are written in the command line's terms (`--archive URL`). Whoever reads them in Python, by an attribute, by
    `str` or in a traceback, reads arguments instead (`archive='URL'`): `consumer.terms` has both. What others wrote
    into a topic or an archive may stand in a text: a terminal shows it and does not obey it (`consumer.words`).

    Parameters
    ----------
    message
        What was wrong, with the value that was.
    accepted
        What is accepted instead, if anything is.
    next_step
        What to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, accepted: str | None = None, next_step: str | None = None):
        super().__init__(message)
        self._message = message
        self._accepted = accepted
        self._next_step = next_step

    @property
    def message(self) -> str:
        """What was wrong, with the value that was."""
        return printable(in_face_terms(self._message))

    @property
    def as_told(self) -> str:
        """The message as it was written, for records that any face may show."""
        return self._message

    @property
    def accepted(self) -> str | None:
        """What is accepted instead, if anything is."""
        return self._accepted and printable(in_face_terms(self._accepted))

    @property
    def next_step(self) -> str | None:
        """What to do next."""
        return self._next_step and printable(in_face_terms(self._next_step))

    @next_step.setter
    def next_step(self, text: str | None) -> None:
        self._next_step = text

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors travel from Dask workers to the coordinator by pickle, which knows positional arguments only.
        return _rebuild, (type(self), self._message, self._accepted, self._next_step)

    def __str__(self) -> str:
        lines = [self.message]
        if self.accepted:
            lines.append(f"Accepted: {self.accepted}")
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | None]:
        """Return the error as the command line's JSON and a job's manifest have it, in the command line's terms."""
        return {"message": self._message, "accepted": self._accepted, "next": self._next_step}

    def _render_traceback_(self) -> list[str]:
        # IPython's own hook. What we called inside tells nothing to the user of a notebook.
        return short_traceback(self)


def _rebuild(
    cls: type[AlertTransferError], message: str, accepted: str | None, next_step: str | None
) -> AlertTransferError:
    return cls(message, accepted=accepted, next_step=next_step)


class InputError(AlertTransferError, ValueError):
    """The input is wrong; nothing was started.

    What was given may be long: of a message, the middle is left out then, so that the value's beginning and what is
    said after it stay.
    """

    exit_code = 2

    def __init__(self, message: str, *, accepted: str | None = None, next_step: str | None = None):
        super().__init__(
            _without_middle(message, 700),
            accepted=accepted and _without_middle(accepted, 3_000),
            next_step=next_step and _without_middle(next_step, 700),
        )


def _without_middle(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} […] {text[-half + 7 :]}"


class ConfigError(InputError):
    """The configuration is not valid."""


class JobError(AlertTransferError):
    """The job failed, was cancelled or was interrupted."""

    exit_code = 3


class IncompleteError(AlertTransferError):
    """What is on disk is not everything that the job sent."""

    exit_code = 4


class KafkaError(AlertTransferError):
    """Kafka did not answer, refused us, or no longer has what was asked."""


class WireError(AlertTransferError):
    """A message that does not follow the wire contract."""
