"""How a plan is told: in the user's terms, short whatever its size, the predicate on demand."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.surveys import known_labels

NIGHT = dt.date(2021, 11, 22)


@pytest.fixture
def archive(tmp_path) -> str:
    """An archive of one alert."""
    folder = tmp_path / f"year={NIGHT.year}/month={NIGHT.month:02d}/day={NIGHT.day:02d}"
    folder.mkdir(parents=True)
    candidate = [{"jd": 2459540.5, "ra": 10.0, "dec": 0.0, "magpsf": 18.0}]
    table = pa.table({"objectId": ["ZTF21a"], "candid": [1], "candidate": candidate, "finkclass": ["Unknown"]})
    pq.write_table(table, folder / "part-0.parquet")
    return str(tmp_path)


def plan(archive: str, **more) -> engine.TransferPlan:
    request = engine.TransferRequest(archive=archive, nights=NIGHT, **more)
    return engine.plan(request, settings=engine.Settings())


def test_one_of_each_is_told_in_the_singular(archive):
    text = str(plan(archive))
    assert "1 in 1 file, 1 fragment\n" in text
    assert not {"files", "fragments"} & set(text.split())


def test_the_predicate_is_told_on_demand_alone(archive):
    found = plan(archive, where="candidate.magpsf < 19", classes=["Unknown"])
    sql = found.to_dict()["sql"]
    assert sql not in str(found)
    assert "candidate.magpsf < 19" in str(found), "as the user wrote it"
    assert sql in found.to_text(debug=True)
    assert "candidate.magpsf, finkclass" in found.to_text(debug=True)


def test_long_lists_are_cut_and_say_so(archive):
    where = ";\n".join(f"candidate.magpsf < {n}" for n in range(100, 200))
    labels = sorted(label for label, source in known_labels("ztf").items() if source == "fink")
    more = {"classes": ["Unknown", *labels], "exclude_classes": [*labels, *labels]}
    found = plan(archive, where=where, content="fields", fields=["candid", "candidate"], **more)
    text = str(found)
    assert "and 80 more lines" in text
    assert "candidate.magpsf < 199" not in text
    assert f"and {2 * len(labels) - 10} more" in text
    assert "content     fields: " in text
    assert "candid, " in text, "the columns that a list of fields gives"
    assert len(text.splitlines()) < 60
    assert found.to_dict()["request"]["where"] == where


def test_a_notebook_shows_a_table_with_every_text_escaped(archive):
    found = plan(archive, where="objectId = '<script>alert(1)</script>'")
    shown = found._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert f"{Path(archive).name}" in shown
    assert found.to_dict()["sql"] not in shown
    assert "\n" not in repr(found)
    assert "1 alert in 1 night" in repr(found)


def test_the_fields_of_an_archive_are_shown_short(archive):
    found = engine.fields(archive, settings=engine.Settings())
    assert "in 1 alert of 1 night" in repr(found)
    assert len(repr(found)) < 200 + len(archive)
    shown = found._repr_html_()
    assert "candidate.magpsf" in shown
    assert shown.count("<tr>") > len(found.fields)
