"""Labels of a request: known ones pass, those that the archive has pass, all others are refused with the nearest."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.archive import Archive, cut_fragments
from engine.errors import RequestError
from engine.planning.labels import check_labels
from engine.sample.ztf import KINDS
from engine.sample.ztf.added import _FORMER_NAMES, _STARS
from engine.surveys import known_labels, names_of, nearest_labels, requested_classes, survey_named
from engine.surveys.simbad_names import RENAMED

NIGHT = dt.date(2021, 11, 22)
ZTF = survey_named("ztf")


def write(root: Path, files: list[dict[str, list]], night: dt.date = NIGHT) -> str:
    folder = root / f"year={night.year}/month={night.month:02d}/day={night.day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    for number, columns in enumerate(files):
        n = len(next(iter(columns.values())))
        candidate = [{"jd": 2459540.5, "ra": 10.0, "dec": float(i)} for i in range(n)]
        table = pa.table({"objectId": ["ZTF21a"] * n, "candid": range(n), "candidate": candidate, **columns})
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=2)
    return str(root)


def plan(archive: str, classes=(), exclude=(), nights="2021-11-22", **more) -> engine.TransferPlan:
    request = engine.TransferRequest(archive=archive, nights=nights, classes=classes, exclude_classes=exclude, **more)
    return engine.plan(request, settings=engine.Settings())


def catalogue(folder: Path, *types: str) -> str:
    n = len(types)
    pq.write_table(pa.table({"ra": [10.0] * n, "declination": [0.0] * n, "type": types}), folder / "tns.parquet")
    return str(folder / "tns.parquet")


def test_known_labels_are_those_of_fink_simbad_and_tns(shared_service, shared_archive):
    known = known_labels("ztf")
    assert [label for label, source in known.items() if source == "fink"] == [
        *("SN candidate", "Early SN Ia candidate", "Kilonova candidate", "Microlensing candidate"),
        *("Solar System candidate", "Solar System MPC", "Tracklet", "Ambiguous", "Unknown"),
    ]
    offered = {list_: (shared_service / f"{list_}_types.csv").read_text().split("\n") for list_ in ("simbad", "tns")}
    assert {label.strip() for label in offered["simbad"] if label.strip()} <= set(known)
    assert {f"(TNS) {label.strip()}" for label in offered["tns"] if label.strip()} <= set(known)
    for file in shared_archive.rglob("*.parquet"):
        assert set(pq.read_table(file, columns=["cdsxmatch"])["cdsxmatch"].to_pylist()) <= set(known)
    former = {name for names in _FORMER_NAMES.values() for name in names}
    sampled = {name for kind in KINDS for name, _ in kind.cdsxmatch} | {*_STARS, *former}
    assert {name for name in sampled if not name.startswith(("*", "Fail"))} <= set(known)
    assert {name for names in RENAMED for name in names} <= set(known)
    assert all(set(names_of(new)) >= {new, *old} for new, old in _FORMER_NAMES.items())
    assert known_labels("gaia") == {}


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("sn candidate", "SN candidate"),
        ("SNcandidate", "SN candidate"),
        ("solar system mpc", "Solar System MPC"),
        ("Kilonova candiate", "Kilonova candidate"),
        ("(SIMBAD) rrlyrae", "RRLyrae"),
        ("(TNS) sn ia", "(TNS) SN Ia"),
        ("(tns) SN Ia", "(TNS) SN Ia"),
        ("SN Ia", "(TNS) SN Ia"),
        ("Seyfert 1", "Seyfert1"),
        ("SN_candidate", "SN candidate"),
        ("(SIMBAD) SN*", "SN"),
        ("(SIMBAD) RR*", "RRLyr"),
        ("ALLCLASSES", "allclasses"),
    ],
)
def test_a_misspelled_label_is_refused_with_the_nearest(tmp_path, label, near):
    assert nearest_labels(label, [*known_labels("ztf"), "allclasses"])[0] == near
    archive = write(tmp_path, [{"finkclass": ["SN candidate"], "tnsclass": ["Unknown"]}])
    for chosen, excluded in (([label], []), ([], [label]), (["SN candidate", label], [])):
        with pytest.raises(RequestError, match="there is no class") as caught:
            plan(archive, chosen, excluded)
        assert repr(label) in str(caught.value)
        assert caught.value.next_step == f"did you mean {near!r}?"


def test_a_label_like_no_other_is_refused_too(tmp_path):
    archive = write(tmp_path, [{"finkclass": ["SN candidate", None]}])
    with pytest.raises(RequestError, match="'qqqqqqqqq'") as caught:
        plan(archive, ["qqqqqqqqq"])
    assert "other nights" in caught.value.next_step


def test_a_label_like_no_other_is_answered_with_what_the_nights_have(tmp_path):
    archive = write(tmp_path, [{"finkclass": ["Star", "x*y", None]}, {"finkclass": ["Mira"]}])
    with pytest.raises(RequestError, match=r"there is no class '\(SIMBAD\) qqqqqqqqq'") as caught:
        plan(archive, ["(SIMBAD) qqqqqqqqq"])
    assert caught.value.accepted.endswith("what the nights hold in finkclass: 'Mira', 'Star', 'x*y'")


def test_known_labels_pass_whatever_the_archive_has(tmp_path):
    archive = write(tmp_path, [{"finkclass": ["Star"], "tnsclass": ["Unknown"]}])
    for label in ("Kilonova candidate", "(SIMBAD) QSO", "QSO", "Mira", "(TNS) TDE", "allclasses", " SN candidate "):
        assert plan(archive, [label]).notes == ()
    assert plan(archive, exclude=["Ambiguous", "(SIMBAD) Blazar", "(TNS) SN II"]).notes == ()


def test_what_the_archive_has_is_never_refused(tmp_path):
    files = [{"finkclass": ["Star", "Star", "Star"]}, {"finkclass": ["Star"], "tnsclass": ["(TNS) SN Ixx"]}]
    files += [{"cdsxmatch": ["Star", "Star", "NewType*", None]}]  # the last file's finkclass is computed
    files += [{"finkclass": pa.array(["sn candidate", None]).dictionary_encode()}]
    archive = write(tmp_path, files)
    tns = catalogue(tmp_path, "SN Iyy")
    plan(archive, ["NewType*", "(SIMBAD) NewType*", "sn candidate"])
    plan(archive, ["Star"], ["NewType*"])
    plan(archive, ["(TNS) SN Ixx", "(TNS) SN Iyy"], tns_catalogue=tns)
    for label in ("(TNS) SN ixx", "SN Ixx", "newtype*"):
        with pytest.raises(RequestError, match="there is no class") as caught:
            plan(archive, [label], tns_catalogue=tns)
        assert "near it: " in caught.value.accepted
    assert caught.value.next_step == "did you mean 'NewType*'?"
    # Only the chosen nights count.
    write(tmp_path, [{"finkclass": ["Star"]}], NIGHT + dt.timedelta(days=1))
    with pytest.raises(RequestError, match="there is no class"):
        plan(archive, ["NewType*"], nights="2021-11-23")


def test_where_not_all_can_be_read_a_label_is_taken_with_a_note(tmp_path):
    archive = Archive(write(tmp_path, [{"finkclass": ["a", "b"]}, {"finkclass": ["sn candidate"]}]))
    footers = archive.footers(archive.files(archive.nights()))
    fragments = cut_fragments(footers, ["candid"], target_nbytes=1, max_alerts=1)
    assert len(fragments) == 2

    def notes(label: str, most_fragments: int) -> list[str]:
        return check_labels(
            requested_classes([label], [], ZTF), archive, fragments, ZTF.enrichments, most_fragments=most_fragments
        )

    assert notes("a", 1) == []
    (note,) = notes("sn candidate", 1)
    assert "first 1 of 2 fragments" in note
    assert "did you mean 'SN candidate'?" in note
    assert notes("sn candidate", 2) == []
    with pytest.raises(RequestError):
        notes("Sn candidate", 2)


def test_a_file_that_is_left_out_does_not_count(tmp_path):
    archive = write(tmp_path, [{"finkclass": ["Star", "x*y"]}])
    (file,) = tmp_path.rglob("part-0.parquet")
    spoilt = bytearray(file.read_bytes())
    metadata = pq.ParquetFile(file).metadata
    column = next(
        metadata.row_group(0).column(i)
        for i in range(metadata.num_columns)
        if metadata.row_group(0).column(i).path_in_schema == "finkclass"
    )
    start = column.dictionary_page_offset
    spoilt[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(spoilt)
    with pytest.raises(engine.ArchiveError, match="not Parquet that can be read"):
        plan(archive, ["x*y"])
    with pytest.raises(RequestError, match="there is no class"):
        plan(archive, ["x*y"], skip_unreadable=True)


def test_tns_types_need_a_column_or_a_catalogue(tmp_path):
    archive = write(tmp_path, [{"tnsclass": ["(TNS) SN Ia"]}])
    write(tmp_path, [{"finkclass": ["Star"]}], NIGHT + dt.timedelta(days=1))
    both = "2021-11-22:2021-11-23"
    for question in (
        {"classes": ["(TNS) SN Ia"]},
        {"exclude": ["(TNS) SN Ia"]},
        {"where": "tnsclass <> 'Unknown'"},
        {"classes": ["SN candidate", "(TNS) SN Ia"]},
    ):
        with pytest.raises(RequestError, match="1 of 2 nights have no tnsclass") as caught:
            plan(archive, nights=both, **question)
        assert "2021-11-23" in str(caught.value)
        assert "tns_catalogue=" in caught.value.next_step
        plan(archive, **question)
        plan(archive, nights=both, tns_catalogue=catalogue(tmp_path, "SN Ia"), **question)
    # A job that does not ask for them carries Unknown.
    preview = engine.preview(engine.TransferRequest(archive=archive, nights=both), settings=engine.Settings())
    assert preview["tnsclass"].to_pylist() == ["(TNS) SN Ia", "Unknown"]


def test_where_tnsclass_is_lacking_the_column_tns_is_named(tmp_path):
    archive = write(tmp_path, [{"tns": ["SN Ia", "", None]}])
    write(tmp_path, [{"tns": ["SN Ia"], "tnsclass": ["(TNS) SN Ia"]}], NIGHT + dt.timedelta(days=1))
    write(tmp_path, [{"finkclass": ["Star"]}], NIGHT + dt.timedelta(days=2))
    ia = {"classes": ["(TNS) SN Ia"]}
    for nights, question, told in (
        ("2021-11-22", ia, "which the alerts of them have: where=\"tns = 'SN Ia'\""),
        ("2021-11-22:2021-11-23", ia, "which the alerts of them have"),
        ("2021-11-22:2021-11-24", ia, "which the alerts of 1 of these 2 nights have"),
        ("2021-11-22", {"exclude": ["(TNS) SN II", "Star", "(TNS) SN Ia"]}, "where=\"tns IN ('SN II', 'SN Ia')\""),
        ("2021-11-22", {"where": "tnsclass <> 'Unknown'"}, "where=\"tns = 'SN Ia'\""),
    ):
        with pytest.raises(RequestError, match="no tnsclass") as caught:
            plan(archive, nights=nights, **question)
        assert told in caught.value.next_step
        assert "tns_catalogue=" in caught.value.next_step
    with pytest.raises(RequestError, match="no tnsclass") as caught:
        plan(archive, nights="2021-11-24", **ia)
    assert "column tns" not in caught.value.next_step
    # What is named does it.
    request = engine.TransferRequest(archive=archive, nights="2021-11-22:2021-11-23", where="tns = 'SN Ia'")
    assert engine.preview(request, settings=engine.Settings())["tns"].to_pylist() == ["SN Ia", "SN Ia"]


# --- Types that SIMBAD renamed --------------------------------------------------------------------------------------

LATER = dt.date(2024, 8, 4)
BOTH = ["2021-11-22", "2024-08-04"]


@pytest.fixture
def two_generations(tmp_path) -> str:
    """A night with old names, one of which is computed, and one with new names; candids 0, 1, … in each."""
    old = {"finkclass": ["RRLyr", "Candidate_EB*", "EB*_Candidate", "Star", None]}
    write(tmp_path, [old, {"cdsxmatch": ["RRLyr", "Unknown"]}])
    return write(tmp_path, [{"finkclass": ["RRLyrae", "EclBin_Candidate", "EclBin", "Mira"]}], LATER)


def preview(archive: str, classes=(), exclude=(), **more) -> list[str | None]:
    request = engine.TransferRequest(archive=archive, nights=BOTH, classes=classes, exclude_classes=exclude, **more)
    return engine.preview(request, settings=engine.Settings(), limit=100)["finkclass"].to_pylist()


@pytest.mark.parametrize("prefix", ["", "(SIMBAD) "])
def test_either_name_takes_alerts_of_both(two_generations, prefix):
    for name in ("RRLyr", "RRLyrae"):
        assert preview(two_generations, [prefix + name]) == ["RRLyr", "RRLyr", "RRLyrae"]
        rest = ["Candidate_EB*", "EB*_Candidate", "Star", None, "Unknown", "EclBin_Candidate", "EclBin", "Mira"]
        assert preview(two_generations, exclude=[prefix + name]) == rest
    for name in ("Candidate_EB*", "EB*_Candidate", "EclBin_Candidate"):
        assert preview(two_generations, [prefix + name]) == ["Candidate_EB*", "EB*_Candidate", "EclBin_Candidate"]
    # An old name is known where the archive has only the new one.
    assert preview(two_generations, [prefix + "EB*"]) == ["EclBin"]


def test_a_condition_means_the_name_alone_and_the_plan_tells_the_other(two_generations):
    assert preview(two_generations, where="finkclass = 'RRLyr'") == ["RRLyr", "RRLyr"]
    assert "RRLyrae" in preview(two_generations, where="finkclass <> 'RRLyr'")
    assert preview(two_generations, where="cdsxmatch = 'RRLyr'") == ["RRLyr"]
    (note,) = class_notes(two_generations, where="finkclass = 'RRLyr'")
    assert "RRLyr and not RRLyrae" in note
    assert class_notes(two_generations, where="finkclass IN ('RRLyr', 'RRLyrae')") == []
    assert class_notes(two_generations, where="objectId = 'RRLyr'") == []


def class_notes(archive: str, classes=(), exclude=(), **more) -> list[str]:
    notes = plan(archive, classes, exclude, nights=BOTH, **more).notes
    return [note for note in notes if "computed" not in note and "missing" not in note]


def test_the_plan_tells_the_names_without_reading_an_alert(two_generations, monkeypatch):
    def read(*_):
        raise AssertionError("the plan read alerts")

    monkeypatch.setattr(Archive, "read_leaves", read)
    (kept,) = class_notes(two_generations, ["(SIMBAD) RRLyr", "Mira"])
    assert kept.startswith("RRLyr and RRLyrae are one class")
    assert "2022" in kept
    assert "either name are kept" in kept
    assert kept.endswith("where finkclass = 'RRLyr'")
    (dropped,) = class_notes(two_generations, ["SN candidate"], ["EclBin_Candidate"])
    assert dropped.startswith("EclBin_Candidate, Candidate_EB* and EB*_Candidate are one class")
    assert "each name are left out" in dropped
    for classes in (["RRLyr", "(SIMBAD) RRLyrae"], ["allclasses", "RRLyr"], ["SN candidate", "Mira"]):
        assert class_notes(two_generations, classes) == []
    many = [names[0] for names in RENAMED]
    assert len(told := class_notes(two_generations, many)) == 6
    assert f"{len(many) - 5} more" in told[-1]


def test_a_class_that_is_asked_for_and_left_out_is_told(two_generations):
    for classes, exclude, named in (
        (["Star", "Mira"], ["(SIMBAD) Mira"], "'Mira' is asked for and left out"),
        (["RRLyr"], ["RRLyrae"], "'RRLyr' is asked for and left out at once, under its other name RRLyrae"),
    ):
        assert named in class_notes(two_generations, classes, exclude)[-1]
    assert preview(two_generations, ["RRLyr", "Star"], ["RRLyrae"]) == ["Star"]
    assert not any("asked for" in note for note in class_notes(two_generations, ["allclasses"], ["Mira"]))


def test_a_label_of_no_list_is_found_under_its_other_name(tmp_path):
    archive = Archive(write(tmp_path, [{"finkclass": ["EclBin"]}]))
    fragments = cut_fragments(
        archive.footers(archive.files(archive.nights())), ["candid"], target_nbytes=1, max_alerts=9
    )
    survey = replace(ZTF, name="a survey without a list")
    assert check_labels(requested_classes(["EB*"], [], survey), archive, fragments, ()) == []
    with pytest.raises(RequestError, match="there is no class"):
        check_labels(requested_classes(["WD*"], [], survey), archive, fragments, ())
