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
from engine.enrichment import TnsClass, find_catalogue
from engine.enrichment.tns_csv import read_tns_csv
from engine.errors import JobError, RequestError

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


def matching(path: Path) -> TnsClass:
    return TnsClass(catalogue=find_catalogue(str(path)), ra_field="ra", dec_field="dec")


def matched(enrichment: TnsClass, ra: list[float], dec: list[float]) -> list[str]:
    return enrichment(pa.record_batch([pa.array(ra), pa.array(dec)], names=["ra", "dec"])).column(0).to_pylist()


def load(path: Path) -> tuple[str, ...]:
    """Read a catalogue, and return its notes."""
    return matching(path).notes()


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
    # Without a type, or a position, an object is none.
    assert matching(path).own_labels() == {"(TNS) SN Ia", "(TNS) SN II"}
    near, far = (1.49 / 3600, 1.51 / 3600)  # of 1.5 arcsec
    labels = matched(matching(path), [150.5, 150.5, 150.6, 359.9999], [-2.25 + near, -2.25 + far, -2.25, 89.5])
    assert labels == ["(TNS) SN Ia", "Unknown", "Unknown", "(TNS) SN II"]


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
    assert matched(matching(tmp_path / "tns.csv"), [0.0, 0.0], [-0.01, 0.01]) == ["(TNS) SN", "Unknown"]


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
        (b"ra,dec,type\n1,10h20m30s,SN\n", "declination holds what is neither.*it is in hours"),
        (b"ra,dec,type\n1 20 61.5,2,SN\n", "ra holds what is neither"),
        (b'ra,dec,type\n"1,5",2,SN\n', "ra holds what is neither"),  # a decimal comma between commas
        (b"ra,RA,dec,type\n1,20,2,SN\n", "its columns ra and RA could each be the ra"),
        (b"ra,ra,dec,type\n1,1,2,SN\n", "its columns ra and ra could each be the ra"),
        (b"ra,dec,declination,type\n1,2,2,SN\n", "its columns dec and declination could each"),
        (b"ra,dec,type,Obj. Type\n1,2,SN,SN\n", "its columns type and Obj. Type could each"),
        (b"\xff\xfer\x00\x00\xd8", "begins as UTF-16 and is none"),
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


FORMS = [
    ("10 02 00.00", "-02 15 00.0"),
    ("10h02m00.00s", "-02d15m00.0s"),
    ("10h 02m 00.00s", "-02° 15' 00.0''"),
    ("10H02M00S", "−02°15′00″"),
    ("150d30m00s", "-2d15m0s"),
    (" 10:02:00.00 ", "-02:15:00"),
    ("150.5", "-2.25"),
]


@pytest.mark.parametrize(("ra", "dec"), FORMS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_positions_are_read_in_each_form_that_is_clear(ra, dec, separator):
    lines = [["RA", "DEC", "Obj. Type"], [ra, dec, "SN Ia"]]
    table = read_tns_csv("\n".join(map(separator.join, lines)).encode())
    np.testing.assert_allclose([table["ra"][0].as_py(), table["declination"][0].as_py()], [150.5, -2.25], atol=1e-9)
    if "h" in ra:
        assert table["ra"][0].as_py() == pytest.approx(Angle(ra).deg)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_between_semicolons_and_tabs(separator):
    lines = [["ra", "dec", "type"], ["21,313", "-9,69", "SN Ia"], ["01:25:15,12", "-09:41:24,0", "SN II"]]
    table = read_tns_csv("\n".join(map(separator.join, lines)).encode())
    np.testing.assert_allclose(table["ra"].to_numpy(), [21.313, 21.313], atol=1e-9)
    np.testing.assert_allclose(table["declination"].to_numpy(), [-9.69, -9.69], atol=1e-9)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252"])
def test_each_encoding_is_read(encoding):
    text = "ra,dec,type,reporters\n150.5,-2.25,SN Ia,Hervé\n"
    table = read_tns_csv(text.encode(encoding))
    assert table.select(["ra", "type"]).to_pylist() == [{"ra": 150.5, "type": "SN Ia"}]


@pytest.mark.parametrize("pack", [lambda text: gzip.compress(text.encode()), zipped])
def test_what_unpacks_without_end_is_refused(pack):
    text = DAILY + "\n" * 10_000
    with pytest.raises(ValueError, match="unpacked it has more than 9,999 bytes"):
        read_tns_csv(pack(text), most_nbytes=9_999)
    assert read_tns_csv(pack(text), most_nbytes=len(text)).num_rows >= 3


def test_parquet_with_a_column_twice_is_refused(tmp_path):
    columns = [pa.array([1.0]), pa.array([1.0]), pa.array([2.0]), pa.array(["SN"])]
    pq.write_table(pa.table(columns, names=["ra", "ra", "declination", "type"]), tmp_path / "tns.parquet")
    with pytest.raises(RequestError, match="more than one column ra"):
        load(tmp_path / "tns.parquet")


def notes_on(tmp_path, ending: str, ra: list) -> tuple[str, ...]:
    path = tmp_path / f"tns{ending}"
    if ending == ".parquet":
        pq.write_table(pa.table({"ra": ra, "declination": [1.0] * len(ra), "type": ["SN"] * len(ra)}), path)
    else:
        path.write_text("ra,declination,type\n" + "".join(f"{one},1.0,SN\n" for one in ra))
    return load(path)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_plain_numbers_that_may_be_hours_are_noted(tmp_path, ending):
    hours = [21.3 + number / 10 for number in range(10)]
    (note,) = notes_on(tmp_path, ending, hours)
    for told in (str(tmp_path), "right ascensions", "at most 24", "read as degrees"):
        assert told in note
    assert notes_on(tmp_path, ending, [*hours, 24.5]) == ()
    assert notes_on(tmp_path, ending, hours[:9]) == ()
    # Hours as such are no numbers of degrees, wherever they are.
    assert notes_on(tmp_path, ".csv", [f"01:0{number}:00" for number in range(10)]) == ()


def test_a_catalogue_of_no_object_leaves_all_unknown(tmp_path):
    path = tmp_path / "tns.csv"
    path.write_text("ra,declination,type\n")
    assert matched(matching(path), [1.0], [2.0]) == ["Unknown"]


def test_another_day_s_export_is_another_catalogue(tmp_path):
    path = tmp_path / "tns.csv"
    path.write_text(DAILY)
    planned = matching(path)
    load(path)
    path.write_text(DAILY.replace("SN Ia", "SN Ib/c"))
    with pytest.raises(JobError, match="not the one with which the job was planned"):
        planned.own_labels()


def archive_of_two(tmp_path: Path, **columns: list) -> None:
    folder = tmp_path / "archive/year=2021/month=11/day=22"
    folder.mkdir(parents=True, exist_ok=True)
    candidate = [{"jd": 2459540.5, "ra": ra, "dec": -2.25} for ra in (150.5, 150.6)]
    pq.write_table(
        pa.table({"objectId": ["a", "b"], "candid": [1, 2], "candidate": candidate} | columns),
        folder / "part-0.parquet",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ra,declination,type\n", "no object with a type and a position"),
        ("ra,declination,type\n" + "10.03,-2.25,SN Ia\n" * 10, "read as degrees"),
    ],
)
def test_the_plan_notes_a_catalogue_that_gives_no_type(tmp_path, text, told):
    archive_of_two(tmp_path)
    (tmp_path / "tns.csv").write_text(text)
    values = {
        "archive": tmp_path / "archive",
        "nights": "2021-11-22",
        "classes": ["(TNS) SN Ia"],
        "tns_catalogue": tmp_path / "tns.csv",
    }
    plan = engine.plan(engine.TransferRequest(**values), settings=engine.Settings())
    assert sum(told in note for note in plan.notes) == 1
    # Where the archive has the types itself, the catalogue is not asked.
    archive_of_two(tmp_path, tnsclass=["(TNS) SN Ia", "Unknown"])
    plan = engine.plan(engine.TransferRequest(**values), settings=engine.Settings())
    assert not any(told in note for note in plan.notes)


def test_a_request_takes_the_csv(tmp_path):
    archive_of_two(tmp_path)
    (tmp_path / "tns.csv.zip").write_bytes(zipped(DAILY))
    request = engine.TransferRequest(
        archive=tmp_path / "archive",
        nights="2021-11-22",
        classes=["(TNS) SN Ia"],
        tns_catalogue=tmp_path / "tns.csv.zip",
    )
    found = engine.preview(request, settings=engine.Settings())
    assert found.select(["candid", "tnsclass"]).to_pylist() == [{"candid": 1, "tnsclass": "(TNS) SN Ia"}]
