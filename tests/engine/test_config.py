"""Settings: flags win over the environment, the environment over the file; secrets stay out of sight."""

import pytest

from engine.config import load_settings
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
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, said):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_settings(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        load_settings(tmp_path / "none.yaml")
