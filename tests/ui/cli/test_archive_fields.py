"""`alert-transfer archive fields` as a user types it."""

import datetime as dt
import json

import pytest

from engine.sample import write_sample
from tests.command_line import run_here


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> str:
    nights = [dt.date(2021, 11, 22), dt.date(2025, 7, 31)]
    return write_sample(tmp_path_factory.mktemp("sample"), nights=nights, alerts_per_night=10).archive


def test_a_field_is_found_with_its_unit_and_nights(sample):
    done = run_here("archive", "fields", "--archive", sample, "--like", "magps")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith("candidate.magpsf ")]
    assert line.split()[:5] == ["candidate.magpsf", "double", "mag", "2/2", "0%"]
    assert "point spread function" in line
    assert "candidate.ra " not in done.stdout
    assert "20 alerts in 2 nights" in done.stdout
    assert "prv_candidates[0].mag" in done.stdout


def test_json_is_one_document_with_every_field(sample):
    done = run_here("archive", "fields", "--archive", sample, "--nights", "2025-07-31", "--json")
    assert done.stdout.count("\n") == 1
    document = json.loads(done.stdout)
    assert document["nights"] == ["2025-07-31"]
    assert (document["num_archive_nights"], document["num_alerts"]) == (2, 10)
    fields = {field["name"]: field for field in document["fields"]}
    assert len(fields) > 200
    magnitude = fields["candidate.magpsf"]
    assert (magnitude["unit"], magnitude["kind"], magnitude["null_share"]) == ("mag", "leaf", 0)
    assert magnitude["meaning"]
    assert "ZTF" in magnitude["source"]
    assert fields["prv_candidates[].magpsf"]["in_conditions"] is False


def test_wrong_input_exits_2(sample):
    done = run_here("archive", "fields", "--archive", sample, "--nights", "2000-01-01")
    assert done.returncode == 2
    assert "2021-11-22 to 2025-07-31" in done.stderr
