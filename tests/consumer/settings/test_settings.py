"""Settings: flags win over the environment, the environment over the file; secrets stay out of sight."""

from dataclasses import fields

import pytest

from consumer.cli import Face
from consumer.errors import InputError
from consumer.settings import Settings, load_settings
from consumer.settings.config_file import OPTION_KEYS, TEXT_KEYS
from engine.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("ARCHIVE", "KAFKA", "DASK", "CONFIG", "TNS_CATALOGUE"):
        monkeypatch.delenv(f"ALERT_TRANSFER_{name}", raising=False)


def test_nothing_is_needed():
    assert load_settings().kafka is None


def test_precedence(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text("kafka: file:1\ndask: tcp://file:1\narchive: /file\n")
    monkeypatch.setenv("ALERT_TRANSFER_CONFIG", str(file))
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", "environment:1")
    monkeypatch.setenv("ALERT_TRANSFER_DASK", "tcp://environment:1")
    settings = load_settings(kafka="flag:1", dask=None)
    assert (settings.kafka, settings.dask, settings.archive) == ("flag:1", "tcp://environment:1", "/file")


def test_secrets_are_not_shown(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("storage_options: {secret: hunter2}\nkafka_options: {sasl.password: hunter3}\n")
    settings = load_settings(file)
    assert settings.storage_options == {"secret": "hunter2"}
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kafk: x", "kafk"),
        ("- a", "not a table"),
        ("a: [", "not YAML"),
        ("kafka: [a, b]", "not text"),
        ("storage_options: x", "storage_options"),
        ("kafka_options: [x]", "a list, not a table"),
        ("kafka: 9092", "a number, not text"),
        ("archive: no", "a truth value, not text"),
        ("kafka: a:1\nkafka: b:1", "lines 1 and 2"),
        ("storage_options:\n  key: a\n  secret: b\n  key: c", "lines 2 and 4"),
        ("storage_options: {client_kwargs: {region: a, region: b}}", "'region'"),
        ("storage_options: &s {key: a}\nkafka_options: *s", "alias"),
        ("archive: " + "[" * 10_000, "20 levels"),
        ("archive: a" + " " * 1_000_000, "1,000,000 bytes"),
    ],
)
def test_a_bad_file_is_refused_by_engine_and_consumer(tmp_path, text, said):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_settings(file)
    with pytest.raises(InputError, match=said):
        Face(config=str(file)).kafka_settings()


@pytest.mark.parametrize(
    "text",
    [
        "kafka_options:\n  sasl.password: hunter2: x\n",
        "kafka_options:\n  sasl.password: 'hunter2\n",
        'kafka_options:\n  sasl.password: "hunter2\\q"\n',
        "kafka_options: hunter2\n",
        "storage_options: [hunter2]\n",
        "archive: [s3://me:hunter2@store]\n",
        "kafka: {password: hunter2}\n",
        "storage_options: {secret: &hunter x, key: *hunter2}\n",
        "storage_options: {secret: !hunter2 x}\n",
        "hunter2\n",
    ],
)
def test_an_error_shows_no_value(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    for read in (load_settings, lambda path: Face(config=str(path)).kafka_settings()):
        with pytest.raises(InputError) as caught:
            read(file)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_the_file_has_the_keys_of_the_settings():
    assert {field.name for field in fields(Settings)} == {*TEXT_KEYS, *OPTION_KEYS}


def test_a_file_as_windows_writes_it(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xef\xbb\xbfkafka: a:1\r\nkafka_options: {sasl.password: 0123, retries: 3}\r\narchive:\r\n")
    settings = load_settings(file)
    assert (settings.kafka, settings.archive) == ("a:1", None)
    assert settings.kafka_options == {"sasl.password": "0123", "retries": 3}
    assert Face(config=str(file)).kafka_settings() == ("a:1", {"sasl.password": "0123", "retries": 3})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        load_settings(tmp_path / "none.yaml")
