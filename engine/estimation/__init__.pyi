

from .intervals import Interval, interval_of
from .sampling import RowGroup, Sample, draw_sample


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
    "remember_job",
]
