"""What is a secret, where options say that it is, and texts without it."""

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ConfigError
from consumer.settings import (
    Options,
    entrusted,
    literal_secrets,
    masked,
    name_process,
    remember_secrets,
    resolved,
    without_password,
    without_secrets,
)
from consumer.settings.secret_names import is_secret_name

SECRET_NAMES = [
    *("secret", "aws_secret_access_key", "password", "token", "aws_session_token", "sessionToken", "account_key"),
    *("accountKey", "connection_string", "connectionString", "sas_token", "client_secret", "passwd", "pwd", "api_key"),
    *("sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password", "sasl.oauthbearer.client.secret"),
    *("sasl.oauthbearer.config", "private_key", "auth", "Authorization", "passphrase", "sse_customer_key", "pkey"),
    *("credential", "credentials", "sasl.jaas.config", "SSECustomerKey", "sig"),
]
PUBLIC_NAMES = [
    *("key", "access_key", "access_key_id", "aws_access_key_id", "username", "user", "account_name", "endpoint_url"),
    *("sasl.username", "sasl.mechanisms", "security.protocol", "ssl.key.location", "ssl.certificate.pem", "ssl.ca.pem"),
    *("ssl.ca.location", "ssl.keystore.location", "anon", "use_ssl", "region_name", "signature_version", "passive"),
    *("sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.method", "sasl.oauthbearer.client.id", "auth_mechanism"),
    *("token_file", "password_file", "client_kwargs", "key_filename", "keytab", "retries", "authority"),
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name):
    assert is_secret_name(name)
    assert literal_secrets({name: "hunter2"}) == [name]
    assert literal_secrets({"client_kwargs": {name: "hunter2"}}) == [f"client_kwargs.{name}"]
    assert literal_secrets({name: 12345}) == [name]


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_names_of_what_is_public(name):
    assert not is_secret_name(name)
    assert literal_secrets({name: "anything"}) == []


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        ({"token": {"private_key": "a", "client_email": "b"}}, ["token.private_key", "token.client_email"]),
        ({"auth": ["me", "hunter2"]}, ["auth.0", "auth.1"]),
        ({"token": "anon"}, []),
        ({"token": "/home/me/google.json"}, []),
        ({"token": "ya29.abc"}, ["token"]),
        ({"password": None, "secret": True, "token": ""}, []),
        ({"client_kwargs": {"proxy": "http://me:hunter2@proxy:3128"}}, ["client_kwargs.proxy"]),
        ({"endpoint_url": "https://host/a?X-Amz-Signature=abc"}, ["endpoint_url"]),
        ({"x": "DefaultEndpointsProtocol=https;AccountKey=abc=="}, ["x"]),
        ({"x": "-----BEGIN PRIVATE KEY-----\nabc"}, ["x"]),
        ({"headers": [{"Authorization": "Bearer a"}]}, ["headers.0.Authorization"]),
        ({"secret": {"env": "S3"}, "password": {"file": "/run/secret"}}, []),
        ({"secret": {"env": "S3", "file": "x"}}, ["secret.env", "secret.file"]),
    ],
)
def test_secrets_stand_at_any_depth_and_in_values(options, secrets):
    assert literal_secrets(options) == secrets


def test_what_is_shown_of_options_has_no_secret():
    options = Options({"key": "me", "secret": "hunter2", "client_kwargs": {"password": ["hunter2"], "n": 1}})
    assert masked(options) == {"key": "me", "secret": "***", "client_kwargs": {"password": ["***"], "n": 1}}
    assert "hunter2" not in f"{options} {options!r} {[options]}"
    assert masked({"secret": {"env": "S3"}}) == {"secret": {"env": "S3"}}
    assert pickle.loads(pickle.dumps(options)) == options


def test_both_forms_are_read_where_they_are_used(tmp_path, monkeypatch):
    monkeypatch.setenv("S3_SECRET", "from-the-environment")
    (tmp_path / "secret").write_bytes(b"from-the-file\n")
    options = {
        "secret": {"env": "S3_SECRET"},
        "client_kwargs": {"token": {"file": str(tmp_path / "secret")}},
        "key": "me",
    }
    assert resolved(options, "storage_options") == {
        "secret": "from-the-environment",
        "client_kwargs": {"token": "from-the-file"},
        "key": "me",
    }
    monkeypatch.setenv("S3_SECRET", "another")
    assert resolved(options, "storage_options")["secret"] == "another"
    assert options["secret"] == {"env": "S3_SECRET"}
    assert without_secrets("with from-the-file and another") == "with *** and ***"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"env": "NO_SUCH_VARIABLE_OF_OURS"}, "NO_SUCH_VARIABLE_OF_OURS, which is not set here"),
        ({"env": ""}, "storage_options.secret.env is not the name of a variable"),
        ({"env": 5}, "storage_options.secret.env is not the name of a variable"),
        ({"env": "hunter2/+"}, "storage_options.secret.env is not the name of a variable"),
        ({"file": "/no/such/file"}, "/no/such/file', which can't be read here"),
        ({"file": "hunter2"}, "storage_options.secret.file is not the whole path"),
        ({"file": "/dev/null"}, "which is empty here"),
        ({"file": "/dev/zero"}, "which is too large here"),
        ({"file": "/"}, "can't be read here"),
        ({"file": None}, "storage_options.secret.file is not the whole path"),
    ],
)
def test_what_is_not_there_is_told_with_the_process(form, said):
    with pytest.raises(ConfigError) as caught:
        resolved({"secret": form}, "storage_options")
    assert said in caught.value.message
    assert caught.value.accepted
    assert "hunter2" not in str(caught.value)
    if said.endswith(" here"):
        assert f"process {os.getpid()}" in caught.value.message


def test_a_process_is_told_by_its_name(monkeypatch):
    name_process(lambda: "the worker tcp://here:1")
    try:
        with pytest.raises(ConfigError, match="the worker tcp://here:1"):
            resolved({"secret": {"env": "NO_SUCH_VARIABLE_OF_OURS"}}, "storage_options")
    finally:
        name_process(lambda: None)


def test_a_form_in_the_place_of_all_options_is_refused():
    with pytest.raises(ConfigError, match="storage_options says where one value is"):
        resolved({"env": "ALL"}, "storage_options")


def test_a_table_for_the_file_system_file_is_no_form():
    options = {"file": {"auto_mkdir": True}, "env": ["a"]}
    assert resolved({"file": options["file"]}, "storage_options") == {"file": options["file"]}
    assert resolved(options, "storage_options") == options
    assert literal_secrets({"file": {"password": "x"}}) == ["file.password"]


def test_an_address_may_be_read_so_and_stays_in_messages(monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", "https://store.example.org")
    assert resolved({"endpoint_url": {"env": "S3_ENDPOINT"}}, "a") == {"endpoint_url": "https://store.example.org"}
    assert without_secrets("no answer from https://store.example.org") == "no answer from https://store.example.org"


def test_what_is_entrusted_travels_by_the_environment_alone():
    first, second = {"secret": "hunter-one", "key": "me"}, {"sasl.password": "hunter-two", "pem": ("x", b"y")}
    (sent, also), environment = entrusted(first, {**second, "token": b"bytes"})
    assert "hunter" not in repr(dict(sent)) + repr(dict(also)) + str(pickle.dumps((sent, also)))
    assert sent["key"] == "me"
    assert set(environment) == {sent["secret"]["env"], also["sasl.password"]["env"], also["token"]["env"]}
    assert resolved(sent, "a") == first
    assert resolved(also, "b") == {**second, "token": b"bytes"}
    again, the_same = entrusted(first)
    assert again == [sent]
    assert the_same.items() <= environment.items()


def test_a_process_that_was_given_the_environment_reads_the_same(monkeypatch):
    (sent,), environment = entrusted({"password": "hunter-three", "token": 12345678})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("consumer.settings.secrets._known.entrusted", {})
    assert resolved(sent, "a") == {"password": "hunter-three", "token": 12345678}


def test_texts_lose_what_is_known_and_passwords_of_urls():
    remember_secrets({"secret": "hunter-four", "password": "abc", "token": "line one\nline two"})
    text = "no hunter-four, abc, ftp://me:pa55@host/x, 'line one\\nline two'"
    assert without_secrets(text) == "no ***, abc, ftp://me:***@host/x, '***'"
    assert without_password("s3://bucket/a@b:c?part=1") == "s3://bucket/a@b:c?part=1"
    assert without_password("ftp://me:pa@55:@host:21/a@b") == "ftp://me:***@host:21/a@b"
    assert without_password("https://h/a?sv=1&sig=x%2By&se=2") == "https://h/a?sv=1&sig=***&se=2"


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
tables = st.recursive(
    st.dictionaries(st.sampled_from(SECRET_NAMES + PUBLIC_NAMES), plain, max_size=4),
    lambda inner: st.dictionaries(
        st.sampled_from(SECRET_NAMES + PUBLIC_NAMES), plain | inner | st.lists(inner), max_size=4
    ),
    max_leaves=8,
)


@given(tables)
def test_no_secret_is_left_and_none_is_lost(options):
    (sent,), _ = entrusted(options)
    assert literal_secrets(sent) == []
    assert resolved(sent, "options") == options
