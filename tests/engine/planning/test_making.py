"""Planning goes through the archive once, and a third enrichment needs no more than to be named by a survey."""

import pickle
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import engine
from consumer.wire import Manifest, decode_record, encode_record
from engine.archive import Archive
from engine.enrichment import TnsClass, catalogue_of, find_catalogue
from engine.errors import AlertTransferError, ArchiveError, RequestError
from engine.planning import make_plan
from engine.schema import paths
from engine.surveys import Classes, LabelForm, registry, survey_named
from engine.transfer.manifest_plan import plan_records, task_of
from tests.engine.pipeline.enriched import MAGNITUDES, NUM_ALERTS, write

NIGHT = "2021-11-22"


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "archive")
    write(tmp_path / "archive", part=1, finkclass=["SN candidate"] * NUM_ALERTS)
    return tmp_path / "archive"


def plan(root, settings=None, **more) -> engine.TransferPlan:
    return engine.plan(
        engine.TransferRequest(archive=str(root), nights=NIGHT, **more), settings=settings or engine.Settings()
    )


# --- One way through ------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch) -> Counter[str]:
    """How often the archive was asked for what."""
    found = Counter()

    def counted(name):
        original = getattr(Archive, name)

        def call(self, *args, **kwargs):
            found[name] += 1
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Archive, name, call)

    for name in ("listing", "footers", "nights", "files", "read_leaves", "read_blocks"):
        counted(name)
    return found


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"where": "candidate.magpsf > 3 AND finkclass = 'Star'", "classes": ["SN candidate"]},
        {"content": "fields", "fields": ["candidate.magpsf"], "exclude_classes": ["(SIMBAD) RRLyr"]},
    ],
)
def test_the_archive_is_listed_once_and_footers_are_read_once(root, calls, more):
    made = plan(root, **more)
    assert calls == {"listing": 1, "footers": 1}
    assert made.num_archive_alerts == 2 * NUM_ALERTS
    assert [fragment.lacking for fragment in made.fragments] == [("finkclass", "tnsclass"), ("tnsclass",)]


def test_alerts_are_read_only_for_a_label_of_no_list(root, calls):
    with pytest.raises(RequestError, match="there is no class 'strange'"):
        plan(root, classes=["strange"])
    assert calls == {"listing": 1, "footers": 1, "read_leaves": 2}


def test_each_label_is_sought_once_and_the_catalogue_is_looked_at_once(root, tmp_path, monkeypatch):
    path = tmp_path / "tns.parquet"
    pq.write_table(pa.table({"ra": [10.0], "declination": [3.0], "type": ["SN Ia"]}), path)
    sought, looked = Counter(), []
    column_and_names, notes = Classes.column_and_names, TnsClass.notes

    def seek(self, label):
        sought[label] += 1
        return column_and_names(self, label)

    def look(self):
        looked.append(self.catalogue)
        return notes(self)

    monkeypatch.setattr(Classes, "column_and_names", seek)
    monkeypatch.setattr(TnsClass, "notes", look)
    made = plan(root, classes=["RRLyr", "(TNS) SN Ia"], exclude_classes=["Mira", "RRLyr"], tns_catalogue=str(path))
    assert sought == {"RRLyr": 1, "(TNS) SN Ia": 1, "Mira": 1}
    assert looked == [find_catalogue(str(path))]
    assert made.labels == ("RRLyr", "RRLyrae", "(TNS) SN Ia")
    assert any("RRLyr" in note and "left out at once" in note for note in made.notes)


def test_of_several_mistakes_the_first_on_the_way_is_told(root, tmp_path):
    """Each request has the mistakes of all that come after it, too."""
    mistakes = {
        "has no data of 1999-01-01": {"nights": "1999-01-01"},
        "widen= names fields": {"widen": ["candid"]},
        "TNS catalogue .* can't be read": {"tns_catalogue": str(tmp_path / "none.csv")},
        "magpfs": {"where": "candidate.magpfs > 3"},
        "two prefixes": {"classes": ["(TNS) (TNS) SN Ia"]},
        "'candidate.nothing'": {"content": "fields", "fields": ["candidate.nothing"]},
    }
    for number, told in enumerate(mistakes):
        values = {key: value for rest in list(mistakes.values())[number:] for key, value in rest.items()}
        request = engine.TransferRequest(**{"archive": str(root), "nights": NIGHT, **values})
        with pytest.raises(AlertTransferError, match=told):
            engine.plan(request, settings=engine.Settings())


def test_no_archive_and_no_readable_file_are_told(tmp_path):
    with pytest.raises(RequestError, match="names no archive"):
        engine.plan(engine.TransferRequest(nights=NIGHT), settings=engine.Settings())
    write(tmp_path)
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(b"no Parquet")
    with pytest.raises(ArchiveError, match="not Parquet"):
        plan(tmp_path)
    with pytest.raises(ArchiveError, match="none of the 1 files"):
        plan(tmp_path, skip_unreadable=True)


def test_what_a_class_is_computed_of_must_be_what_it_needs(tmp_path):
    write(tmp_path, cdsxmatch=[{"type": "Star"}] * NUM_ALERTS)
    with pytest.raises(ArchiveError, match="cdsxmatch is struct") as caught:
        plan(tmp_path)
    assert "finkclass" in caught.value.accepted
    write(tmp_path, cdsxmatch=[{"type": "Star"}] * NUM_ALERTS, finkclass=["Star"] * NUM_ALERTS)
    plan(tmp_path)  # nothing is computed of it
    write(tmp_path, finkclass=[["Star"]] * NUM_ALERTS)
    with pytest.raises(ArchiveError, match="finkclass is list") as caught:
        plan(tmp_path)
    assert caught.value.accepted == "text"


# --- What travels ---------------------------------------------------------------------------------------------------


class Anywhere:
    """Where alerts would go."""

    def take_up(self, plan):
        return self


def test_the_manifest_holds_the_catalogue_and_gives_the_same_selection_back(root, tmp_path):
    path = tmp_path / "tns.parquet"
    pq.write_table(pa.table({"ra": [10.0], "declination": [3.0], "type": ["SN Ia"]}), path)
    for catalogue in (None, str(path)):
        made = plan(root, tns_catalogue=catalogue, where="candidate.magpsf > 3")
        how = {"topic": "t", "job_id": "j", "num_partitions": 1, "created_at": 0.0, "max_message_nbytes": 1_000_000}
        records = [decode_record(encode_record(record)[1]) for record in plan_records(made, **how)]
        found = find_catalogue(catalogue) if catalogue else None
        expected = {"path": found.path, "version": found.version} if found else None
        assert records[0].details["tns_catalogue"] == expected
        selection = task_of(Manifest(records), Anywhere(), {}).selection
        assert selection.enrichments == made.selection.enrichments
        assert catalogue_of(selection.enrichments) == found
        assert replace(selection, archive=made.selection.archive) == made.selection


# --- A third enrichment ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Brightness:
    """Names alerts by their magnitude."""

    name: ClassVar[str] = "brightness"
    needs: ClassVar[pa.Schema] = pa.schema([("candidate.magpsf", pa.float64()), ("rb", pa.float64())])
    adds: ClassVar[pa.Schema] = pa.schema([("brightness", pa.string()), ("flux", pa.float64())])

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        magnitude = batch.column("candidate.magpsf")
        names = pc.if_else(pc.less(magnitude, 4.0), "bright", "faint")
        return pa.record_batch([names, pc.power(10.0, pc.multiply(magnitude, -0.4))], schema=self.adds)


@pytest.fixture
def with_a_third(monkeypatch):
    ztf = survey_named("ztf")
    monkeypatch.setitem(registry.SURVEYS, "ztf", replace(ztf, enrichments=(*ztf.enrichments, Brightness())))


def test_a_third_enrichment_comes_out_as_columns_of_every_content(root, with_a_third):
    for content in ("lightcurve", "medium", "full"):
        made = plan(root, content=content)
        assert made.selection.projection.schema.names[-4:] == ["finkclass", "tnsclass", "brightness", "flux"]
        assert made.schema["fields"][-1]["name"] == "flux"
    request = engine.TransferRequest(archive=str(root), nights=NIGHT, content="fields", fields=["candidate.magpsf"])
    table = engine.preview(request, settings=engine.Settings(), limit=NUM_ALERTS)
    assert table["brightness"].to_pylist() == ["bright" if value < 4 else "faint" for value in MAGNITUDES]
    assert table["flux"].to_pylist() == pytest.approx([10 ** (-0.4 * value) for value in MAGNITUDES])


def test_a_third_enrichment_stands_in_conditions_and_in_the_list_of_fields(root, with_a_third):
    request = engine.TransferRequest(
        archive=str(root), nights=NIGHT, where="brightness = 'bright' AND flux < 0.5 AND finkclass <> 'Star'"
    )
    table = engine.preview(request, settings=engine.Settings(), limit=100)
    assert table["candid"].to_pylist() == [1, 2, 3]
    assert set(table["brightness"].to_pylist()) == {"bright"}
    found = {field.name: field for field in engine.fields(str(root), settings=engine.Settings()).fields}
    assert found["flux"].type == "double"
    assert found["flux"].null_share == 0


def test_what_a_third_enrichment_lacks_is_told(root, with_a_third):
    (note,) = [note for note in plan(root).notes if "brightness" in note]
    assert note == "brightness and flux are computed without rb in 1 of 1 nights"


def test_a_catalogue_that_nothing_is_matched_with_is_told(root, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.SURVEYS, "ztf", replace(survey_named("ztf"), enrichments=()))
    path = tmp_path / "tns.parquet"
    pq.write_table(pa.table({"ra": [10.0], "declination": [3.0], "type": ["SN Ia"]}), path)
    made = plan(root, tns_catalogue=str(path))
    assert [note for note in made.notes if "catalogue is not used" in note]
    assert "tnsclass" not in made.selection.projection.schema.names
    assert not any("catalogue" in note for note in plan(root, settings=engine.Settings(tns_catalogue=str(path))).notes)


def test_a_survey_without_classes_refuses_labels(root, monkeypatch):
    monkeypatch.setitem(registry.SURVEYS, "ztf", replace(survey_named("ztf"), enrichments=(), classes=Classes()))
    plan(root)
    with pytest.raises(RequestError, match="'SN candidate'") as caught:
        plan(root, classes=["SN candidate"])
    assert caught.value.accepted == "'allclasses'"
    assert plan(root, classes=["allclasses"]).selection.predicate.sql is None


def test_a_third_enrichment_can_hold_classes(root, with_a_third, monkeypatch):
    ztf = survey_named("ztf")
    form = LabelForm(prefix="(MAG)", column="brightness", kind="how bright an alert is", example="(MAG) bright")
    classes = replace(ztf.classes, forms=(*ztf.classes.forms, form))
    monkeypatch.setitem(registry.SURVEYS, "ztf", replace(ztf, classes=classes))
    request = engine.TransferRequest(
        archive=str(root), nights=NIGHT, classes=["(MAG) bright", "(TNS) none"], exclude_classes=["Star"]
    )
    with pytest.raises(RequestError, match="Transient Name Server"):
        engine.plan(request, settings=engine.Settings())
    request = replace(request, classes=["(MAG) bright"])
    (note,) = [note for note in engine.plan(request, settings=engine.Settings()).notes if "MAG" in note]
    assert "brightness" in note
    table = engine.preview(request, settings=engine.Settings(), limit=100)
    assert table["candid"].to_pylist() == [0, 1, 2, 3]
    with pytest.raises(RequestError, match="names no class") as caught:
        plan(root, classes=["(MAG)"])
    assert "(MAG) bright" in caught.value.accepted


# --- Footers from elsewhere -------------------------------------------------------------------------------------------


class KnownFooters:
    """Knows all footers, with more of them than a plan asks for."""

    with_nulls, ranges_of = True, ("candidate.jd",)

    def __init__(self, root):
        archive = Archive(str(root))
        read = archive.footers(archive.files(archive.nights()), with_nulls=True, ranges_of=["candidate.jd"])
        # Through pickle: no schema is the same object as that of a file that is read.
        self._footers = {footer.file.path: footer for footer in pickle.loads(pickle.dumps(read))}

    def known(self, files, *, with_nulls, ranges_of):
        """Return all of them."""
        return self._footers

    def learned(self, footers):
        """Fail: there is nothing to learn."""
        raise AssertionError(footers)


def test_a_plan_of_known_footers_is_the_plan_of_footers_that_are_read(root, monkeypatch):
    source = KnownFooters(root)
    request = engine.TransferRequest(archive=str(root), nights=NIGHT, where="candidate.magpsf > 3")
    read = make_plan(request, engine.Settings())
    monkeypatch.setattr("engine.archive.archive.read_tail", None)
    known = make_plan(request, engine.Settings(), source=source)
    assert known.notes == read.notes
    assert known.fragments == read.fragments
    assert [fragment.lacking for fragment in known.fragments] == [("finkclass", "tnsclass"), ("tnsclass",)]
    assert known.schema == read.schema
    assert known.archive_schema.equals(read.archive_schema, check_metadata=True)
    assert known.to_dict() == read.to_dict()
    records = [list(plan_records(p, topic="t", job_id="j", num_partitions=2, created_at=1.0)) for p in (read, known)]
    assert list(map(encode_record, records[0])) == list(map(encode_record, records[1]))


def test_of_each_distinct_schema_is_asked_once_however_many_files_have_it(tmp_path, monkeypatch):
    for part in range(12):
        write(tmp_path, part=part, **({"finkclass": ["SN candidate"] * NUM_ALERTS} if part % 4 == 0 else {}))
    asked = Counter()
    original = paths.names_along

    def counted(schema, path):
        asked[path] += 1
        return original(schema, path)

    monkeypatch.setattr(paths, "names_along", counted)
    made = plan(tmp_path, where="candidate.magpsf > 3")
    assert len(made.fragments) == 12
    assert asked["finkclass"]
    assert max(asked.values()) < 12
