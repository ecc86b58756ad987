"""The steps in which a query is written: data, filter, content. A step more comes in as a module.

Each is built when it is first visited.
"""

from ui.dashboard.steps.content_step import ContentStep
from ui.dashboard.steps.data_step import DataStep
from ui.dashboard.steps.filter_step import FilterStep

__all__ = ["ContentStep", "DataStep", "FilterStep"]
