"""Bytes that are no datums: the culprit is named, its neighbours come through, and nothing breaks.

benchmarks/fuzz_datums.py does the same with many more inputs.
"""

import importlib
import sys
from pathlib import Path

import fastavro
import pytest

from consumer.decoding import Datums, Decoder

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))
fuzzing = importlib.import_module("fuzz_datums")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return fuzzing.corpora(tmp_path_factory.mktemp("sample"))


def test_whatever_is_spoilt_only_the_spoilt_is_lost(made):
    outcomes = list(fuzzing.fuzz(made, 1_000, seed=1))
    kinds = {outcome.kind for outcome in outcomes}
    assert kinds == {*fuzzing.SPOILERS, "foreign"}
    # What is cut short or lengthened can't be taken for a datum.
    assert not [outcome for outcome in outcomes if outcome.decoded and outcome.kind in ("cut", "lengthened", "glued")]


def test_the_corpus_is_what_fastavro_reads(made):
    for corpus in made:
        decoded = Decoder(corpus.schema).decode(Datums.of(corpus.datums))
        assert decoded.bad == {}
        assert decoded.batch.num_rows == len(corpus.datums)
        assert fastavro.parse_schema(dict(corpus.schema))["type"] == "record"
