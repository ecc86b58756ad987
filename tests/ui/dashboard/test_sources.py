"""The sources that the page offers are those of the settings."""

import pytest

import engine
from ui.dashboard.sources import Sources


def test_without_named_sources_the_one_archive_is_the_source():
    settings = engine.Settings(archive="s3://bucket/science", tns_catalogue="tns.parquet", dashboard={"survey": "lsst"})
    source = Sources.from_settings(settings).first
    assert (source.name, source.archive) == ("lsst", "s3://bucket/science")
    assert source.request_keys() == {
        "survey": "lsst",
        "archive": "s3://bucket/science",
        "tns_catalogue": "tns.parquet",
    }


def test_named_sources_are_all_and_in_order():
    named = {"b": {"archive": "s3://b/science"}, "a": {"archive": "s3://a/science", "survey": "lsst"}}
    sources = Sources.from_settings(engine.Settings(archive="/not/offered", dashboard={"sources": named}))
    assert list(sources) == ["b", "a"]
    assert sources.first.name == "b"


def test_without_any_archive_the_message_says_how_to_name_one():
    with pytest.raises(engine.RequestError) as caught:
        Sources.from_settings(engine.Settings())
    assert "archive" in caught.value.next_step


def test_of_two_sources_that_fit_the_current_one_is_meant():
    named = {"one": {"archive": "s3://b/science"}, "two": {"archive": "s3://b/science"}}
    sources = Sources.from_settings(engine.Settings(dashboard={"sources": named}))
    assert sources.named({}, sources["two"]).name == "two"
    assert sources.named({"survey": "ztf"}).name == "one"
