"""What a job needs of the place where its manifest stands."""

from __future__ import annotations

from typing import Protocol

from consumer.wire import JobSummary, Manifest, Plan, Record

__all__ = ["ManifestStore"]


class ManifestStore(Protocol):
    """The manifest of one job: records are appended to it, and those who follow the job read them in that order.

    Picklable: an unpickled store has connections of its own. `refresh`, `wait_for_more` and `close` are called from one
    thread at a time; the others from any thread, also while another one reads. Whatever talks to the store raises
    KafkaError while that is away.
    """

    topic: str
    """The job's topic, which names it."""

    @property
    def place(self) -> str:
        """What and where it is, in the user's words: `the topic ftransfer_x_manifest`."""

    @property
    def address(self) -> str:
        """What must be reached for it, in the user's words: `Kafka at host:port`."""

    @property
    def manifest(self) -> Manifest:
        """The manifest as it was read last.

        Raises
        ------
        RequestError
            If there is none, when it is opened for the first time.
        """

    def exists(self) -> bool:
        """Return whether the manifest is still there."""

    def append(self, *records: Record) -> None:
        """Write records, in order; each is acknowledged on return. After a failure they may be appended again."""

    def refresh(self) -> Manifest:
        """Take in everything that is there now."""

    def wait_for_more(self, timeout_s: float) -> Manifest:
        """Take in what comes next, or nothing after `timeout_s`."""

    def announce(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        """Write how the job stands into the list of all jobs."""

    def others(self, owner: str) -> list[JobSummary]:
        """Return the jobs of an owner, but this one, that have not ended and gave a sign of life lately."""

    def await_answer(self, timeout_s: float) -> None:
        """Return once the store answers, or raise KafkaError after `timeout_s`."""

    def close(self) -> None:
        """Let go of its connections."""
