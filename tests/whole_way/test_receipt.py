"""The receipt of a real job against the archive, as pyarrow reads it, and against what came to disk."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import consumer
import engine
from consumer.dataset.folder import home_of
from consumer.receipt import receipt_text
from consumer.wire import digest_candids

NIGHTS = ["2021-11-22", "2021-11-23", "2021-11-25"]
WITHOUT = "2021-11-24"
WHERE = "candidate.magpsf > 18"


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Three nights; the first holds one file twice, the last one file that is no Parquet."""
    nights = [dt.date.fromisoformat(night) for night in NIGHTS]
    made = engine.write_sample(tmp_path_factory.mktemp("receipt"), nights=nights, alerts_per_night=150, seed=5)
    files = sorted(Path(made.archive).rglob("*.parquet"))
    shutil.copy(files[0], files[0].with_name("part-99998.parquet"))
    files[-1].with_name("part-99999.parquet").write_text("no Parquet")
    return Path(made.archive)


def night_of(file: Path) -> str:
    return "-".join(f"{int(part.split('=')[1]):02d}" for part in file.parts[-4:-1])


def in_archive(archive: Path) -> dict[str, dict[str, Any]]:
    """Return per night what pyarrow finds: alerts, candids of those that WHERE selects, duplicates."""
    found = {}
    for file in sorted(archive.rglob("*.parquet")):
        night = found.setdefault(night_of(file), {"candids": [], "selected": []})
        if file.name == "part-99999.parquet":
            continue
        for alert in pq.ParquetFile(file).read(columns=["candid", "candidate.magpsf"]).to_pylist():
            night["candids"].append(alert["candid"])
            if alert["candidate"]["magpsf"] > 18:
                night["selected"].append(alert["candid"])
    return found


def digest(candids: list[int]) -> str:
    return f"{digest_candids(np.array(candids, dtype=np.int64)):032x}"


def test_a_receipt_agrees_with_archive_and_disk(archive, kafka, dask_client, tmp_path):
    request = engine.TransferRequest(
        archive=archive, nights=f"{NIGHTS[0]}:{NIGHTS[-1]}", where=WHERE, skip_unreadable=True
    )
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().state == "complete"
    receipt = engine.job(job.topic, kafka=kafka).receipt()
    assert (receipt.state, receipt.complete, receipt.problems) == ("complete", True, [])

    truth = in_archive(archive)
    assert list(receipt.nights) == NIGHTS
    for night, counts in receipt.nights.items():
        there = truth[night]
        assert counts.num_alerts == len(there["candids"])
        selected = len(there["selected"])
        assert (counts.num_selected, counts.num_sent, counts.num_acknowledged) == (selected,) * 3
        assert counts.num_duplicates == len(there["candids"]) - len(set(there["candids"]))
        assert counts.num_files_left_out == (night == NIGHTS[-1])
    assert receipt.nights[NIGHTS[0]].num_duplicates > 0
    selected = [candid for night in NIGHTS for candid in truth[night]["selected"]]
    assert 0 < len(selected) < receipt.totals.num_alerts
    assert receipt.totals.num_sent == len(selected) == job.status().num_alerts_sent
    assert receipt.digest == digest(selected)
    assert receipt.nights_without_data == [WITHOUT]

    files = sorted(file for file in archive.rglob("*.parquet") if file.name != "part-99999.parquet")
    assert [(item["path"], item["size"], item["night"], item["read"]) for item in receipt.files] == [
        (str(file), file.stat().st_size, night_of(file), "whole") for file in files
    ]
    (left_out,) = receipt.left_out
    assert Path(left_out.path).name == "part-99999.parquet"
    for fragment in receipt.fragments:
        path = receipt.files[fragment["file"]]["path"]
        table = pq.ParquetFile(path).read_row_groups(fragment["row_groups"], columns=["candid", "candidate.magpsf"])
        candids = [alert["candid"] for alert in table.to_pylist() if alert["candidate"]["magpsf"] > 18]
        assert (fragment["num_alerts"], fragment["num_sent"]) == (len(table), len(candids))
        assert fragment["digest"] == digest(candids)

    outdir = tmp_path / "out"
    assert consumer.consume(job.topic, outdir, kafka=kafka).complete
    kept = json.loads((home_of(outdir) / "receipt.json").read_text())
    on_disk = kept.pop("on_disk")
    document = receipt.to_dict()
    assert document.pop("on_disk") is None
    assert kept == json.loads(json.dumps(document))
    # The night's second copies of an alert are alerts of their own: they came as often as the archive has them.
    came = pq.read_table(outdir, columns=["candid"])["candid"].to_pylist()
    assert sorted(came) == sorted(selected)
    assert (on_disk["num_alerts"], on_disk["digest"], on_disk["complete"]) == (len(came), digest(came), True)
    told = (home_of(outdir) / "receipt.txt").read_text()
    assert told.startswith(receipt_text(receipt))


def test_a_limit_leaves_nights_uncounted_and_fragments_unread(archive, kafka, dask_client):
    request = engine.TransferRequest(archive=archive, nights=NIGHTS[:2], limit=7)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().state == "complete"
    receipt = job.receipt()
    assert (receipt.complete, receipt.problems, receipt.totals.num_sent) == (True, [], 7)
    first = next(iter(receipt.files))
    assert receipt.digest == digest(pq.read_table(first["path"], columns=["candid"])["candid"].to_pylist()[:7])
    assert receipt.nights[NIGHTS[1]].num_sent == 0
