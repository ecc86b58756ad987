from .archive_fields import ArchiveFields, fields
from .making import make_plan, plan
from .previewing import preview
from .transfer_plan import TransferPlan, new_topic

__all__ = [
    "ArchiveFields",
    "TransferPlan",
    "fields",
    "make_plan",
    "new_topic",
    "plan",
    "preview",
]
