"""The sample of LSST's alerts: of its nights, the same from the same seed, and read by everything else."""

import io

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from astropy.io import fits

import engine
from consumer.wire import utc_days
from engine.errors import InputError

NIGHTS = ["2025-12-31", "2026-01-01"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return engine.write_sample(
        tmp_path_factory.mktemp("lsst"), survey="lsst", nights=NIGHTS, alerts_per_night=200, seed=1
    )


@pytest.fixture(scope="module")
def alerts(sample):
    return ds.dataset(sample.archive, partitioning="hive").to_table()


def test_alerts_are_of_the_nights_that_hold_them(sample, alerts):
    assert (sample.num_alerts, sample.num_files, sample.nights) == (400, 2, NIGHTS)
    times = pc.struct_field(alerts["diaSource"], "midpointMjdTai").to_numpy()
    dates = utc_days(times, "mjd_tai").astype("datetime64[D]").astype(str)
    folders = [
        f"{row['year']}-{row['month']:02d}-{row['day']:02d}"
        for row in alerts.select(["year", "month", "day"]).to_pylist()
    ]
    assert dates.tolist() == folders


def test_it_has_what_trips_readers_up(alerts):
    identifiers = alerts["diaSourceId"].to_pylist()
    assert len(set(identifiers)) == len(identifiers)
    assert identifiers == pc.struct_field(alerts["diaSource"], "diaSourceId").to_pylist()
    moving = pc.struct_field(alerts["pred"], "is_sso").to_pylist()
    assert 0 < sum(moving) < len(moving) / 4
    assert pc.struct_field(alerts["diaObject"], "diaObjectId").is_null().to_pylist() == moving
    assert alerts["ssSource"].is_valid().to_pylist() == moving
    assert pc.struct_field(alerts["diaSource"], "psfLnL").null_count == len(alerts)
    assert pc.min(pc.struct_field(alerts["diaSource"], "psfFlux")).as_py() < 0
    assert pc.sum(pc.list_value_length(alerts["prvDiaSources"])).as_py() > 0
    assert len(set(pc.struct_field(alerts["diaSource"], "band").to_pylist())) == 6
    with fits.open(io.BytesIO(alerts["cutoutScience"][0].as_py())) as stamp:
        assert stamp[0].data.shape == (30, 30)
        assert np.isfinite(stamp[0].data).all()


def test_objects_are_seen_again(alerts):
    seen = pc.struct_field(alerts["diaObject"], "diaObjectId").drop_null().to_pylist()
    assert len(set(seen)) < len(seen)


def test_the_same_seed_gives_the_same_alerts(alerts, tmp_path):
    again = engine.write_sample(tmp_path, survey="lsst", nights=NIGHTS[1], alerts_per_night=200, seed=1)
    found = ds.dataset(again.archive, partitioning="hive").to_table()
    assert found.equals(alerts.filter(pc.equal(alerts["year"], 2026)))


def test_every_field_of_it_is_described(sample):
    found = engine.fields(sample.archive, survey="lsst")
    undescribed = {field.name for field in found.fields if field.meaning is None}
    assert not {name for name in undescribed if not name.startswith(("lc_features", "misc"))}
    (flux,) = [field for field in found.fields if field.name == "diaSource.psfFlux"]
    assert flux.unit == "nJy"


def test_what_it_does_not_have_is_refused(tmp_path):
    with pytest.raises(InputError, match="profile"):
        engine.write_sample(tmp_path, survey="lsst", profile="2021")
    with pytest.raises(InputError, match="2021-11-22"):
        engine.write_sample(tmp_path, survey="lsst", nights="2021-11-22")
    with pytest.raises(InputError, match="elasticc"):
        engine.write_sample(tmp_path, survey="elasticc")
