"""Files of the LSST sample: one a night, in the folder of its UTC date, as the broker's Spark writes them."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from engine.sample.lsst.alerts import draw_alerts
from engine.sample.lsst.schema import SCHEMA

__all__ = ["FIRST_NIGHT", "NIGHTS", "write_night"]

FIRST_NIGHT = dt.date(2025, 6, 23)
"""When the survey's camera was first shown to the public."""
NIGHTS = (dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 2, 14))
"""The nights of a sample for which none are named."""

_GROUP_ALERTS = 1_000


def write_night(root: Path, night: dt.date, *, num_alerts: int, seed: int) -> Iterator[int]:
    """Write one night's file, a row group at a time, and give the number of alerts in each.

    Parameters
    ----------
    root
        Of the archive.
    night
        UTC date of the alerts.
    num_alerts
        How many.
    seed
        Of all chance.
    """
    folder = root / f"year={night.year}/month={night.month:02d}/day={night.day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    token = np.random.default_rng([seed, night.toordinal(), 3]).bytes(16).hex()
    origin = {"generator": "alert-transfer archive sample", "seed": seed, "profile": "lsst"}
    path = folder / f"part-00000-{token[:8]}-{token[8:12]}.c000.snappy.parquet"
    with pq.ParquetWriter(path, SCHEMA, compression="snappy", store_schema=False) as writer:
        writer.add_key_value_metadata({"alert_transfer.sample": json.dumps(origin)})
        alerts = draw_alerts(seed=seed, night=night, num_alerts=num_alerts)
        for start in range(0, num_alerts, _GROUP_ALERTS):
            group = alerts.slice(start, _GROUP_ALERTS)
            writer.write_table(group)
            yield len(group)
