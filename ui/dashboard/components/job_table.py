"""Jobs as a table of which one chooses one."""

from __future__ import annotations

import param

from ui.dashboard.components.base import HERE, Component

__all__ = ["JobTable"]


class JobTable(Component):
    """A table of jobs; a job's topic is a button: `on_told` is given the topic that was chosen."""

    rows = param.List(item_type=dict, doc="Of `row_of`, in the order in which they are shown.")
    with_owner = param.Boolean(doc="Whether the owners are shown.")
    current = param.String(default="", doc="Topic of the job that the page shows.")

    _esm = HERE / "job_table.js"
    _stylesheets = [*Component._stylesheets, (HERE / "job_table.css").read_text(encoding="utf-8")]  # noqa: RUF012
