from .bounds import may_hold
from .estimating import estimate, estimate_plan
from .intervals import Interval, interval_of
from .result import Estimate, Sampled
from .sampling import RowGroup, Sample, draw_sample
from .scaling import scaled, within_limit
from .speeds import DoneJob, remember_job, seconds_of

__all__ = [
    "DoneJob",
    "Estimate",
    "Interval",
    "RowGroup",
    "Sample",
    "Sampled",
    "draw_sample",
    "estimate",
    "estimate_plan",
    "interval_of",
    "may_hold",
    "remember_job",
    "scaled",
    "seconds_of",
    "within_limit",
]
