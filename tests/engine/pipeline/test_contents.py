"""Contents: the columns of each, on the real schemas and on small ones."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.archive import Archive
from engine.errors import RequestError
from engine.pipeline import project_schema
from engine.schema import union_schemas
from engine.surveys import survey_named

ZTF = survey_named("ztf")


def project(schema: pa.Schema, content: str, fields=()):
    return project_schema(schema, content, ZTF, fields)


SMALL = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        ("candidate", pa.struct([(leaf, pa.float64()) for leaf in ("jd", "fid", "magpsf", "candid", "ra")])),
        ("prv_candidates", pa.list_(pa.struct([("jd", pa.float64())]))),
        *[(name, pa.struct([("stampData", pa.binary())])) for name in ZTF.stamps],
        ("roid", pa.int32()),
        ("year", pa.int32()),
    ]
)


def test_columns_of_the_contents():
    assert project(SMALL, "lightcurve").schema.names == [
        *("objectId", "candid", "magpsf", "fid", "jd", "ra", "roid", "finkclass", "tnsclass"),
    ]
    assert project(SMALL, "cutouts").schema.names == [
        *("objectId", "candid", "jd", "fid", *ZTF.stamps, "finkclass", "tnsclass"),
    ]
    assert project(SMALL, "medium").schema.names == [
        *("objectId", "candid", "candidate", "prv_candidates", "roid", "year", "finkclass", "tnsclass"),
    ]
    assert project(SMALL, "full").schema.names == [*SMALL.names, "finkclass", "tnsclass"]
    assert project(SMALL, "fields", ["roid", "candidate.magpsf", "candid"]).schema.names == [
        *("objectId", "candid", "jd", "roid", "magpsf", "finkclass", "tnsclass"),
    ]


def test_lightcurve_of_the_real_nights(shared_archive):
    archive = Archive(str(shared_archive))
    footers = archive.footers(archive.files(archive.nights()))
    union = union_schemas([(footer.file.path, footer.schema) for footer in reversed(footers)])
    names = project(union, "lightcurve").schema.names
    lifted = {"magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr"}
    left_out = {"candidate", "prv_candidates", "year", "month", "day", *ZTF.stamps}
    assert set(names) == (set(union.names) - left_out) | lifted | {"finkclass", "tnsclass"}
    assert names[:4] == ["objectId", "candid", "magpsf", "sigmapsf"]


def test_only_what_goes_out_is_read():
    assert set(project(SMALL, "fields", ["candidate.magpsf"]).columns()) >= {"candidate.magpsf", "candidate.jd"}
    assert "candidate" not in project(SMALL, "lightcurve").columns()


def test_unknown_fields_are_refused_with_the_nearest():
    with pytest.raises(RequestError, match=r"candidate\.magpsf"):
        project(SMALL, "fields", ["candidate.magpfs"])
    with pytest.raises(RequestError, match=r"candidate\.magpsf"):
        project(SMALL, "fields", ["magpsf"])
    with pytest.raises(RequestError, match=r"prv_candidates\.jd"):
        project(SMALL, "fields", ["prv_candidates.jd2"])


def test_a_clash_of_names_is_refused_with_what_to_do():
    with pytest.raises(RequestError, match="both come out as 'candid'") as caught:
        project(SMALL, "fields", ["candidate.candid"])
    assert "leave 'candidate.candid' out" in caught.value.next_step
    assert "all of candidate" in caught.value.next_step
    underscored = SMALL.append(pa.field("prv_candidates_jd", pa.float64()))
    with pytest.raises(RequestError, match="both come out as 'prv_candidates_jd'"):
        project(underscored, "fields", ["prv_candidates_jd", "prv_candidates.jd"])


def test_a_block_becomes_the_content():
    projection = project(SMALL, "fields", ["roid", "candidate.magpsf"])
    block = pa.record_batch(
        {
            "candid": pa.array([1, 2], pa.int64()),
            "candidate": pa.array(
                [{"jd": 2.5, "magpsf": 18.0}, None], pa.struct([("jd", pa.float64()), ("magpsf", pa.float32())])
            ),
            "roid": pa.nulls(2),
            "finkclass": pa.array(["SN candidate", "Unknown"]),
        }
    )
    assert projection.apply(block, "file").to_pylist() == [
        {
            "objectId": None,
            "candid": 1,
            "jd": 2.5,
            "roid": None,
            "magpsf": 18.0,
            "finkclass": "SN candidate",
            "tnsclass": None,
        },
        {
            "objectId": None,
            "candid": 2,
            "jd": None,
            "roid": None,
            "magpsf": None,
            "finkclass": "Unknown",
            "tnsclass": None,
        },
    ]


DEEP = pa.schema(
    [
        *SMALL,
        ("lc_features_g", pa.struct([("amplitude", pa.float64()), ("fit", pa.struct([("chi2", pa.float32())]))])),
        ("mangrove", pa.map_(pa.string(), pa.string())),
        ("per_band", pa.map_(pa.string(), pa.struct([("mean", pa.float64())]))),
        ("visits", pa.list_(pa.struct([("ccd", pa.list_(pa.struct([("gain", pa.int32())])))]))),
        ("odd.name", pa.int32()),
    ]
)


def test_stamps_come_into_the_content_without_a_copy():
    stamp = pa.array([{"stampData": bytes(50_000)}] * 20, pa.struct([("stampData", pa.binary())]))
    arrays = [stamp if field.name in ZTF.stamps else pa.nulls(20, field.type) for field in SMALL]
    block = pa.record_batch(arrays, schema=SMALL)
    projection = project(SMALL, "full")
    counted, pool = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    with_classes = block.append_column("finkclass", pa.nulls(20, pa.string()))
    with_classes = with_classes.append_column("tnsclass", pa.nulls(20, pa.string()))
    pa.set_memory_pool(counted)
    try:
        content = projection.apply(with_classes, "file")
    finally:
        pa.set_memory_pool(pool)
    assert content.nbytes > 3_000_000
    assert counted.total_bytes_allocated() < 100_000


def test_any_leaf_comes_out_under_its_path():
    fields = ["lc_features_g.amplitude", "lc_features_g.fit.chi2", "cutoutScience.stampData", "mangrove.2MASS_name"]
    fields += ["per_band.r.mean", "prv_candidates.jd", "visits.ccd.gain", "lc_features_g.fit", "odd.name"]
    schema = project(DEEP, "fields", fields).schema
    assert {name: schema.field(name).type for name in schema.names[3:-2]} == {
        "lc_features_g_amplitude": pa.float64(),
        "lc_features_g_fit_chi2": pa.float32(),
        "cutoutScience_stampData": pa.binary(),
        "mangrove_2MASS_name": pa.string(),
        "per_band_r_mean": pa.float64(),
        "prv_candidates_jd": pa.list_(pa.float64()),
        "visits_ccd_gain": pa.list_(pa.list_(pa.int32())),
        "lc_features_g_fit": DEEP.field("lc_features_g").type.field("fit").type,
        "odd.name": pa.int32(),
    }


def test_names_are_taken_as_conditions_and_lists_of_fields_write_them():
    written = ["mangrove['2MASS_name']", "prv_candidates[].jd", "`lc_features_g`.`amplitude`"]
    names = project(DEEP, "fields", written).schema.names
    assert names[3:-2] == ["mangrove_2MASS_name", "prv_candidates_jd", "lc_features_g_amplitude"]


@given(st.data())
def test_values_of_leaves_in_lists_and_maps(data):
    number = st.none() | st.floats(allow_nan=False, width=32)
    items = st.none() | st.lists(st.none() | st.fixed_dictionaries({"jd": number, "magpsf": number}), max_size=3)
    nested = st.none() | st.lists(st.none() | st.fixed_dictionaries({"ccd": items}), max_size=3)
    rows = data.draw(st.lists(st.tuples(items, nested), min_size=1, max_size=6))
    item = pa.struct([("jd", pa.float32()), ("magpsf", pa.float64())])
    kind = data.draw(st.sampled_from([pa.list_, pa.large_list, pa.list_view]))
    block = pa.record_batch(
        {
            "prv_candidates": pa.array([row[0] for row in rows], kind(item)),
            "visits": pa.array([row[1] for row in rows], kind(pa.struct([("ccd", kind(item))]))),
        }
    )
    schema = pa.schema(
        [
            *SMALL,
            ("visits", pa.list_(pa.struct([("ccd", pa.list_(pa.struct([("jd", pa.float64())])))]))),
        ]
    )
    start = data.draw(st.integers(0, len(rows) - 1))
    projection = project(schema, "fields", ["prv_candidates.jd", "visits.ccd.jd"])
    found = projection.apply(block.slice(start), "file").to_pylist()

    def jds(things):
        return None if things is None else [None if thing is None else thing["jd"] for thing in things]

    for (history, visits), out in zip(rows[start:], found, strict=True):
        assert out["prv_candidates_jd"] == jds(history)
        expected = visits and [None if visit is None else jds(visit["ccd"]) for visit in visits]
        assert out["visits_ccd_jd"] == expected


def test_values_behind_the_keys_of_a_map_and_of_a_file_without_them():
    projection = project(DEEP, "fields", ["per_band.r.mean", "mangrove.key", "prv_candidates.jd"])
    block = pa.record_batch(
        {
            "per_band": pa.array([{"r": {"mean": 1.5}}, {"g": {"mean": 2.5}}, None], DEEP.field("per_band").type),
            "mangrove": pa.array([{"key": "a"}, {}, None], DEEP.field("mangrove").type),
            "prv_candidates": pa.nulls(3),
        }
    )
    found = projection.apply(block, "file").select(["per_band_r_mean", "mangrove_key", "prv_candidates_jd"])
    assert found.to_pylist() == [
        {"per_band_r_mean": 1.5, "mangrove_key": "a", "prv_candidates_jd": None},
        *[{"per_band_r_mean": None, "mangrove_key": None, "prv_candidates_jd": None}] * 2,
    ]
