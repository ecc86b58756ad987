"""`consume` and `stream` read the settings that everything reads, and their errors show no password."""

import subprocess
import sys

import pytest

import consumer
from consumer.errors import InputError, KafkaError


def test_kafka_and_its_options_come_from_the_configuration(tmp_path, monkeypatch):
    monkeypatch.delenv("ALERT_TRANSFER_KAFKA", raising=False)
    file = tmp_path / "config.yaml"
    file.write_text("kafka: 127.0.0.1:1\nkafka_options: {sasl.password: {env: NO_SUCH_VARIABLE_OF_OURS}}\n")
    monkeypatch.setenv("ALERT_TRANSFER_CONFIG", str(file))
    with pytest.raises(InputError, match="NO_SUCH_VARIABLE_OF_OURS, which is not set here"):
        consumer.consume("ftransfer_x", tmp_path / "out")
    # Whoever gives options has no use for the file's.
    with pytest.raises(KafkaError, match=r"127\.0\.0\.1:2"):
        consumer.consume("ftransfer_x", tmp_path / "out", kafka="127.0.0.1:2", kafka_options={})
    file.write_text("kafk: x\n")
    with pytest.raises(InputError, match="'kafk' is no setting"):
        next(consumer.stream("ftransfer_x"))


def test_an_address_with_a_password_is_refused(tmp_path):
    for given in ({"kafka_options": {}}, {}):
        with pytest.raises(InputError, match=r"kafka has a user in it: '\*\*\*@host:9092'"):
            consumer.consume("ftransfer_x", tmp_path / "out", kafka="me:hunter2@host:9092", **given)


def test_a_version_waits_for_no_model_of_settings():
    code = "import sys; from consumer.cli import command_named; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
