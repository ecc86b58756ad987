"""Spark's side of the experiments classifies as the engine does, or its rows could not be the same."""

import numpy as np
import pyarrow as pa

from benchmarks.spark import spark_classes
from engine.enrichment import FinkClass

_TYPES = [None, "Unknown", "Transient", "Fail", "Fail 504", "Galaxy", "galaxy", "SN", "QSO", "RRLyrae", "Void"]
_SCORES = [np.nan, 0.0, 0.4, 0.5, 0.51, 1.0]
_NUMBERS = {
    "roid": [0, 1, 2, 3],
    "mulens": [np.nan, -1.0, 0.0, 0.5],
    "candidate.ndethist": [0, 1, 2, 19, 20, 21],
    "candidate.jd": [2459540.0, 2459545.0, 2459631.0],
    "candidate.jdstarthist": [np.nan, 2459540.0, 2459541.0],
}


def drawn(num_alerts: int) -> pa.RecordBatch:
    """Return random inputs of the rules, near to where each changes its mind."""
    rng = np.random.default_rng(5)
    columns = {}
    for leaf in spark_classes.INPUTS:
        among = {"cdsxmatch": _TYPES, "tracklet": [None, "", "TRCK_1", "TRCK"], **_NUMBERS}.get(leaf, _SCORES)
        columns[leaf] = [among[at] for at in rng.integers(len(among), size=num_alerts)]
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in FinkClass().needs], FinkClass.needs)


def test_the_pandas_function_gives_the_engines_labels():
    batch = drawn(50_000)
    expected = FinkClass()(batch).column("finkclass").to_pylist()
    frame = batch.to_pandas()
    found = spark_classes.finkclass(*(frame[leaf] for leaf in spark_classes.INPUTS)).tolist()
    assert found == expected
    assert {"SN candidate", "Early SN Ia candidate", "Kilonova candidate", "Ambiguous", "QSO"} <= set(found)
