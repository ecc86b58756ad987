"""`alert-transfer config`: where values come from, whether what they name answers, and what a file may say."""

import json

import jsonschema
import pytest
import yaml

from tests.command_line import document, run_here


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("archive: /nowhere\nstorage_options:\n  secret: hunter2\n  token: {env: TOKEN}\n")
    return file


def test_show_tells_each_value_and_its_source(config):
    done = run_here("config", "show", "--config", config, "--dask", "tcp://flag:1", "--json", kafka="environment:1")
    found = document(done)
    assert found["config"] == str(config)
    settings = {one.pop("name"): one for one in found["settings"]}
    assert settings["archive"] == {"value": "/nowhere", "source": "file", "place": f"{config}, line 1"}
    assert settings["kafka"] == {"value": "environment:1", "source": "environment", "place": "ALERT_TRANSFER_KAFKA"}
    assert settings["dask"] == {"value": "tcp://flag:1", "source": "flag", "place": "--dask"}
    assert settings["storage_options.secret"]["value"] == "***"
    assert settings["storage_options.token"]["value"] == {"env": "TOKEN"}
    assert settings["topics.num_partitions"] == {"value": 10, "source": "default", "place": None}
    told = run_here("config", "show", "--config", config, kafka="environment:1").stdout
    assert "hunter2" not in told + done.stdout
    assert f"{config}, line 3" in told
    assert "ALERT_TRANSFER_KAFKA" in told


def test_check_tells_what_is_not_well(config):
    done = run_here("config", "check", "--config", config, "--json")
    assert done.returncode == 1
    found = document(done)
    assert found["ok"] is False
    archive, kafka, dask = found["checks"]
    assert (archive["state"], kafka["state"], dask["state"]) == ("failed", "not set", "not set")
    assert archive["next_step"]
    told = run_here("config", "check", "--config", config)
    assert told.returncode == 1
    assert "/nowhere" in told.stdout
    assert run_here("config", "check").returncode == 0


def test_the_schema_is_of_a_file_that_is_taken(config):
    schema = json.loads(run_here("config", "schema").stdout)
    assert schema == document(run_here("config", "schema", "--json"))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(config.read_text()))


@pytest.mark.parametrize(
    "command", [("config", "show"), ("config", "check"), ("jobs",), ("consume", "x", "--outdir", "y")]
)
def test_a_bad_file_is_refused_by_all_alike(config, command):
    config.write_text("topics:\n  num_partition: 3\n")
    done = run_here(*command, "--config", config)
    assert done.returncode == 2
    assert f"'num_partition' is no key of topics in the configuration {config} (line 2)" in done.stderr
    assert "did you mean 'num_partitions'?" in done.stderr


def test_words_that_are_near_are_answered():
    assert "config show" in run_here("config", "shw").stderr
    assert "config" in run_here("--help").stdout
