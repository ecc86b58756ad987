"""Stores that can't be opened or reached, and what is said of them."""

import json
import pickle
import sys
from collections.abc import Callable

import pytest

import engine
from consumer.cli import main
from consumer.settings import remember_secrets
from engine.archive import Archive
from engine.enrichment import find_catalogue
from engine.errors import ArchiveError, ConfigError, InputError, RequestError
from engine.storage import cause_of

SECRET = "a-secret-of-mine"
ENDPOINT = {"endpoint_url": "http://127.0.0.1:1", "key": "me", "secret": SECRET}
AWAY = {
    "hdfs": "hdfs://127.0.0.1:1/science",
    "ftp": "ftp://me@127.0.0.1:1/science",
    "unknown": "foo://bucket/science",
    "http": "http://127.0.0.1:1/science",
    "webhdfs": "webhdfs://127.0.0.1:1/science",
    "zip": "zip://science::/nowhere/science.zip",
    "chain": "dask://science",
}


@pytest.mark.parametrize("url", AWAY.values(), ids=AWAY)
def test_a_store_that_is_away_is_one_short_block(url):
    with pytest.raises(ArchiveError) as caught:
        Archive(url).nights()
    text = str(caught.value)
    assert url.split("@")[-1] in text
    assert len(text.splitlines()) <= 3
    assert max(map(len, text.splitlines())) < 400
    assert SECRET not in text


@pytest.mark.parametrize(
    "command",
    [
        *(["plan", "--nights", "2021-11-22"], ["preview", "--nights", "2021-11-22"], ["archive", "info"]),
        *(["archive", "fields"], ["submit", "--nights", "2021-11-22"]),
    ],
    ids=" ".join,
)
def test_every_command_says_so_and_exits_with_2(command, kafka, monkeypatch, capsys):
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", kafka)
    monkeypatch.setattr(sys, "argv", ["alert-transfer", *command, "--archive", AWAY["ftp"], "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "ftp://me@127.0.0.1:1/science" in error["message"]
    assert "refused" in error["message"]


@pytest.mark.parametrize("url", [f"ftp://me:{SECRET}@127.0.0.1:1/a", f"https://127.0.0.1:1/a?token={SECRET}"])
def test_a_password_in_a_url_is_refused_wherever_it_is_given(url, tmp_path, monkeypatch, capsys):
    def refused(ask: Callable[[], object]) -> None:
        with pytest.raises(InputError, match=r"has a password in it.*\*\*\*") as caught:
            ask()
        assert SECRET not in str(caught.value)
        assert "127.0.0.1:1/a" in str(caught.value)

    refused(lambda: Archive(url))
    refused(lambda: engine.TransferRequest(archive=url, nights="2021-11-22"))
    refused(lambda: engine.TransferRequest(archive="/a", tns_catalogue=url, nights="2021-11-22"))
    refused(lambda: engine.Settings(archive=url))
    refused(lambda: engine.load_settings(tns_catalogue=url))
    monkeypatch.setattr(sys, "argv", ["alert-transfer", "plan", "--nights", "2021-11-22", "--archive", url, "--debug"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert SECRET not in told
    assert "storage_options" in told


def test_an_endpoint_that_refuses_is_told_without_the_secret():
    at_once = {"retries": {"max_attempts": 0}}
    with pytest.raises(ArchiveError, match=r"127\.0\.0\.1:1") as caught:
        Archive("s3://bucket/science", {**ENDPOINT, "config_kwargs": at_once}).nights()
    assert SECRET not in str(caught.value)
    with pytest.raises(RequestError, match="tns"):
        find_catalogue("http://127.0.0.1:1/tns.parquet")


def test_options_that_a_file_system_does_not_know_are_told():
    with pytest.raises(ArchiveError, match="nonsense") as caught:
        Archive("s3://bucket/science", {**ENDPOINT, "nonsense": 1}).nights()
    assert SECRET not in str(caught.value)


def test_the_cause_is_one_line_of_bounded_length_without_secrets():
    remember_secrets(ENDPOINT)
    told = cause_of(OSError(f"can't log in to ftp://me:pa55@host/ with {SECRET}\nand\nmuch\nmore"))
    assert told == "can't log in to ftp://me:***@host/ with ***"
    assert len(cause_of(OSError("x" * 10_000))) < 250
    assert "in time" in cause_of(TimeoutError())
    assert cause_of(KeyError()) == "KeyError"


def test_a_secret_that_is_missing_is_told_when_the_archive_is_used_not_when_it_travels(monkeypatch):
    options = {"endpoint_url": "http://127.0.0.1:1", "key": "me", "secret": {"env": "S3_SECRET_OF_OURS"}}
    archive = Archive("s3://bucket/science", options)
    data = pickle.dumps(archive)
    with pytest.raises(ConfigError, match="S3_SECRET_OF_OURS, which is not set here"):
        pickle.loads(data).nights()
    monkeypatch.setenv("S3_SECRET_OF_OURS", SECRET)
    assert SECRET.encode() not in pickle.dumps(archive)
    with pytest.raises(ArchiveError, match=r"127\.0\.0\.1:1"):
        Archive("s3://bucket/science", {**options, "config_kwargs": {"retries": {"max_attempts": 0}}}).nights()


def test_an_archive_travels_to_workers(tmp_path):
    made = engine.write_sample(tmp_path, alerts_per_night=5)
    archive = Archive(made.archive)
    assert pickle.loads(pickle.dumps(archive)).nights() == archive.nights()
