"""Secrets on their way to a cluster: refused in clear, unless its workers were given them when they started."""

import pytest

from consumer.settings import entrusted, resolved
from engine.errors import ConfigError
from engine.storage import for_workers, note_entrusted

SECRETS = {"storage_options": {"key": "me", "secret": "hunter2"}, "kafka_options": {"sasl.password": "hunter3"}}
FORMS = {"storage_options": {"key": "me", "secret": {"env": "S3"}}, "kafka_options": {"sasl.password": {"file": "/p"}}}


class Client:
    """Stands for a client of Dask's."""


@pytest.mark.parametrize("client", [None, Client()])
def test_secrets_in_clear_are_refused_and_both_forms_named(client):
    with pytest.raises(ConfigError) as caught:
        for_workers(client, **SECRETS)
    assert "storage_options.secret, kafka_options.sasl.password would be sent" in caught.value.message
    assert "{env: NAME} or {file: PATH}" in caught.value.accepted
    assert "hunter" not in str(caught.value)
    assert for_workers(client, **FORMS) == list(FORMS.values())
    assert for_workers(client, storage_options={"key": "me", "anon": False}) == [{"key": "me", "anon": False}]


def test_a_cluster_that_was_started_here_was_given_them():
    client = Client()
    _, environment = entrusted(*SECRETS.values())
    note_entrusted(client, environment)
    storage, kafka = for_workers(client, **SECRETS)
    assert "hunter" not in f"{dict(storage)} {dict(kafka)}"
    assert resolved(storage, "storage_options") == SECRETS["storage_options"]
    assert resolved(kafka, "kafka_options") == SECRETS["kafka_options"]
    with pytest.raises(ConfigError, match=r"storage_options\.token would be sent"):
        for_workers(client, storage_options={"token": "another"})
