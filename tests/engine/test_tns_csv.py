"""TNS catalogues as CSV, as TNS exports them and as people make them, give the same labels as Parquet."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import Angle
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.classes import TnsCatalogue, find_catalogue, load_tns_catalogue, tnsclass
from engine.errors import JobError, RequestError
from engine.tns_csv import read_tns_csv

DAILY = """"2024-05-01 00:00:00 - 23:59:59"
"objid","name_prefix","name","ra","declination","redshift","typeid","type","reporters","remarks"
"1","SN","2018aaa","150.5","-2.25","0.06","3","SN Ia","A. One, B. Two","said ""so"" aloud"
"2","AT","2024abc","150.6","-2.25","","","","C. Three","over
two lines"
"3","SN","2024def","359.9999","89.5","","10","SN II","",""
"""
SEARCH = """"ID","Name","RA","DEC","Obj. Type","Redshift","Host Name"
"1","SN 2018aaa","10:02:00.00","-02:15:00.0","SN Ia","0.06",""
"2","AT 2024abc","10:02:24.000","-02:15:00.0","","",""
"3","SN 2024def","23:59:59.976","+89:30:00","SN II","",""
"""
BY_HAND = """# from my own list
type;dec;RA
SN Ia; -2.25;150.5
;-2.25;150.6
(TNS) SN II;89.5; 359.9999
CV;;
"""


def load(path: Path) -> TnsCatalogue:
    return load_tns_catalogue(find_catalogue(str(path)))


def zipped(*texts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, text in enumerate(texts):
            packed.writestr(f"tns_public_objects{number or ''}.csv", text)
    return made.getvalue()


@pytest.mark.parametrize("text", [DAILY, SEARCH, BY_HAND, BY_HAND.replace(";", "\t"), DAILY.replace("\n", "\r\n")])
@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("tns.csv", str.encode),
        ("tns.csv", lambda text: text.encode("utf-8-sig")),
        ("tns.csv.gz", lambda text: gzip.compress(text.encode())),
        ("tns_public_objects.csv.zip", zipped),
        ("without an ending", str.encode),
    ],
)
def test_each_form_is_the_same_catalogue(tmp_path, text, name, packed):
    path = tmp_path / name
    path.write_bytes(packed(text))
    catalogue = load(path)
    # Without a type, or a position, an object is none.
    assert catalogue.types.tolist() == ["(TNS) SN Ia", "(TNS) SN II"]
    np.testing.assert_allclose(catalogue.ra_deg, [150.5, 359.9999], rtol=0, atol=1e-8)
    np.testing.assert_allclose(catalogue.dec_deg, [-2.25, 89.5], rtol=0, atol=1e-8)
    labels = tnsclass(np.array([150.5, 150.6]), np.array([-2.25, -2.25]), catalogue)
    assert labels.to_pylist() == ["(TNS) SN Ia", "Unknown"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 359.999), st.floats(-90, 90)), min_size=1, max_size=20))
def test_sexagesimal_is_read_as_astropy_reads_it(positions):
    ra, dec = (Angle(list(values), "deg") for values in zip(*positions, strict=True))
    texts = [axis.to_string(unit, sep=":", precision=4, pad=True) for axis, unit in ((ra, "hourangle"), (dec, "deg"))]
    rows = "\n".join(f"{one},{other},SN" for one, other in zip(*texts, strict=True))
    table = read_tns_csv(f"RA,DEC,Type\n{rows}\n".encode())
    np.testing.assert_allclose(table["ra"].to_numpy(), Angle(texts[0], "hourangle").deg, rtol=0, atol=1e-9)
    np.testing.assert_allclose(table["declination"].to_numpy(), Angle(texts[1], "deg").deg, rtol=0, atol=1e-9)


def test_just_below_the_equator_is_south(tmp_path):
    (tmp_path / "tns.csv").write_text("ra,declination,type\n00:00:00,-00:00:36,SN\n")
    assert load(tmp_path / "tns.csv").dec_deg.tolist() == [-0.01]


@pytest.mark.parametrize(
    ("data", "culprit"),
    [
        (b"", "it is empty"),
        (b"ra,dec\n1,2\n", "lacks type; it has ra, dec"),
        (b"not a table", "lacks ra, declination, type"),
        (b"ra,dec,type\n1,2,SN,3\n", "no CSV of 3 columns"),
        (b"ra,dec,type\n10h20m,2,SN\n", "ra holds what is neither a number of degrees nor in hours, 10:20:30.5"),
        (b"ra,dec,type\n1,10:61:00,SN\n", "declination holds what is neither"),
        (b"ra,dec,type\n25:00:00,2,SN\n", "ra holds 375.0"),
        (b"ra,dec,type\n10,200,SN\n", "declination holds 200.0"),  # the columns changed places
        (b"ra,dec,type\nnan,,SN\n", "no object with a position"),
        (b"ra,dec,type\n1,2,SN \xff\n", "no CSV"),
        (zipped(DAILY, SEARCH), "the zip holds 2 files"),
        (zipped(DAILY)[:-30], "can't be unpacked"),
        (gzip.compress(DAILY.encode())[:-20], "can't be unpacked"),
    ],
)
def test_what_is_no_catalogue_is_refused_with_the_forms(tmp_path, data, culprit):
    path = tmp_path / "tns.csv"
    path.write_bytes(data)
    with pytest.raises(RequestError, match=culprit) as caught:
        load(path)
    assert str(path) in caught.value.message
    for form in ("Parquet", "CSV", ".csv.zip", "declination", "10:20:30.5"):
        assert form in caught.value.accepted


def test_a_catalogue_of_no_object_leaves_all_unknown(tmp_path):
    path = tmp_path / "tns.csv"
    path.write_text("ra,declination,type\n")
    assert tnsclass(np.array([1.0]), np.array([2.0]), load(path)).to_pylist() == ["Unknown"]


def test_another_day_s_export_is_another_catalogue(tmp_path):
    path = tmp_path / "tns.csv"
    path.write_text(DAILY)
    planned = find_catalogue(str(path))
    load_tns_catalogue(planned)
    path.write_text(DAILY.replace("SN Ia", "SN Ib/c"))
    with pytest.raises(JobError, match="not the one with which the job was planned"):
        load_tns_catalogue(planned)


def test_a_request_takes_the_csv(tmp_path):
    folder = tmp_path / "archive/year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    candidate = [{"jd": 2459540.5, "ra": ra, "dec": -2.25} for ra in (150.5, 150.6)]
    pq.write_table(
        pa.table({"objectId": ["a", "b"], "candid": [1, 2], "candidate": candidate}), folder / "part-0.parquet"
    )
    (tmp_path / "tns.csv.zip").write_bytes(zipped(DAILY))
    request = engine.TransferRequest(
        archive=tmp_path / "archive",
        nights="2021-11-22",
        classes=["(TNS) SN Ia"],
        tns_catalogue=tmp_path / "tns.csv.zip",
    )
    found = engine.preview(request, settings=engine.Settings())
    assert found.select(["candid", "tnsclass"]).to_pylist() == [{"candid": 1, "tnsclass": "(TNS) SN Ia"}]
