"""The query of a page: into the forms of a request and back, and never past the operator's sources."""

import base64
import json
import zlib

import pytest

import engine
from ui.dashboard.query import Query

ASKED = {"nights": ["2021-11-22:2021-11-24"], "where": "candidate.magpsf < 19;", "classes": ["SN candidate"]}


def packed(values: object, form: str = "a") -> str:
    data = base64.urlsafe_b64encode(zlib.compress(json.dumps(values).encode()))
    return f"?q={form}{data.decode().rstrip('=')}"


@pytest.fixture
def query(services) -> Query:
    return Query(services.sources)


def test_a_change_of_several_things_is_one_revision(query):
    query.update(**ASKED)
    assert query.revision == 1
    query.limit = 5
    assert query.revision == 2


def test_a_query_is_a_request_of_its_source(query, sample_archive):
    query.update(**ASKED, limit=3, topic="ftransfer_mine")
    request = query.request()
    assert (request.archive, request.survey, request.limit) == (sample_archive, "ztf", 3)
    assert (request.nights, request.where) == (("2021-11-22:2021-11-24",), "candidate.magpsf < 19;")
    query.source = "rubin"
    assert query.request().to_dict().items() >= {
        ("survey", "lsst"),
        ("archive", "/nowhere/lsst"),
        ("tns_catalogue", "/nowhere/tns.parquet"),
    }


def test_fields_of_another_content_are_kept_and_not_asked_for(query):
    query.update(nights=["2021-11-22"], fields=["candid"], content="fields")
    assert query.request().fields == ("candid",)
    query.content = "full"
    assert query.request().fields == ()
    assert query.fields == ["candid"]


@pytest.mark.parametrize(
    "values",
    [
        ASKED,
        ASKED | {"source": "rubin", "limit": 7, "content": "fields", "fields": ["a.b", "c"], "skip_unreadable": True},
        {"nights": ["2021-11"], "exclude_classes": ["(TNS) SN Ia"], "widen": ["candidate.drb"]},
        {"nights": [], "where": "not yet ("},
        {"nights": ["last week"], "where": "'<script>alert(1)</script>"},
        {"where": "a\ud800b"},
        {},
    ],
)
def test_a_link_gives_the_same_query_again_also_of_what_is_no_request_yet(query, services, values):
    query.update(**values)
    again = Query(services.sources)
    again.from_link(query.to_link())
    assert again.values() == query.values()
    assert again.revision <= 1


def test_a_link_of_the_command_line_opens_on_the_page(query, sample_archive):
    query.from_link(engine.TransferRequest(archive=sample_archive, nights="2021-11-22").to_link())
    assert (query.source, query.nights) == ("main", ["2021-11-22"])
    query.from_link(engine.TransferRequest(nights="2021-11-24", survey="lsst").to_link())
    assert (query.source, query.nights) == ("rubin", ["2021-11-24"])


def test_yaml_may_name_a_source(query):
    query.from_yaml("nights: 2021-11-22\narchive: rubin\nwhere: [a > 1, b > 2;]\n")
    assert (query.source, query.where) == ("rubin", "a > 1;\nb > 2;")
    again = engine.TransferRequest.from_yaml(query.to_yaml())
    assert (again.archive, again.survey) == ("/nowhere/lsst", "lsst")


@pytest.mark.parametrize(
    "named",
    [
        {"archive": "/etc"},
        {"archive": "s3://another/bucket"},
        {"archive": "/nowhere/lsst", "survey": "ztf"},
        {"survey": "/etc/passwd"},
        {"survey": "../survey.yaml"},
        {"tns_catalogue": "/etc/shadow"},
        {"archive": "main", "tns_catalogue": "/nowhere/tns.parquet"},
    ],
)
def test_what_is_no_source_is_refused_and_nothing_of_it_is_read(query, named, monkeypatch):
    query.update(**ASKED)
    before = query.values()
    opened = []
    monkeypatch.setattr("builtins.open", lambda *args, **_: opened.append(args))
    table = {"nights": ["2021-11-22"], **named}
    for take in (
        lambda: query.from_link(packed(table)),
        lambda: query.from_yaml(json.dumps(table)),
    ):
        with pytest.raises(engine.RequestError) as caught:
            take()
        assert "source" in caught.value.message
        assert "main, rubin" in caught.value.accepted
    assert (query.values(), opened) == (before, [])


def test_an_archive_of_a_source_may_end_in_a_slash(query, sample_archive):
    query.from_yaml(f"nights: 2021-11-22\narchive: {sample_archive}/\n")
    assert query.source == "main"


@pytest.mark.parametrize(
    "link",
    [
        "?q=d",
        "?q=d!!",
        "?q=dAAAA",
        "?q=zeNo",
        "?q=",
        packed([1], "d"),
        packed({"revision": 5}, "d"),
        packed({"nights": "2021"}, "d"),
        packed({"limit": "x"}, "d"),
        packed({"source": "elsewhere"}, "d"),
        packed({"where": "x" * 300_000}, "d"),
        packed({"nights": ["2021-11-22"], "limit": -1}),
    ],
)
def test_a_link_that_is_none_is_told_and_changes_nothing(query, link):
    query.update(**ASKED)
    before = query.values()
    with pytest.raises(engine.RequestError):
        query.from_link(link)
    assert query.values() == before


def test_a_query_that_is_too_long_for_a_link_says_what_to_do(query):
    text = "".join(f"candidate.f{number * 7919 % 10007} > {number}; " for number in range(2_000))
    query.where = text
    with pytest.raises(engine.RequestError, match="too long") as caught:
        query.to_link()
    assert "YAML" in caught.value.next_step
