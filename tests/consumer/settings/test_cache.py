"""Where the user's cache is."""

import sys
from pathlib import Path

import pytest

from consumer.settings import cache_folder


def test_the_users_cache_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", "~/mine")
    assert cache_folder("catalogues") == tmp_path / "mine" / "catalogues"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", "here")
    assert cache_folder("catalogues") == tmp_path / "here" / "catalogues"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_without_one_it_is_where_the_system_keeps_such(tmp_path, monkeypatch):
    monkeypatch.delenv("ALERT_TRANSFER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("kafka-1") == tmp_path / "alert-transfer" / "kafka-1"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder("kafka-1") == Path.home() / ".cache" / "alert-transfer" / "kafka-1"
