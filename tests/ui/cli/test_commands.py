"""The command line as a user types it: what it answers, its JSON, its exit codes, its messages."""

import getpass
import json
import re
import signal
import subprocess

import pandas as pd
import pyarrow.parquet as pq
import pytest

from engine.kafka import KafkaCluster
from tests.command_line import COMMAND, document, run, run_here

NIGHTS = ("--nights", "2021-11-22")


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> str:
    """An archive that the command line itself has made."""
    folder = tmp_path_factory.mktemp("sample")
    done = run_here(
        "archive", "sample", folder, "--nights", "2021-11-22:2021-11-23", "--alerts-per-night", 300, "--json"
    )
    assert done.returncode == 0, done.stderr
    made = document(done)
    assert made["num_alerts"] == 600
    assert made["nights"] == ["2021-11-22", "2021-11-23"]
    assert made["archive"].endswith("science")
    return made["archive"]


def test_from_submit_to_pandas(sample, kafka, tmp_path):
    conditions = ("candidate.magpsf > 17 -- faint", "candidate.rb > 0")
    request = ("--archive", sample, *NIGHTS, "--where", conditions[0], "--where", conditions[1])
    previewed = document(run_here("preview", *request, "--limit", 5, "--json"))
    assert len(previewed) == 5
    assert all(row["magpsf"] > 17 for row in previewed)
    done = run("submit", *request, "--share", "somebody", "--json", kafka=kafka)
    submitted = document(done)
    assert submitted["owner"] == getpass.getuser()
    assert "shared with somebody in name only" in done.stderr
    assert (submitted["state"], submitted["error"]) == ("complete", None)
    assert submitted["num_alerts"] == submitted["num_alerts_sent"] > 0
    topic = submitted["topic"]
    assert topic.startswith("ftransfer_ztf_")
    status = document(run("status", topic, "--json", kafka=kafka))
    assert status == {**submitted, "elapsed_s": status["elapsed_s"]}
    assert run_here("status", topic, "--follow", kafka=kafka).returncode == 0
    assert topic in [job["topic"] for job in document(run_here("jobs", "--all", "--json", kafka=kafka))]
    assert topic not in [job["topic"] for job in document(run_here("jobs", "--running", "--json", kafka=kafka))]
    assert "complete" in run_here("log", topic, kafka=kafka).stdout

    outdir = tmp_path / "alerts"
    consumed = document(run("consume", topic, "--outdir", outdir, "--json", kafka=kafka))
    assert consumed["complete"] is True
    assert consumed["num_alerts"] == consumed["num_alerts_new"] == submitted["num_alerts"]
    assert len(pd.read_parquet(outdir)) == submitted["num_alerts"]
    again = document(run_here("consume", topic, "--outdir", outdir, "--json", kafka=kafka))
    assert (again["num_alerts"], again["num_alerts_new"]) == (submitted["num_alerts"], 0)
    verified = document(run_here("verify", outdir, "--json"))
    receipt = json.loads((tmp_path / "alerts.transfer" / "receipt.json").read_text())
    assert receipt["request"]["where"] == list(conditions)
    assert (verified["num_alerts"], verified["complete"], verified["missing"]) == (submitted["num_alerts"], True, 0)
    next(outdir.rglob("*.parquet")).unlink()
    assert run("verify", outdir).returncode == 4


def test_a_request_file_and_options_beside_it(sample, tmp_path):
    file = tmp_path / "request.yaml"
    file.write_text(f"archive: {sample}\nnights: 2021-11-22\ncontent: full\nclasses: [Solar System MPC]\n")
    sql = tmp_path / "conditions.sql"
    sql.write_text("-- faint\ncandidate.magpsf > 18;\n")
    plan = document(run_here("plan", "--request", file, "--content", "cutouts", "--where", f"@{sql}", "--json"))
    assert plan["request"]["content"] == "cutouts"
    assert plan["request"]["classes"] == ["Solar System MPC"]
    assert set(plan["leaves"]) == {"candidate.magpsf", "finkclass"}
    assert plan["num_archive_alerts"] == 300


def test_a_request_of_which_half_would_vanish_is_refused(sample, tmp_path):
    file = tmp_path / "request.yaml"
    file.write_text(
        f"archive: {sample}\nnights: 2021-11-22\nwhere: candidate.magpsf > 19\nwhere: candidate.distnr > 2\n"
    )
    done = run_here("plan", "--request", file)
    assert done.returncode == 2
    assert "'where' twice" in done.stderr
    assert "lines 3 and 4" in document(run_here("plan", "--request", file, "--json"))["error"]["message"]
    folded = "where: >\n  candidate.magpsf > 19;\n  -- far ones\n  candidate.distnr > 2;\n"
    file.write_text(f"archive: {sample}\nnights: 2021-11\n{folded}")
    plan = document(run_here("plan", "--request", file, "--json"))
    assert plan["leaves"] == ["candidate.magpsf"]
    assert any("candidate.distnr > 2 with it" in note for note in plan["notes"])
    assert len(plan["nights"]) == 2


@pytest.fixture(scope="session")
def dask(dask_client) -> tuple[str, str]:
    """The option that has a job run on the tests' cluster, which stands already."""
    return "--dask", dask_client.scheduler.address


def test_a_test_job_sends_ten_those_of_a_preview(sample, kafka, dask, tmp_path):
    request = ("--archive", sample, *NIGHTS, "--where", "candidate.magpsf > 17; finkclass <> 'Unknown'")
    status = document(run_here("submit", *request, "--test", "--wait", *dask, "--json", "--kafka", kafka))
    assert (status["state"], status["num_alerts"], status["num_alerts_sent"]) == ("complete", 10, 10)
    assert re.fullmatch(r"ftransfer_ztf_\d{4}-\d\d-\d\d_test_[0-9a-f]{12}", status["topic"])
    (worker,) = status["workers"]
    assert (worker["num_alerts_sent"], worker["worked_lately"]) == (10, True)
    assert status["alerts_per_s"] > 0
    assert status["warnings"] == []
    lines = document(run_here("log", status["topic"], "--json", kafka=kafka))
    followed = run_here("log", status["topic"], "--follow", kafka=kafka)
    assert followed.returncode == 0
    assert followed.stdout.splitlines() == lines, "of a job that has ended, the same"
    texts = [line[20:] for line in lines]
    assert "planned by version" in texts[0]
    assert any(text.startswith("alert-transfer ") and dask[1] in text for text in texts), "what runs it"
    assert any(text.startswith("fragment 0: ") and text.endswith(f"by {worker['worker']}") for text in texts)
    assert texts[-1].startswith("complete; in all 10 alerts, ")
    previewed = document(run_here("preview", *request, "--json"))
    run_here("consume", status["topic"], "--outdir", tmp_path / "alerts", kafka=kafka)
    consumed = pd.read_parquet(tmp_path / "alerts")
    assert sorted(consumed["candid"]) == sorted(row["candid"] for row in previewed)


def test_an_empty_result_is_a_success(sample, kafka, dask, tmp_path):
    request = ("--archive", sample, *NIGHTS, "--where", "candidate.fid = 'g'")
    done = run_here("submit", *request, *dask, "--json", kafka=kafka)
    assert "note: candidate.fid = 'g' is never true" in done.stderr
    topic = document(done)["topic"]
    assert run_here("status", topic, "--follow", kafka=kafka).returncode == 0
    status = document(run_here("status", topic, "--json", kafka=kafka))
    assert (status["state"], status["num_alerts"]) == ("empty", 0)
    done = run_here("consume", status["topic"], "--outdir", tmp_path / "out", "--json", kafka=kafka)
    assert done.returncode == 0
    assert document(done)["complete"] is True
    assert len(pd.read_parquet(tmp_path / "out")) == 0
    assert "objectId" in pq.read_table(tmp_path / "out").column_names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--archive", "/no/such/archive", *NIGHTS), "/no/such/archive"),
        (("--nights", "2019-01-01"), "2019-01-01"),
        (("--nights", "yesterday"), "yesterday"),
        (("--where", "candidate.magpfs > 19"), "candidate.magpsf"),
        (("--where", "candidate.magpsf >"), "candidate.magpsf >"),
        (("--where", "drop table alerts"), "drop"),
        (("--where", "@none.sql"), "none.sql"),
        (("--request", "none.yaml"), "none.yaml"),
        (("--content", "everything"), "lightcurve"),
        (("--content", "fields"), "--field"),
        (("--content", "fields", "--field", "candidate.magpfs"), "candidate.magpsf"),
        (("--topic", "mine"), "ftransfer_"),
        (("--limit", "0"), "limit"),
        (("--class", ""), "class"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_wrong_input_is_told_and_leaves_nothing(sample, kafka, arguments, said):
    cluster = KafkaCluster(bootstrap=kafka)
    before = cluster.topics()
    base = () if "--archive" in arguments else ("--archive", sample)
    nights = () if "--nights" in arguments else NIGHTS
    done = run_here("submit", *base, *nights, *arguments, kafka=kafka)
    assert done.returncode == 2, done.stderr
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    error = document(run_here("submit", *base, *nights, *arguments, "--json", kafka=kafka))["error"]
    assert set(error) == {"message", "accepted", "next"}
    assert cluster.topics() == before


def test_a_file_that_is_no_parquet_is_named(tmp_path, kafka):
    night = tmp_path / "science/year=2021/month=11/day=22"
    night.mkdir(parents=True)
    (night / "part-0.parquet").write_text("this is no Parquet")
    done = run_here("submit", "--archive", tmp_path / "science", *NIGHTS, kafka=kafka)
    assert done.returncode == 2
    assert "part-0.parquet" in done.stderr


def test_a_topic_that_exists_is_refused(sample, kafka, dask):
    topic = "ftransfer_ztf_taken"
    request = ("submit", "--archive", sample, *NIGHTS, "--test", "--topic", topic, *dask)
    assert run_here(*request, kafka=kafka).returncode == 0
    done = run_here(*request, kafka=kafka)
    assert done.returncode == 2
    assert topic in done.stderr
    assert run_here("status", topic, kafka=kafka).returncode == 0


def test_kafka_must_be_given_and_answer(sample):
    done = run_here("submit", "--archive", sample, *NIGHTS)
    assert done.returncode == 2
    assert "alert-transfer broker" in done.stderr
    done = run_here("submit", "--archive", sample, *NIGHTS, kafka="127.0.0.1:1")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "rdkafka" not in done.stderr


def test_settings_that_are_no_settings_are_told(sample, kafka, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("kafka_options: {sasl.passwrod: a-secret}\n")
    done = run_here("jobs", "--config", file, kafka=kafka)
    assert done.returncode == 2
    assert "sasl.passwrod" in done.stderr
    assert "a-secret" not in done.stderr
    done = run_here("submit", "--archive", sample, *NIGHTS, "--dask", "nowhere", kafka=kafka)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "log", "cancel", "resume"])
def test_a_job_that_is_not_there(kafka, command):
    done = run_here(command, "ftransfer_ztf_nobody", kafka=kafka)
    assert done.returncode == 2
    assert "ftransfer_ztf_nobody" in done.stderr
    assert run_here(command, "nobody", kafka=kafka).returncode == 2


def test_an_ended_job_can_be_neither_cancelled_nor_resumed(sample, kafka, dask):
    topic = document(run_here("submit", "--archive", sample, *NIGHTS, "--test", *dask, "--json", kafka=kafka))["topic"]
    assert run_here("status", topic, "--follow", kafka=kafka).returncode == 0
    assert run_here("cancel", topic, kafka=kafka).returncode == 3
    assert run_here("resume", topic, *dask, kafka=kafka).returncode == 3


def test_broker_tells_where_it_is_and_ends_with_ctrl_c():
    with subprocess.Popen([COMMAND, "broker", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True) as broker:
        told = json.loads(broker.stdout.readline())
        assert told["pid"] == broker.pid
        assert run_here("jobs", "--json", kafka=told["kafka"]).stdout == "[]\n"
        broker.send_signal(signal.SIGINT)
        assert broker.wait(150) == 130


def test_info_lists_the_nights(sample):
    nights = document(run_here("archive", "info", "--archive", sample, "--json"))["nights"]
    assert {night: held["alerts"] for night, held in nights.items()} == {"2021-11-22": 300, "2021-11-23": 300}


def test_usage_errors_are_json_too():
    done = run_here("submit", "--nonsense", "--json")
    assert done.returncode == 2
    assert "--nonsense" in document(done)["error"]["message"]
    assert run_here("nonsense").returncode == 2


def test_help_and_version_are_quick_to_ask():
    assert "submit" in run("--help").stdout
    assert run("--version").stdout.startswith("alert-transfer")
    assert "--nights" in run_here("submit", "--help").stdout
