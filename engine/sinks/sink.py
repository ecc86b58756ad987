"""What a job needs of a place that alerts are sent to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa

from consumer.wire import FragmentDone, Plan
from engine.archive import Fragment
from engine.errors import KafkaError
from engine.planning import TransferPlan
from engine.sinks.figures import FragmentFigures

__all__ = ["OUTAGES", "FragmentWriter", "Sink"]

OUTAGES = (KafkaError,)
"""What sinks and manifest stores raise while they are away or busy: the same call may succeed later."""


class FragmentWriter(Protocol):
    """Takes the selected alerts of one fragment.

    Two of them may be at work at once in a thread, one after `send`, or two sets of them that are sent together.
    """

    def write(self, rows: np.ndarray, block: pa.RecordBatch, encoded: pa.Array) -> None:
        """Take alerts; none of them leaves before `send`, since the rest of the fragment may be unreadable.

        Parameters
        ----------
        rows
            Positions of the alerts in the fragment, ascending, shape (n,).
        block
            The alerts in the job's content, n rows.
        encoded
            What `Sink.encode` made of them, n elements.

        Raises
        ------
        EncodeError
            If the sink has no place for an alert, naming it.
        """

    def send(self, beside: Self | None = None) -> None:
        """Begin to send what was taken, all of which was read; it goes on while the caller does something else.

        It does not wait: what the sink has no room for yet is sent by `send_on` and `finish`.

        Sent twice, the alerts of a fragment must be known as the same: a fragment is tried again after a failure.
        Raises what `finish` raises.

        Parameters
        ----------
        beside
            A writer whose alerts were sent just before: both are waited for, so they may be acknowledged together.
        """

    def send_on(self) -> None:
        """Send what the sink has room for by now, without waiting; called after `send`, and raises what it raises."""

    def abandon(self) -> None:
        """Drop what was taken and has not left yet; nothing else is called afterwards."""

    def finish(self) -> FragmentDone:
        """Return once the sink has acknowledged all that was taken, which is sent first if `send` was not called.

        Raises
        ------
        EncodeError
            If the sink has no place for an alert any more, naming it.
        KafkaError
            If not all was acknowledged; the fragment may be tried again.
        JobError
            If nobody wants the fragment any more.
        """


class Sink(Protocol):
    """Where a job's alerts go. Picklable and small: the coordinator and the workers each open it for themselves."""

    @property
    def place(self) -> str:
        """What and where it is, in the user's words: `the topic ftransfer_x`."""

    def prepare(self, plan: TransferPlan) -> Sink:
        """Make room for a new job, and return the sink that the job is submitted with.

        If it raises, nothing is left behind.

        Raises
        ------
        InputError
            If the job can't be sent here.
        KafkaError
            If the sink is away.
        """

    def take_up(self, plan: Plan) -> Sink:
        """Return the sink as the manifest's plan describes it; it can be opened."""

    def terms(self) -> Mapping[str, Any]:
        """Return what of a prepared sink is written into the plan's record, for `take_up` to find."""

    def discard(self) -> None:
        """Take back what `prepare` made.

        Raises
        ------
        KafkaError
            If something is left.
        """

    def open(
        self, fragment: Fragment, figures: FragmentFigures, is_wanted: Callable[[], bool], folder: str | None = None
    ) -> FragmentWriter:
        """Return what takes the alerts of one fragment.

        Parameters
        ----------
        fragment
            Where the alerts come from.
        figures
            What is counted of the alerts, whatever the sink: `finish` makes its record with them.
        is_wanted
            Called now and then; once it returns False, the writer stops and raises JobError.
        folder
            Where a file may be that holds what is too large for memory; None: where the system keeps temporary ones.
        """

    def encode(self, block: pa.RecordBatch) -> pa.Array:
        """Return alerts as the sink sends them, one element each; of several fragments at once, where they are small.

        Raises
        ------
        EncodeError
            If an alert can't be sent, naming the field.
        """

    def await_answer(self, timeout_s: float) -> None:
        """Return once the sink answers.

        Raises
        ------
        KafkaError
            If it does not within `timeout_s`.
        """

    def exists(self) -> bool:
        """Return whether the room that `prepare` made is still there."""

    def check_holds(self, acknowledged: Mapping[int, int]) -> None:
        """Raise if the sink holds less than it has acknowledged.

        Parameters
        ----------
        acknowledged
            The sum of `FragmentDone.partitions` over all finished fragments.

        Raises
        ------
        JobError
            Naming how much is lost.
        KafkaError
            If the sink does not answer.
        """
