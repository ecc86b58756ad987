"""The request beside the data: taken as it is by what takes requests, and written whatever a manifest holds."""

import pytest
import yaml

from consumer.dataset import Folder, locate, request_text
from consumer.wire import Plan
from engine.errors import RequestError
from engine.request import TransferRequest
from tests.command_line import document, run_here

ASKED = {
    "nights": ["2021-11-22:2021-11-30"],
    "archive": "/data/science",
    "classes": ["SN candidate", "(TNS) SN Ia"],
    "where": "-- faint\ncandidate.magpsf > 19.5;\ncandidate.distnr > 2;\n",
    "limit": 100,
}


def planned(request: dict, **changes) -> Plan:
    values = {
        "job_id": "1f",
        "topic": "ftransfer_ztf_x",
        "engine_version": "0.3.0",
        "created_at": 1_637_539_200.0,
        "request": request,
        "num_partitions": 1,
        **dict.fromkeys(("num_files", "num_fragments", "num_parts", "num_alerts"), 0),
        "schema": {},
        "time_field": "jd",
        "id_field": "candid",
    }
    return Plan(**values | changes)


def test_it_is_the_request_without_the_topic_and_says_who_made_it():
    text = request_text(planned(ASKED | {"topic": "ftransfer_ztf_x"}))
    assert TransferRequest.from_yaml(text) == TransferRequest.from_dict(ASKED)
    for line in ("# topic: ftransfer_ztf_x", "# engine_version: 0.3.0", "# created: 2021-11-22 00:00:00 UTC"):
        assert f"{line}\n" in text
    assert "  candidate.magpsf > 19.5;\n" in text


def test_no_comment_ends_before_its_line():
    strange = "x\nlimit: 1\x85\u2028limit: 2\ud800\ufffe☃"
    text = request_text(planned(ASKED, topic=strange, engine_version=strange))
    assert text.isascii()
    assert TransferRequest.from_yaml(text) == TransferRequest.from_dict(ASKED)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "empty"),
        ({"colour": "red", "nights": ["2021-11-22"]}, "'colour'"),
        ({"nights": {"a": [{"b": None}]}}, "nights is"),
        ({"nights": ["2021-11-22"], "where": ["\ud800\x1b[2J", "a: b"]}, "half of a character"),
        ({"\x1b[2J\n": 1, "": 2, "~": 3, "? a": 4}, "a request has no"),
        ({"x" * 300: [float(1), True, None, 2**64 - 1]}, "a request has no"),
    ],
)
def test_what_is_no_request_is_written_as_it_is_and_refused_when_sent(asked, said):
    text = request_text(planned(asked))
    assert (yaml.safe_load(text) or {}) == asked
    assert "\x1b" not in text
    with pytest.raises(RequestError) as caught:
        TransferRequest.from_yaml(text)
    assert said in str(caught.value)


def test_a_tree_that_is_too_deep_is_written_and_refused():
    deep: dict = {}
    for _ in range(98):
        deep = {"a": deep}
    with pytest.raises(RequestError, match="levels deep"):
        TransferRequest.from_yaml(request_text(planned({"nights": deep})))


def test_no_password_is_in_it():
    asked = ASKED | {
        "archive": "s3://me:sesame@host/science",
        "storage_options": {"secret": "sesame", "urls": ["http://a:sesame@b/"]},
        "where": {"https://a:sesame@b": 1},
    }
    text = request_text(planned(asked))
    assert "sesame" not in text
    assert "s3://me:***@host/science" in text
    kept = request_text(planned(ASKED | {"where": "url = 'http://a:b@c'"}))
    assert TransferRequest.from_yaml(kept).where == "url = 'http://a:b@c'"


def test_it_stands_beside_the_folder_once_and_commands_take_it(tmp_path):
    outdir = locate(tmp_path / "out")
    identity = {"topic": "ftransfer_ztf_x", "job_id": "1f", "partitionby": "time", "request": ASKED}
    path = tmp_path / "out.transfer" / "request.yaml"
    with Folder(outdir, **identity):
        assert not path.exists(), "as a folder that was begun before has it"
    with Folder(outdir, **identity) as folder:
        folder.write_request(request_text(planned(ASKED)))
        before = path.stat()
        folder.write_request(request_text(planned(ASKED)))
        assert path.stat() == before
        path.write_text("cut")
        folder.write_request(request_text(planned(ASKED)))
    assert list(outdir.iterdir()) == []
    assert document(run_here("request", "--request", path, "--json")) == ASKED
    with Folder(outdir, **identity, restart=True):
        assert not path.exists()
