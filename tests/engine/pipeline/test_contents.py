"""Contents: the columns of each, on the real schemas and on small ones."""

import pyarrow as pa
import pytest

from engine.archive import Archive
from engine.enrichment import added_by
from engine.errors import RequestError
from engine.pipeline import project_schema
from engine.schema import union_schemas
from engine.surveys import survey_named

ZTF = survey_named("ztf")


def project(schema: pa.Schema, content: str, fields=()):
    return project_schema(
        schema,
        content,
        fields=fields,
        candidate=ZTF.candidate,
        identity=ZTF.identity,
        lightcurve_leaves=ZTF.lightcurve_leaves,
        history=ZTF.history,
        stamps=ZTF.stamps,
        night_columns=ZTF.night_columns,
        added=added_by(ZTF.enrichments),
    )


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
    with pytest.raises(RequestError, match="no alert"):
        project(SMALL, "fields", ["prv_candidates.jd"])


def test_a_clash_of_names_is_refused():
    with pytest.raises(RequestError, match="both come out as 'candid'"):
        project(SMALL, "fields", ["candidate.candid"])


def test_a_block_becomes_the_content():
    projection = project(SMALL, "fields", ["roid", "candidate.magpsf"])
    block = pa.record_batch(
        {
            "candid": pa.array([1, 2], pa.int64()),
            "candidate": pa.array(
                [{"jd": 2.5, "magpsf": 18.0}, None], pa.struct([("jd", pa.float64()), ("magpsf", pa.float32())])
            ),
            "roid": pa.nulls(2),
        }
    )
    classes = {"finkclass": pa.array(["SN candidate", "Unknown"])}
    assert projection.apply(block, classes, "file").to_pylist() == [
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
