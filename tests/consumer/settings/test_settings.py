"""Settings: flags win over the environment, the environment over the file; secrets stay out of sight."""

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from consumer.cli import Face
from consumer.errors import InputError
from consumer.settings import Settings, kafka_settings, load_settings, settings_schema, sourced_settings
from consumer.settings.config_file import KEYS
from engine.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ALERT_TRANSFER_")]:
        monkeypatch.delenv(name)


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
    assert "hunter" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert pickle.loads(pickle.dumps(settings)) == settings


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
    assert list(Settings.model_fields) == list(KEYS)


def test_what_is_made_by_hand_reads_no_environment(monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", "environment:1")
    assert Settings().kafka is None
    assert Settings(topics={"num_partitions": 3}).topics.num_partitions == 3


def test_groups_are_laid_over_each_other_key_by_key(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text(
        "topics: {num_partitions: 3, data_retention_days: 1.5}\ndask_tls: {ca_file: /ca, key_file: /key}\n"
        "storage_options: {key: a, endpoint_url: b}\nwindow:\nlimits: {max_nights:}\n"
    )
    monkeypatch.setenv("ALERT_TRANSFER_TOPICS_NUM_PARTITIONS", "5")
    monkeypatch.setenv("ALERT_TRANSFER_DASK_TLS_CA_FILE", "/other/ca")
    monkeypatch.setenv("ALERT_TRANSFER_LIMITS_MAX_NBYTES", "")
    settings = load_settings(file)
    assert settings.topics.num_partitions == 5
    assert settings.topics.data_retention_days == 1.5
    assert (settings.dask_tls.ca_file, settings.dask_tls.cert_file, settings.dask_tls.key_file) == (
        *("/other/ca", None),
        "/key",
    )
    assert settings.limits == Settings().limits
    # Options belong together: a user who gives some gives all.
    assert load_settings(file, storage_options={"key": "c"}).storage_options == {"key": "c"}
    monkeypatch.setenv("ALERT_TRANSFER_STORAGE_OPTIONS", '{"anon": true}')
    assert load_settings(file).storage_options == {"anon": True}


def test_each_value_has_its_source(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text("archive: /a\ntopics:\n  num_partitions: 3\nkafka_options:\n  sasl.password: hunter2\n")
    monkeypatch.setenv("ALERT_TRANSFER_DASK", "tcp://host:1")
    monkeypatch.setenv("ALERT_TRANSFER_LIMITS_MAX_NIGHTS", "9")
    found = {setting.name: setting for setting in sourced_settings(file, kafka="flag:1")}
    assert {
        name: (found[name].value, found[name].source, found[name].place)
        for name in ("archive", "kafka", "dask", "topics.num_partitions", "limits.max_nights", "window.min_fragments")
    } == {
        "archive": ("/a", "file", f"{file}, line 1"),
        "kafka": ("flag:1", "flag", "--kafka"),
        "dask": ("tcp://host:1", "environment", "ALERT_TRANSFER_DASK"),
        "topics.num_partitions": (3, "file", f"{file}, line 3"),
        "limits.max_nights": (9, "environment", "ALERT_TRANSFER_LIMITS_MAX_NIGHTS"),
        "window.min_fragments": (32, "default", None),
    }
    password = found["kafka_options.sasl.password"]
    assert (password.value, password.place) == ("***", f"{file}, line 5")
    assert "hunter2" not in repr(list(found.values()))


@pytest.mark.parametrize(
    ("text", "said", "accepted", "next_step"),
    [
        ("topics:\n  num_partition: 3\n", "'num_partition' is no key of topics", "num_partitions", "num_partitions"),
        ("a: 1\nkafk: x\n", "'a' is no setting", "storage_options", "take it out"),
        ("\n\ntopics: {num_partitions: 0}", "topics.num_partitions is 0", "1 or more", None),
        ("topics: {num_partitions: many}", "topics.num_partitions is text, not a whole number", "whole", None),
        ("topics: {num_partitions: yes}", "topics.num_partitions is a truth value", "whole", None),
        ("topics: {num_partitions: 1.5}", "topics.num_partitions is 1.5", "whole", None),
        ("topics: {data_retention_days: .inf}", "topics.data_retention_days is inf", "number", None),
        ("topics: [1]", "topics is a list, not a table", "topics: {num_partitions", None),
        ("topics: {manifest_retention_days: 1}", "manifest_retention_days is 1", "as long as", "raise"),
        ("local: {memory_fraction: 2}", "local.memory_fraction is 2", "1 or less", None),
        ("dask_tls: {ca_file: 5}", "dask_tls.ca_file is a number, not text", "text", "quotes"),
        ("archive: 5", "archive is a number, not text", "text", "quotes"),
        ("archive: ftp://me:hunter2@host/a", "'ftp://me:***@host/a'", "without user:password@", "storage_options"),
        ("archive: https://host/a?sig=hunter2", "'https://host/a?sig=***'", "token", "storage_options"),
        ("dask: tls://me:hunter2@host:1", "dask has a password in it", "without", "dask_tls"),
        ("tns_catalogue: http://me:hunter2@host/a", "tns_catalogue has a password in it", "without", "environment"),
        ("kafka: 'a:1,me:hunter2@host:9092'", "'a:1,***@host:9092'", "host:port", "sasl.password as kafka_options"),
    ],
)
def test_a_value_that_is_not_right_is_told_with_its_place(tmp_path, text, said, accepted, next_step):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    line = next(number for number, line in enumerate(text.split("\n"), 1) if line.strip() and line != "topics:")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    error = caught.value
    assert said in error.message
    assert f"{file} (line {line})" in error.message
    assert accepted in error.accepted
    assert error.next_step is None if next_step is None else next_step in error.next_step
    assert "hunter2" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    made = yaml.safe_load(text)
    with pytest.raises(ConfigError):
        Settings(**made)


def test_two_settings_at_odds_blame_no_third_one(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text("topics:\n  num_partitions: 3\n  data_retention_days: 40\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert "data_retention_days 40" in caught.value.message
    assert str(file) in caught.value.message
    assert "line" not in caught.value.message

    monkeypatch.setenv("ALERT_TRANSFER_TOPICS_NUM_PARTITIONS", "4")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert "data_retention_days 40" in caught.value.message
    assert "NUM_PARTITIONS" not in caught.value.message


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TOPICS_NUM_PARTITIONS", "many", "topics.num_partitions is text"),
        ("TOPICS_NUM_PARTITION", "3", "'num_partition' is no key of topics"),
        ("KAFKA_OPTIONS", '{"sasl.password": hunter2', "is not a table in JSON"),
        ("KAFKA_OPTIONS", '["hunter2"]', "is not a table in JSON"),
        ("KAFKA", "me:hunter2@host:1", "kafka has a user in it"),
    ],
)
def test_a_variable_that_is_not_right_is_told(monkeypatch, variable, value, said):
    monkeypatch.setenv(f"ALERT_TRANSFER_{variable}", value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert said in caught.value.message
    assert f"ALERT_TRANSFER_{variable}" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_other_variables_of_ours_are_no_settings(monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA_JARS", "/jars")
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", "/cache")
    assert load_settings() == Settings()


def test_the_schema_says_what_the_model_says():
    schema = settings_schema()
    json.dumps(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = {"kafka": "a:1", "topics": {"num_partitions": 3}, "storage_options": {"secret": {"env": "S3_SECRET"}}}
    assert validator.is_valid(good)
    for bad in ({"kafk": "a:1"}, {"kafka": 1}, {"topics": {"num_partitions": 0}}, {"topics": {"x": 1}}):
        assert not validator.is_valid(bad), bad


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


def test_the_page_describes_every_setting_with_its_default(monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    rows = {}
    for names, default in re.findall(r"^\| (`[^|]*`) \| ([^|]+) \|", page, re.MULTILINE):
        group = names.strip("`").partition(".")[0]
        for name in re.findall(r"`([^`]+)`", names):
            rows[group + name if name.startswith(".") else name] = default
    found = {one.name: one.value for one in sourced_settings()}
    texts = {name: value if isinstance(value, str) else f"{value:g}" if value else "" for name, value in found.items()}
    assert rows == {name: text or "none" for name, text in texts.items()}
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert Settings(**yaml.safe_load(example)).topics.num_partitions == 20


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ALERT_TRANSFER_KAFKA": "environment:1"},
        {"ALERT_TRANSFER_KAFKA": ""},
        {"alert_transfer_kafka": "environment:1"},
        {"ALERT_TRANSFER_KAFKA": "environment:1", "Alert_Transfer_Kafka_Options": '{"client.id": "me"}'},
        {"ALERT_TRANSFER_TOPICS_NUM_PARTITIONS": "4"},
    ],
)
@pytest.mark.parametrize("flag", [None, "flag:1"])
def test_the_address_alone_is_that_of_the_model(monkeypatch, environment, flag):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(kafka=flag)
    assert kafka_settings(None, flag) == (settings.kafka, settings.kafka_options)


@pytest.mark.parametrize("flag", [None, "me:hunter2@flag:1"])
def test_the_address_alone_is_refused_as_the_model_refuses_it(monkeypatch, flag):
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA", "me:hunter2@environment:1")
    told = []
    for read in (lambda: load_settings(kafka=flag), lambda: kafka_settings(None, flag)):
        with pytest.raises(ConfigError) as caught:
            read()
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "hunter2" not in told[0]


def test_a_bad_variable_is_refused_where_only_the_address_is_asked_for(monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_TOPICS_NUM_PARTITIONS", "many")
    with pytest.raises(ConfigError):
        kafka_settings(None, "flag:1")


def test_the_command_line_and_an_address_import_neither_pydantic_nor_rich():
    code = (
        "import sys; from consumer.cli import command_named; from consumer.settings import kafka_settings; "
        "kafka_settings(None, 'a:1'); "
        "print(sorted({'pydantic', 'pydantic_settings', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
