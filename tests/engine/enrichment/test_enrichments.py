"""Enrichments: what each needs and adds, nulls, files that lack a need, and that they travel."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.enrichment import (
    ClassEnrichment,
    Enrichment,
    FinkClass,
    TnsClass,
    added_by,
    catalogue_of,
    find_catalogue,
    with_added,
    with_catalogue,
)
from engine.errors import JobError
from engine.surveys import survey_named

POSITION = {"ra_field": "candidate.ra", "dec_field": "candidate.dec"}


def catalogue(folder: Path, types=("SN Ia", "SN II"), decs=(0.0, 10.0)):
    path = folder / "tns.parquet"
    pq.write_table(pa.table({"ra": [10.0] * len(types), "declination": decs, "type": types}), path)
    return find_catalogue(str(path))


@pytest.fixture(params=["finkclass", "tnsclass", "tnsclass without a catalogue"])
def enrichment(request, tmp_path) -> Enrichment:
    if request.param == "finkclass":
        return FinkClass()
    return TnsClass(catalogue=None if "without" in request.param else catalogue(tmp_path), **POSITION)


def test_each_gives_what_it_adds_for_what_it_needs(enrichment):
    for num_alerts in (0, 3):
        nothing = pa.record_batch([pa.nulls(num_alerts)], names=[""]).select([])
        arrays = [pa.nulls(num_alerts, field.type) for field in enrichment.needs]
        added = enrichment(pa.record_batch(arrays, schema=enrichment.needs) if arrays else nothing)
        assert added.schema == enrichment.adds
        assert added.num_rows == num_alerts
        # An alert that has none of what it needs has a label none the less.
        assert added.column(0).to_pylist() == ["Unknown"] * num_alerts
    assert enrichment.adds.names == [enrichment.name]


def test_each_is_frozen_travels_and_is_told_by_its_values(enrichment):
    copy = pickle.loads(pickle.dumps(enrichment))
    assert copy == enrichment
    assert hash(copy) == hash(enrichment)
    assert len(pickle.dumps(enrichment)) < 2_000
    with pytest.raises(dataclasses.FrozenInstanceError):
        enrichment.name = "another"


def test_finkclass_is_given_texts_and_numbers():
    types = {field.name: field.type for field in FinkClass().needs}
    assert types.pop("cdsxmatch") == types.pop("tracklet") == pa.string()
    assert set(types.values()) == {pa.float64()}
    batch = pa.record_batch(
        [
            pa.array(["Star", None, "Unknown"] if name == "cdsxmatch" else [None] * 3, type_)
            if name != "roid"
            else pa.array([None, 3.0, np.nan])
            for name, type_ in zip(FinkClass().needs.names, FinkClass().needs.types, strict=True)
        ],
        schema=FinkClass().needs,
    )
    assert FinkClass()(batch).column("finkclass").to_pylist() == ["Star", "Solar System MPC", "Unknown"]


def test_tnsclass_reads_a_position_only_to_match_it(tmp_path):
    assert TnsClass(**POSITION).needs.names == []
    matching = TnsClass(catalogue=catalogue(tmp_path), **POSITION)
    assert matching.needs.names == ["candidate.ra", "candidate.dec"]
    positions = pa.record_batch(
        [pa.array([10.0, 10.0, 10.0, None]), pa.array([0.0, 10.0, 5.0, 0.0])], schema=matching.needs
    )
    labels = ["(TNS) SN Ia", "(TNS) SN II", "Unknown", "Unknown"]
    assert matching(positions).column("tnsclass").to_pylist() == labels
    catalogue(tmp_path, types=("SN Ib",), decs=(0.0,))
    with pytest.raises(JobError, match="not the one with which the job was planned"):
        matching(positions)


def test_planning_is_told_what_each_lacks_and_holds(tmp_path):
    assert FinkClass().lack is None
    assert FinkClass().label_leaves == ("cdsxmatch",)
    assert FinkClass().outcome_without(["roid"]).endswith("becomes Solar System candidate, Solar System MPC")
    lack = TnsClass(**POSITION).lack
    assert "TNS catalogue" in lack.missing
    assert "--tns-catalogue" in lack.next_step
    matching = TnsClass(catalogue=catalogue(tmp_path), **POSITION)
    assert matching.lack is None
    assert matching.own_labels() == {"(TNS) SN Ia", "(TNS) SN II"}
    assert "Unknown" in matching.outcome_without(["candidate.ra"])
    assert TnsClass(**POSITION).own_labels() == set()
    for unasked in (ClassEnrichment(), FinkClass(), matching):
        assert unasked.notes() == ()
    assert ClassEnrichment().outcome_without(["x"]) is None


def test_a_catalogue_comes_to_those_that_match_one(tmp_path):
    survey, found = survey_named("ztf"), catalogue(tmp_path)
    assert catalogue_of(survey.enrichments) is None
    given = with_catalogue(survey.enrichments, found)
    assert catalogue_of(given) == found
    assert [enrichment.name for enrichment in given] == ["finkclass", "tnsclass"]
    assert with_catalogue(given, None) == survey.enrichments
    assert catalogue_of(()) is None


def test_what_is_added_is_in_the_union_and_a_column_of_the_files_stays_as_it_is():
    enrichments = survey_named("ztf").enrichments
    files = pa.schema([("tnsclass", pa.dictionary(pa.int32(), pa.string())), ("candid", pa.int64())])
    union = with_added(files, enrichments)
    assert union.names == ["tnsclass", "candid", "finkclass"]
    assert union.field("tnsclass") == files.field("tnsclass")
    assert union.field("finkclass").type == pa.string()
    assert with_added(files, ()) == files
    assert added_by(enrichments).names == ["finkclass", "tnsclass"]
