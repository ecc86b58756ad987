"""Estimates of a sample archive, beside what its filter finds."""

import json
import shutil

import numpy as np
import pytest

import engine
from engine.conditions import filter_table
from engine.estimation import DoneJob, estimate_plan, remember_job, scaled, seconds_of, within_limit
from engine.pipeline import NarrowReader, read_content
from engine.schema import encode

NIGHTS = ["2021-11-22", "2021-11-23", "2021-11-24"]
WHERE = "candidate.magpsf > 18.8"
SETTINGS = engine.Settings()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    nights = engine.TransferRequest(nights=NIGHTS).dates()
    return engine.write_sample(tmp_path_factory.mktemp("estimates"), nights=nights, alerts_per_night=400).archive


@pytest.fixture
def large(monkeypatch):
    """Have an archive of a thousand alerts count as one that is sampled."""
    monkeypatch.setattr("engine.estimation.estimating.SMALL", 100)


def request_of(archive: str, where: str | None = WHERE, **more: object) -> engine.TransferRequest:
    return engine.TransferRequest(archive=archive, nights=NIGHTS, where=where, **more)


def found_in(request: engine.TransferRequest) -> dict[str, object]:
    """What a job would send, by its own parts."""
    plan = engine.plan(request, settings=SETTINGS)
    per_night, per_class, nbytes = dict.fromkeys(NIGHTS, 0), {}, 0
    for fragment in plan.fragments:
        positions = filter_table(NarrowReader(selection=plan.selection)(fragment), plan.selection.predicate.sql)
        for _, block in read_content(plan.selection, fragment, positions):
            per_night[fragment.file.night.isoformat()] += len(block)
            nbytes += sum(map(len, encode(block, plan.schema).to_pylist()))
            for label in block["finkclass"].to_pylist():
                per_class[label] = per_class.get(label, 0) + 1
    return {"per_night": per_night, "per_class": per_class, "nbytes": nbytes, "num_alerts": sum(per_night.values())}


def test_a_small_archive_is_counted_whole(archive):
    found, truth = engine.estimate(request_of(archive), settings=SETTINGS), found_in(request_of(archive))
    assert found.exact
    assert found.num_alerts == found.num_alerts_low == found.num_alerts_high == truth["num_alerts"]
    assert found.per_night == truth["per_night"]
    assert found.per_class == truth["per_class"]
    assert found.nbytes == pytest.approx(truth["nbytes"], rel=0.1)
    assert found.sampled.num_alerts == found.sampled.num_archive_alerts == 1200
    assert not found.from_cache


@pytest.mark.parametrize("content", ["full", "cutouts"])
def test_bytes_are_those_of_the_content(archive, content):
    request = request_of(archive, content=content)
    found = engine.estimate(request, settings=SETTINGS)
    assert found.nbytes == pytest.approx(found_in(request)["nbytes"], rel=0.1)


def test_of_a_larger_one_a_tenth_is_looked_at(archive, large, monkeypatch):
    # Which alerts a seed draws hangs on the files' place and time too. Each run shall draw the same ones: of intervals
    # that hold the truth in 95 of 100 cases, two of a dozen miss it often enough.
    monkeypatch.setattr("engine.estimation.estimating.key_of", lambda plan, selection, column: "these alerts")
    truth, held = found_in(request_of(archive))["num_alerts"], []
    plan = engine.plan(request_of(archive), settings=SETTINGS)
    for seed in range(40):
        found = estimate_plan(plan, settings=SETTINGS, seed=seed)
        assert not found.exact
        assert found.sampled.num_alerts <= 120
        assert sum(found.per_night.values()) == sum(found.per_class.values()) == found.num_alerts
        held.append(found.num_alerts_low <= truth <= found.num_alerts_high)
    assert np.mean(held) >= 0.92
    assert estimate_plan(plan, settings=SETTINGS, seed=3) == estimate_plan(plan, settings=SETTINGS, seed=3)


def test_all_alerts_are_counted_on_demand_and_once(archive, large):
    truth = found_in(request_of(archive))
    told: list[tuple[int, int]] = []
    first = engine.estimate(request_of(archive), settings=SETTINGS, exact=True, progress=lambda *at: told.append(at))
    assert (first.exact, first.from_cache, first.num_alerts) == (True, False, truth["num_alerts"])
    assert (first.per_night, first.per_class) == (truth["per_night"], truth["per_class"])
    assert told[-1] == (1200, 1200)
    for exact in (True, False):
        again = engine.estimate(request_of(archive, content="full"), settings=SETTINGS, exact=exact)
        assert (again.exact, again.from_cache, again.num_alerts) == (True, True, truth["num_alerts"])
    other = engine.estimate(request_of(archive, "candidate.magpsf > 18.9"), settings=SETTINGS)
    assert not other.from_cache


def test_what_was_counted_counts_no_longer_once_a_file_has_changed(archive, large, tmp_path):
    here = tmp_path / "science"
    shutil.copytree(archive, here)
    engine.estimate(request_of(str(here)), settings=SETTINGS, exact=True)
    night = next(here.glob("year=2021/month=11/day=22"))
    (one, *_) = sorted(night.glob("*.parquet"))
    shutil.copy(one, night / "once-more.parquet")
    again = engine.estimate(request_of(str(here)), settings=SETTINGS, exact=True)
    assert not again.from_cache
    assert again.num_alerts > found_in(request_of(archive))["num_alerts"]


def test_a_cluster_counts_the_same(archive, large, dask_client):
    found = engine.estimate(request_of(archive), settings=SETTINGS, exact=True, client=dask_client)
    truth = found_in(request_of(archive))
    assert (found.per_night, found.per_class) == (truth["per_night"], truth["per_class"])


def test_without_conditions_nothing_is_counted(archive, large):
    found = engine.estimate(request_of(archive, None), settings=SETTINGS)
    assert (found.exact, found.num_alerts) == (True, 1200)
    assert found.per_night == dict.fromkeys(NIGHTS, 400)
    assert sum(found.per_class.values()) == 1200


def test_a_limit_is_the_most_and_is_filled_night_by_night(archive):
    whole = engine.estimate(request_of(archive), settings=SETTINGS)
    limit = whole.per_night[NIGHTS[0]] + 5
    found = engine.estimate(request_of(archive, limit=limit), settings=SETTINGS)
    assert (found.num_alerts, found.exact, found.limit) == (limit, True, limit)
    assert found.per_night == {NIGHTS[0]: limit - 5, NIGHTS[1]: 5, NIGHTS[2]: 0}
    assert sum(found.per_class.values()) == limit
    assert found.nbytes == pytest.approx(whole.nbytes * limit / whole.num_alerts, rel=0.01)


def test_statistics_tell_at_once_that_there_is_none(archive, large):
    bounds: list[int] = []
    found = engine.estimate(request_of(archive, "candidate.fid > 50"), settings=SETTINGS, on_bounds=bounds.append)
    assert bounds == [0]
    assert (found.num_alerts, found.num_alerts_high, found.exact) == (0, 0, True)
    assert found.sampled.num_alerts == 0


def test_the_catalogues_counts_are_taken_where_only_classes_are_asked_for(archive, large, monkeypatch):
    class Known:
        def class_counts(self, survey, nights, *, files=None):
            return {night: {"finkclass": {"SN candidate": 7, "Unknown": 80}} for night in nights}

    monkeypatch.setattr("engine.estimation.estimating.open_catalogue", lambda archive, settings: Known())
    found = engine.estimate(request_of(archive, None, classes=["SN candidate"]), settings=SETTINGS)
    assert (found.num_alerts, found.exact, found.per_class) == (21, True, {"SN candidate": 21})
    bounds: list[int] = []
    some = engine.estimate(request_of(archive, classes=["SN candidate"]), settings=SETTINGS, on_bounds=bounds.append)
    assert bounds == [21]
    assert some.num_alerts_high <= 21


def test_an_estimate_reads_well_and_has_the_keys_that_scripts_use(archive, large):
    found = engine.estimate(request_of(archive), settings=SETTINGS)
    told = json.loads(json.dumps(found.to_dict()))
    assert {"num_alerts", "num_alerts_low", "num_alerts_high", "exact", "nbytes", "per_night", "per_class"} <= set(told)
    assert {"sampled", "seconds", "notes", "from_cache"} <= set(told)
    text = str(found)
    assert f"about {found.num_alerts} alerts (" in text  # of hundreds, no digit is left out
    assert "not known yet how long it takes" in text
    assert "120 of 1,200 alerts" in text
    assert "<table>" in found._repr_html_()
    assert "alerts" in repr(found)


def test_limits_that_are_passed_are_told_and_are_no_error(archive):
    settings = engine.Settings(limits={"max_alerts": 5, "max_nights": 2})
    notes = engine.estimate(request_of(archive), settings=settings).notes
    assert [note for note in notes if "5 at most" in note and "alerts at least" in note]
    assert [note for note in notes if "3 nights, 2 at most" in note]


def test_seconds_are_those_of_the_job_most_like_it(cache):
    assert seconds_of("host:9092", "full", 1_000, 10) is None
    small = DoneJob(
        topic="a",
        content="full",
        num_archive_alerts=1_000,
        num_alerts=10,
        nbytes=1_000,
        elapsed_s=3.0,
        first_alert_s=1.0,
    )
    large = DoneJob(
        topic="b",
        content="full",
        num_archive_alerts=100_000,
        num_alerts=10,
        nbytes=50_000,
        elapsed_s=41.0,
        first_alert_s=1.0,
    )
    for job in (small, large, small):
        remember_job("host:9092", job)
    assert seconds_of("host:9092", "full", 1_000, 1_000) == 3.0
    assert seconds_of("host:9092", "full", 200_000, 50_000) == 81.0
    assert seconds_of("host:9092", "lightcurve", 1_000, 1_000) is None
    assert seconds_of("other:9092", "full", 1_000, 1_000) is None
    assert seconds_of(None, "full", 1_000, 1_000) is None


def test_a_cache_that_can_not_be_read_or_written_is_done_without(archive, large, cache):
    engine.estimate(request_of(archive), settings=SETTINGS, exact=True)
    (kept,) = (cache / "estimates").glob("*.json")
    kept.write_text('{"per_night": ')
    assert not engine.estimate(request_of(archive), settings=SETTINGS, exact=True).from_cache
    for file in (cache / "estimates").iterdir():
        file.unlink()
    (cache / "estimates").rmdir()
    (cache / "estimates").write_text("in the way")
    found = engine.estimate(request_of(archive), settings=SETTINGS, exact=True)
    assert found.exact


def test_parts_add_up_to_the_whole():
    assert scaled({"a": 1.0, "b": 1.0, "c": 1.0}, 10) == {"a": 4, "b": 3, "c": 3}
    assert scaled({"a": 0.0}, 3) == {"a": 0}
    assert within_limit({"2021-11-23": 9, "2021-11-22": 4}, 6) == {"2021-11-22": 4, "2021-11-23": 2}
