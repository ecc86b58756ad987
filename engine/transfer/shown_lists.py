"""Lists that functions of this room return, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from consumer.notebooks import TableList
from engine.transfer.submitted_job import JobStatus

__all__ = ["JobList"]


class JobList(TableList[JobStatus]):
    """How several jobs stand."""

    head: ClassVar[tuple[str, ...]] = ("topic", "state", "alerts sent", "fragments", "elapsed")
    nothing: ClassVar[str] = "no job"

    def row(self, item: JobStatus) -> Sequence[object]:
        """Return a job's row."""
        return (
            item.topic,
            item.state_text,
            f"{item.num_alerts_sent:,}" + ("" if item.num_alerts is None else f" of {item.num_alerts:,}"),
            f"{item.num_fragments_done:,} of {item.num_fragments:,}",
            f"{item.elapsed_s:.0f} s",
        )
