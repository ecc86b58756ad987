"""Bytes that are no datums: the culprit is named, its neighbours come through, and nothing breaks.

benchmarks/fuzz_datums.py does the same with many more inputs.
"""

import importlib
import json
import sys
from pathlib import Path

import fastavro
import pytest

import consumer
from consumer.dataset.folder import home_of
from consumer.decoding import Datums, Decoder
from consumer.errors import WireError
from tests.command_line import run_here

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))
fuzzing = importlib.import_module("fuzz_datums")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return fuzzing.corpora(tmp_path_factory.mktemp("sample"))


def test_whatever_is_spoilt_only_the_spoilt_is_lost(made):
    outcomes = list(fuzzing.fuzz(made, 3_000, seed=1))
    kinds = {outcome.kind for outcome in outcomes}
    assert kinds == {*fuzzing.SPOILERS, "foreign"}
    # What is cut short or lengthened can't be taken for a datum.
    assert not [outcome for outcome in outcomes if outcome.decoded and outcome.kind in ("cut", "lengthened", "glued")]


@pytest.mark.parametrize(
    "items", ["null", {"type": "record", "name": "e", "fields": []}, {"type": "fixed", "name": "f", "size": 0}]
)
def test_lists_of_items_without_bytes_are_refused(items):
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": {"type": "array", "items": items}}]}
    with pytest.raises(WireError, match="take no bytes"):
        Decoder(schema)


@pytest.mark.parametrize(
    "items",
    ["int", ["null", "long"], {"type": "record", "name": "e", "fields": [{"name": "a", "type": ["null", "int"]}]}],
)
def test_a_list_that_claims_to_be_longer_than_its_datum_is_bad(items):
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": {"type": "array", "items": items}}]}
    for claim in (2**62, -(2**62), 2**31):
        datum = fuzzing._long(claim) + (fuzzing._long(4) if claim < 0 else b"") + b"\x02\x02\x02"
        assert list(Decoder(schema).decode(Datums.of([datum])).bad) == [0]


def test_what_a_stranger_wrote_into_a_topic_is_put_aside_and_the_rest_delivered(make_job, tmp_path, made):
    job = make_job()
    job.state("running")
    spoilt = [b"", b"\xff" * 40, job.datum(0, 1)[:-3], job.datum(0, 1) + b"\x00", made[0].datums[0]]
    strange = [
        (1, b"0:1", spoilt[0]),  # where 0:1 belongs, before the good one
        (1, b"0:1", spoilt[1]),
        (2, b"0:2", spoilt[2]),
        (3, b"1:2", spoilt[3]),
        (0, b"1:3", spoilt[4]),
        (0, None, job.datum(0, 0)),
        (0, b"0:" + b"9" * 400, job.datum(0, 0)),
        (0, b"99:1", job.datum(0, 0)),
        (3, b"0:0", job.datum(0, 0)),  # a good datum in a wrong partition
        (0, b"\x00\xff", b"noise"),
    ]
    for partition, key, value in strange:
        job.raw(partition, key, value)
    for fragment in range(len(job.sizes)):
        job.send(fragment)
        job.done(fragment)
    job.state("complete")
    outdir = tmp_path / "out"
    words = ["consume", job.topic, "--kafka", job.kafka, "--outdir", str(outdir), "--json"]
    for new in (sum(job.sizes), 0):
        done = run_here(*words)
        assert done.returncode == 4, done.stderr
        told = json.loads(done.stdout)
        assert (told["num_alerts"], told["num_alerts_new"], told["num_rejected"]) == (sum(job.sizes), new, len(strange))
        assert told["complete"] is True
    named = sorted(path.name for path in (home_of(outdir) / "rejected").iterdir())
    assert len(named) >= len(strange)
    told = run_here(*words[:-1])
    assert str(home_of(outdir) / "rejected") in told.stdout + told.stderr
    assert consumer.verify(outdir).complete


def test_the_corpus_is_what_fastavro_reads(made):
    for corpus in made:
        decoded = Decoder(corpus.schema).decode(Datums.of(corpus.datums))
        assert decoded.bad == {}
        assert decoded.batch.num_rows == len(corpus.datums)
        assert fastavro.parse_schema(dict(corpus.schema))["type"] == "record"
