"""A receipt says what was sent of what, adds up, and never calls complete what isn't."""

import dataclasses
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import consumer
from consumer.dataset.folder import home_of
from consumer.errors import JobError
from consumer.receipt import make_receipt, receipt_text
from consumer.wire import (
    FragmentDone,
    Heartbeat,
    LeftOut,
    Manifest,
    NightDone,
    Plan,
    PlanPart,
    StateChange,
    digest_candids,
)

NIGHTS = ["2020-02-28", "2021-11-22", "2021-11-23"]


@dataclasses.dataclass(frozen=True)
class Planned:
    """A fragment, and what becomes of it: `sent` of its alerts, nothing yet (None), or left out (a reason)."""

    file: int
    num_alerts: int
    sent: int | None = None
    unreadable: str | None = None


def file(index: int, night: str) -> dict:
    return {
        "index": index,
        "path": f"{night}/{index}.parquet",
        "size": 100 + index,
        "etag": f"e{index}",
        "night": night,
    }


def digest_of(fragment: int, num_sent: int) -> int:
    return digest_candids(np.arange(num_sent, dtype=np.int64) + 1000 * fragment)


def manifest_of(files, planned, *, state="complete", counted=(), records=(), **plan) -> Manifest:
    """Return the manifest of a job in two parts, its finished fragments in reverse order."""
    head = {
        "job_id": "a",
        "topic": "ftransfer_x",
        "engine_version": "0.1.0",
        "created_at": 1000.0,
        "request": {"nights": ["2020-01-01:2021-12-31"], "where": "a > 1;\nb > 2;"},
        "num_partitions": 3,
        "num_files": len(files),
        "num_fragments": len(planned),
        "num_parts": 2,
        "num_alerts": None,
        "schema": {"type": "record", "name": "r", "fields": []},
        "time_field": "jd",
        "id_field": "candid",
    }
    cut = [
        {"fragment": n, "file": item.file, "row_groups": [n], "num_alerts": item.num_alerts}
        for n, item in enumerate(planned)
    ]
    middle = len(cut) // 2
    made = [
        Plan(**(head | plan)),
        PlanPart(job_id="a", index=1, files=[], fragments=cut[middle:]),
        PlanPart(job_id="a", index=0, files=files, fragments=cut[:middle]),
        StateChange(job_id="a", state="queued", time=1001.0),
        StateChange(job_id="a", state="running", time=1002.0),
    ]
    for n, item in reversed(list(enumerate(planned))):
        if item.sent is not None or item.unreadable:
            num_sent = item.sent or 0
            split = {0: num_sent // 2, 2: num_sent - num_sent // 2}
            made.append(
                FragmentDone(
                    job_id="a",
                    fragment=n,
                    num_alerts=item.num_alerts,
                    num_selected=num_sent,
                    num_sent=num_sent,
                    nbytes=10 * num_sent,
                    partitions={partition: k for partition, k in split.items() if k},
                    digest=f"{digest_of(n, num_sent):032x}",
                    time=1010.0 + n,
                    unreadable=item.unreadable,
                )
            )
    for night, num_duplicates in counted:
        made.append(NightDone(job_id="a", night=night, num_alerts=1, num_duplicates=num_duplicates, time=1100.0))
    made += records
    if state != "running":
        error = {"message": "the disk is full", "accepted": None, "next": None} if state == "failed" else None
        made.append(StateChange(job_id="a", state=state, time=1200.0, error=error))
    return Manifest(made)


def three_nights(**more) -> Manifest:
    """Return a job of three nights, four files and five fragments, one of them unreadable."""
    files = [file(0, NIGHTS[0]), file(1, NIGHTS[1]), file(2, NIGHTS[1]), file(3, NIGHTS[2])]
    planned = [
        Planned(0, 10, 4),
        Planned(1, 20, 20),
        Planned(1, 30, 0),
        Planned(2, 40, unreadable="row group 3 is torn"),
        Planned(3, 50, 7),
    ]
    return manifest_of(files, planned, **more)


def rows(text: str) -> dict[str, list[str]]:
    """Return the table in a receipt's text, by the first column."""
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(("night ", "year "))) + 1
    last = next(n for n, line in enumerate(lines) if line.startswith("all "))
    split = [re.split(r" {2,}", line) for line in lines[first : last + 1]]
    return {name: cells for name, *cells in split}


def test_a_receipt_counts_by_night_and_in_all():
    receipt = make_receipt(
        three_nights(counted=[(NIGHTS[0], 0), (NIGHTS[1], 3), (NIGHTS[2], 1)], nights_without_data=["2021-11-24"])
    )
    by_night = {
        night: (
            c.num_files,
            c.num_alerts,
            c.num_selected,
            c.num_sent,
            c.num_acknowledged,
            c.num_duplicates,
            c.num_left_out,
        )
        for night, c in receipt.nights.items()
    }
    assert by_night == {
        NIGHTS[0]: (1, 10, 4, 4, 4, 0, 0),
        NIGHTS[1]: (2, 90, 20, 20, 20, 3, 40),
        NIGHTS[2]: (1, 50, 7, 7, 7, 1, 0),
    }
    assert list(receipt.nights) == NIGHTS
    totals = receipt.totals
    assert (totals.num_files, totals.num_fragments, totals.num_fragments_done) == (4, 5, 5)
    assert (totals.num_alerts, totals.num_sent, totals.num_duplicates, totals.num_left_out) == (150, 31, 4, 40)
    assert receipt.nbytes == 310
    assert receipt.nights_without_data == ["2021-11-24"]
    assert receipt.left_out == [
        LeftOut(path=f"{NIGHTS[1]}/2.parquet", row_groups=[3], num_alerts=40, reason="row group 3 is torn")
    ]
    assert (receipt.state, receipt.complete, receipt.problems) == ("complete", True, [])
    assert (receipt.created_at, receipt.started_at, receipt.ended_at, receipt.as_of) == (1000.0, 1002.0, 1200.0, 1200.0)


def test_a_receipt_names_every_file_and_every_finished_fragment():
    files = [file(0, NIGHTS[0]), file(1, NIGHTS[0]), file(2, NIGHTS[1]), file(3, NIGHTS[1])]
    planned = [Planned(0, 5, 5), Planned(1, 5, 5), Planned(1, 5), Planned(2, 5, unreadable="torn")]
    receipt = make_receipt(manifest_of(files, planned, state="cancelled"))
    assert [item.pop("read") for item in receipt.files] == ["whole", "partly", "no", "whole"]
    assert receipt.files == files
    assert [item["fragment"] for item in receipt.fragments] == [0, 1, 3]
    assert receipt.fragments[1] == {
        "fragment": 1,
        "file": 1,
        "row_groups": [1],
        "num_alerts": 5,
        "num_selected": 5,
        "num_sent": 5,
        "num_acknowledged": 5,
        "digest": f"{digest_of(1, 5):032x}",
        "unreadable": None,
    }
    assert receipt.fragments[2]["unreadable"] == "torn"
    everything = np.concatenate([np.arange(5) + 1000 * n for n in range(2)])
    assert receipt.digest == f"{digest_candids(everything):032x}"


def test_a_receipt_counts_each_name_of_the_chosen_classes():
    manifest = three_nights(labels=["RRLyr", "RRLyrae", "(TNS) SN Ia"])
    for number, labels in ((0, {"RRLyr": 3}), (1, {"RRLyr": 1_500, "(TNS) SN Ia": 2}), (2, {})):
        manifest.fragments[number] = dataclasses.replace(manifest.fragments[number], labels=labels)
    receipt = make_receipt(manifest)
    assert receipt.labels == {"RRLyr": 1_503, "RRLyrae": 0, "(TNS) SN Ia": 2}
    told = receipt_text(receipt)
    assert "classes     RRLyr: 1,503 alerts sent\n            RRLyrae: 0 alerts sent\n" in told
    many = receipt_text(make_receipt(three_nights(labels=[f"class {n}" for n in range(300)])))
    assert "and 290 more" in many
    assert len(many.splitlines()) < 50
    # A manifest of before they were counted, or a job of all classes, says nothing of them.
    assert make_receipt(three_nights()).labels == {}
    assert "alerts sent" not in receipt_text(make_receipt(three_nights()))


def test_a_file_without_alerts_is_read_and_leaves_nothing_to_count():
    receipt = make_receipt(manifest_of([file(0, NIGHTS[0]), file(1, NIGHTS[1])], [Planned(0, 5, 5)]))
    assert [item["read"] for item in receipt.files] == ["whole", "whole"]
    only = receipt.nights[NIGHTS[1]]
    assert (only.num_files, only.num_fragments, only.num_alerts, only.num_duplicates) == (1, 0, 0, 0)


def test_what_the_archive_could_not_give_stands_in_its_night():
    lost = {"path": "x", "size": 7, "etag": None, "night": "2021-11-30", "reason": "no Parquet"}
    receipt = make_receipt(three_nights(unreadable_files=[lost], counted=[(night, 0) for night in NIGHTS]))
    only = receipt.nights["2021-11-30"]
    assert (only.num_files, only.num_alerts, only.num_files_left_out, only.num_duplicates) == (0, 0, 1, None)
    assert receipt.totals.num_files_left_out == 1
    assert receipt.totals.num_duplicates is None
    assert [part.path for part in receipt.left_out] == ["x", f"{NIGHTS[1]}/2.parquet"]
    text = receipt_text(receipt)
    assert rows(text)["2021-11-30"] == ["0", "0", "0", "0", "not counted", "0 and 1 file"]
    assert "no Parquet" in text
    assert "complete: every alert that fulfils the conditions was sent, but for what could not be read" in text


def test_files_that_could_not_be_read_at_all_are_of_the_archive_too():
    lost = {"path": "x", "size": 7, "etag": None, "night": "2021-11-30", "reason": "Couldn't read:\n  no\nParquet"}
    receipt = make_receipt(three_nights(unreadable_files=[lost]))
    assert (receipt.totals.num_files, receipt.totals.num_files_left_out) == (4, 1)
    text = receipt_text(receipt)
    assert "5 of the archive, 2 of them not read or not to the end" in text
    assert "  Couldn't read: no Parquet\n" in text + "\n"
    assert rows(text)["all"][-1] == "40 and 1 file"


def test_duplicates_are_null_while_a_night_is_not_counted():
    receipt = make_receipt(three_nights(counted=[(NIGHTS[0], 2)]))
    assert [counts.num_duplicates for counts in receipt.nights.values()] == [2, None, None]
    assert receipt.totals.num_duplicates is None
    assert rows(receipt_text(receipt))["all"][-2:] == ["not counted", "40"]


@pytest.mark.parametrize("state", ["running", "queued", "failed", "cancelled"])
def test_a_job_that_has_not_ended_well_never_reads_as_complete(state):
    manifest = three_nights(state=state)
    receipt = make_receipt(manifest)
    assert (receipt.state, receipt.complete) == (state, False)
    assert (receipt.ended_at is None) == (state in ("running", "queued"))
    text = receipt_text(receipt)
    assert f"{state}: NOT COMPLETE, this is what was sent until 1970-01-01 00:" in text
    assert (receipt.error is not None) == ("error       the disk is full" in text) == (state == "failed")
    receipt = make_receipt(manifest, state="interrupted")
    assert (receipt.state, receipt.complete) == ("interrupted", False)
    assert "interrupted: NOT COMPLETE" in receipt_text(receipt)


def test_a_receipt_is_as_of_the_last_sign_of_life():
    beat = Heartbeat(job_id="a", coordinator="c", time=1500.0)
    assert make_receipt(three_nights(state="running", records=[beat])).as_of == 1500.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"partitions": {0: 3}}, "fragment 0 sent 4 alerts, its partitions name 3"),
        ({"num_selected": 6}, "fragment 0 sent 4 of 6 alerts without a limit"),
        ({"num_alerts": 11}, "fragment 0 names 11 alerts, the plan 10"),
        ({"fragment": 77}, "fragment 77 is in no part of the plan"),
    ],
)
def test_records_that_disagree_are_told_and_not_complete(wrong, told):
    manifest = three_nights()
    first = manifest.fragments.pop(0)
    changed = dataclasses.replace(first, **wrong)
    manifest.fragments[changed.fragment] = changed
    receipt = make_receipt(manifest)
    assert told in receipt.problems
    assert not receipt.complete
    if changed.fragment == 0:
        counts = receipt.nights[NIGHTS[0]]
        assert (counts.num_sent, counts.num_acknowledged) == (4, sum(changed.partitions.values()))
    assert "complete, but the records disagree: " in receipt_text(receipt)


def test_a_complete_job_with_an_unfinished_fragment_is_none_unless_a_limit_was_reached():
    files, planned = [file(0, NIGHTS[0])], [Planned(0, 10, 4), Planned(0, 10)]
    receipt = make_receipt(manifest_of(files, planned))
    (problem,) = receipt.problems
    assert "1 of its 2 fragments" in problem
    assert "not finished" in problem
    assert not receipt.complete
    limited = make_receipt(manifest_of(files, planned, request={"limit": 4}))
    assert (limited.problems, limited.complete) == ([], True)
    assert "the first 4 alerts that fulfil the conditions were sent, as the limit asks" in receipt_text(limited)
    assert not make_receipt(manifest_of(files, planned, request={"limit": 5})).complete


def test_an_empty_job_is_complete_and_says_so():
    receipt = make_receipt(manifest_of([file(0, NIGHTS[0])], [Planned(0, 10, 0)], state="empty"))
    assert (receipt.complete, receipt.totals.num_sent, receipt.digest) == (True, 0, "0" * 32)
    assert "empty: no alert fulfils the conditions" in receipt_text(receipt)


@pytest.mark.parametrize("records", [[], [None]])
def test_without_a_whole_plan_there_is_no_receipt(records):
    with pytest.raises(JobError, match="no whole plan"):
        make_receipt(Manifest(records))
    whole = three_nights()
    del whole.parts[1]
    with pytest.raises(JobError, match="no whole plan"):
        make_receipt(whole)


planned_fragments = st.tuples(st.integers(0, 5), st.integers(0, 50), st.integers(0, 4), st.floats(0, 1)).map(
    lambda t: Planned(t[0], t[1], sent=int(t[1] * t[3]) if t[2] > 1 else None, unreadable="torn" if t[2] == 1 else None)
)


@settings(deadline=None)
@given(st.lists(planned_fragments, max_size=20), st.lists(st.sampled_from(NIGHTS), min_size=6, max_size=6))
def test_totals_are_the_sum_of_the_nights_and_of_the_fragments(planned, nights):
    files = [file(index, night) for index, night in enumerate(nights)]
    receipt = make_receipt(manifest_of(files, planned, state="running"))
    for name in ("num_files", "num_fragments", "num_alerts", "num_selected", "num_sent", "num_left_out"):
        assert getattr(receipt.totals, name) == sum(getattr(counts, name) for counts in receipt.nights.values())
    assert receipt.totals.num_alerts == sum(item.num_alerts for item in planned)
    assert receipt.totals.num_sent == sum(item.sent or 0 for item in planned if not item.unreadable)
    assert receipt.totals.num_left_out == sum(item.num_alerts for item in planned if item.unreadable)
    assert int(receipt.digest, 16) == sum(int(item["digest"], 16) for item in receipt.fragments) % 2**128
    document = receipt.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert set(document) == {"receipt_version", *(field.name for field in dataclasses.fields(receipt))}


def test_a_large_jobs_document_is_whole_and_its_text_short():
    days = np.arange("2019-11-01", "2024-11-01", dtype="datetime64[D]").astype(str).tolist()
    files = [file(index, days[index % len(days)]) for index in range(40_000)]
    planned = [Planned(index, 100, 10) for index in range(40_000)]
    lost = [{**file(n, "2025-01-01"), "reason": f"reason {n}"} for n in range(25)]
    receipt = make_receipt(manifest_of(files, planned, nights_without_data=days[:30], unreadable_files=lost))
    document = json.loads(json.dumps(receipt.to_dict()))
    assert len(document["files"]) == len(document["fragments"]) == 40_000
    assert len(document["nights"]) == len(days) + 1
    assert document["totals"]["num_sent"] == 400_000
    text = receipt_text(receipt)
    assert len(text.splitlines()) < 50
    table = rows(text)
    assert list(table) == [
        f"{year}, {n} night{'s' * (n > 1)}"
        for year, n in zip(range(2019, 2026), (61, 366, 365, 365, 365, 305, 1), strict=True)
    ] + ["all"]
    assert table["all"][:4] == ["4,000,000", "400,000", "400,000", "400,000"]
    assert "2019-11-10, and 20 more" in text
    assert "and 15 more" in text


def test_a_text_of_few_nights_names_each():
    text = receipt_text(make_receipt(three_nights(counted=[(night, 1) for night in NIGHTS])))
    assert rows(text) == {
        NIGHTS[0]: ["10", "4", "4", "4", "1", "0"],
        NIGHTS[1]: ["90", "20", "20", "20", "1", "40"],
        NIGHTS[2]: ["50", "7", "7", "7", "1", "0"],
        "all": ["150", "31", "31", "31", "3", "40"],
    }
    assert "\n            where: a > 1;\n            b > 2;\n" in text
    assert "an alert before them in the same night has already" in text
    assert all(line == line.rstrip() and len(line) < 120 for line in text.splitlines())


def test_a_receipt_needs_no_kafka():
    code = "import sys, consumer.receipt as r; assert r.make_receipt; assert 'dask' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr


# Beside the data


def kept(outdir: Path) -> tuple[dict, str]:
    home = home_of(outdir)
    return json.loads((home / "receipt.json").read_text()), (home / "receipt.txt").read_text()


def test_a_consumer_keeps_the_receipt_and_says_what_is_on_disk(make_job, tmp_path):
    job, outdir = make_job(), tmp_path / "out"
    job.state("running")
    for fragment in range(3):
        job.send(fragment)
        job.done(fragment)
    consumer.consume(job.topic, outdir, kafka=job.kafka, wait=False, limit=45)
    document, text = kept(outdir)
    assert (document["state"], document["complete"], document["totals"]["num_sent"]) == ("running", False, 150)
    disk = document["on_disk"]
    assert (disk["num_alerts"], disk["num_alerts_expected"], disk["complete"]) == (45, 220, False)
    assert disk["num_missing"] == 175
    assert disk["outdir"] == str(outdir)
    assert sum(gap["missing"] for gap in disk["gaps"]) == 150 - 45
    assert "running: NOT COMPLETE" in text
    assert "45 of 220 alerts in 1 file: NOT COMPLETE, 175 are missing" in text

    job.send(3)
    job.done(3)
    job.state("complete")
    assert consumer.consume(job.topic, outdir, kafka=job.kafka).complete
    document, text = kept(outdir)
    assert (document["state"], document["complete"], document["problems"]) == ("complete", True, [])
    assert document["totals"]["num_sent"] == document["on_disk"]["num_alerts"] == 220
    assert document["on_disk"]["digest"] == document["digest"]
    candids = pq.read_table(outdir, columns=["candid"])["candid"].to_numpy()
    assert f"{digest_candids(candids):032x}" == document["digest"]
    assert (document["on_disk"]["gaps"], document["on_disk"]["complete"]) == ([], True)
    assert document["nights"]["2021-11-22"]["num_acknowledged"] == 220
    assert document["request"] == job.plan.request
    assert "count and digest of every fragment are those that were sent" in text
    assert sorted(path.suffix for path in outdir.rglob("*") if path.is_file()) == [".parquet"] * 3
    assert not list(home_of(outdir).glob("*.tmp"))


def test_another_alert_in_place_of_one_is_told_on_disk(make_job, tmp_path):
    job, outdir = make_job(sizes=(4, 5)), tmp_path / "out"
    job.state("running")
    job.send(0)
    job.done(0)
    job.send(1)
    job._alerts[1][2] = {**job._alerts[1][2], "candid": 12}
    job.done(1)
    job.state("complete")
    assert not consumer.consume(job.topic, outdir, kafka=job.kafka).complete
    document, text = kept(outdir)
    assert (document["complete"], document["on_disk"]["complete"]) == (True, False)
    assert document["on_disk"]["gaps"] == [{"fragment": 1, "missing": 1, "excess": 1}]
    assert document["on_disk"]["num_alerts"] == 9
    assert "1 fragment is not what was sent" in text


def test_restart_and_an_emptied_folder_leave_no_receipt_of_before(make_job, tmp_path):
    first, second, outdir = make_job().run(), make_job(sizes=(5,)), tmp_path / "out"
    consumer.consume(first.topic, outdir, kafka=first.kafka)
    (home_of(outdir) / "receipt.json.tmp").write_text("a crash left this")
    second.run()
    consumer.consume(second.topic, outdir, kafka=second.kafka, restart=True)
    document, text = kept(outdir)
    assert document["topic"] == second.topic
    assert second.topic in text
    assert document["on_disk"]["num_alerts"] == 5
    assert not list(home_of(outdir).glob("*.tmp"))


def test_a_draft_that_a_crash_left_does_not_bar_the_folder(make_job, tmp_path):
    job, outdir = make_job(sizes=(5,)).run(), tmp_path / "out"
    home_of(outdir).mkdir()
    (home_of(outdir) / "job.json.tmp").write_text('{"topic"')
    assert consumer.consume(job.topic, outdir, kafka=job.kafka).complete


def test_a_run_that_fails_leaves_the_receipt_of_what_it_wrote(make_job, tmp_path):
    job, outdir = make_job(num_partitions=1), tmp_path / "out"
    job.state("running")
    job.send(0)
    job.done(0)
    started = time.monotonic()

    def stop(progress) -> None:
        if any(outdir.rglob("*.parquet")) or time.monotonic() - started > 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consumer.consume(job.topic, outdir, kafka=job.kafka, progress=stop, round_nbytes=500)
    document, _ = kept(outdir)
    assert (document["state"], document["complete"], document["on_disk"]["complete"]) == ("running", False, False)
    on_disk = sum(pq.read_metadata(path).num_rows for path in outdir.rglob("*.parquet"))
    assert document["on_disk"]["num_alerts"] == on_disk > 0


# The files' own proof


def test_verify_sees_a_flipped_byte_in_any_page(make_job, tmp_path):
    job, outdir = make_job(sizes=(300,)).run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none")
    (path,) = outdir.rglob("*.parquet")
    whole = path.read_bytes()
    assert consumer.verify(outdir).complete
    group = pq.read_metadata(path).row_group(0)
    flipped = 0
    for number in range(group.num_columns):
        chunk = group.column(number)
        first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
        # A page ends with its body: the dictionary's before the data page, the last data page's with the chunk.
        ends = {first + chunk.total_compressed_size, chunk.data_page_offset} - {first}
        for at in sorted(end - 1 for end in ends):
            altered = bytearray(whole)
            altered[at] ^= 0x01
            path.write_bytes(altered)
            proof = consumer.verify(outdir)
            assert not proof.complete, chunk.path_in_schema
            assert proof.missing == 300
            assert path.name in proof.problems[0]
            assert "crc" in proof.problems[0].lower(), "found by the page's checksum, not by luck"
            flipped += 1
    assert flipped > group.num_columns
    path.write_bytes(whole)
    assert consumer.verify(outdir).complete


def test_a_notebook_shows_a_receipt_as_a_table_with_every_text_escaped():
    evil = "<img src=x onerror=alert(1)>"
    receipt = make_receipt(three_nights(state="failed", request={"nights": NIGHTS, "where": evil}))
    shown = receipt._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown
    for night in NIGHTS:
        assert night in shown
    assert "NOT COMPLETE" in shown
    assert "the disk is full" in shown
    assert "\n" not in repr(receipt)
    assert "31 alerts sent" in repr(receipt)


def test_one_alert_of_one_file_is_told_in_the_singular():
    receipt = make_receipt(manifest_of([file(0, NIGHTS[0])], [Planned(0, 1, 1)]))
    text = receipt_text(receipt)
    assert not re.search(r"\b1 (alerts|files|fragments|nights)\b", text)
