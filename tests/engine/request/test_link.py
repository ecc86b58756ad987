"""Links: a request in one parameter of a URL, and what is told of links that are none."""

import base64
import contextlib
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError, RequestError
from engine.request import TransferRequest, looks_like_link

REQUEST = TransferRequest(nights="2021-11", where="candidate.magpsf > 19.5", classes=["SN candidate"])
LINK = REQUEST.to_link()


def packed(content: bytes) -> str:
    return "?q=a" + base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


@pytest.mark.parametrize(
    "link",
    [
        LINK,
        LINK.removeprefix("?"),
        LINK.removeprefix("?q="),
        f"{LINK}==",
        f"https://somewhere:5006/transfer{LINK}",
        f"https://somewhere/transfer?theme=dark&{LINK[1:]}&x=#top",
        f"  {LINK[:40]}\n{LINK[40:]}\n",
        LINK.replace("?q=a", "?q=%61"),
    ],
)
def test_a_link_is_read_in_any_address(link):
    assert TransferRequest.from_link(link) == REQUEST
    assert looks_like_link(link) or link.startswith("q=")


def test_a_link_is_canonical_and_short():
    other = TransferRequest(classes=["SN candidate"], where="candidate.magpsf > 19.5", nights="2021-11")
    assert other.to_link() == LINK
    assert re.fullmatch(r"\?q=a[A-Za-z0-9_-]+", LINK)
    assert len(LINK) < 130


def test_what_is_too_long_for_a_link_has_its_yaml():
    numbers = ", ".join(str(number * 7_919) for number in range(3_000))
    request = TransferRequest(nights="2021-11", where=f"candid IN ({numbers})")
    with pytest.raises(RequestError, match="6,000") as caught:
        request.to_link()
    assert "to_yaml()" in caught.value.next_step
    assert TransferRequest.from_yaml(request.to_yaml()) == request
    few = TransferRequest(nights="2021-11", where=f"candid IN ({numbers[:9_000]}1)")
    assert 4_000 < len(few.to_link()) <= 6_000
    assert TransferRequest.from_link(few.to_link()) == few


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (None, "None"),
        ("", "no link"),
        ("?q=", "no link"),
        ("https://somewhere/request.yaml", "no link"),
        ("https://somewhere/?x=1", "no q="),
        (f"{LINK}&q=a", "2 times"),
        (LINK[:-6], "cut off"),
        (LINK[:-3] + "AAA", "cut off"),
        (LINK.replace("?q=a", "?q=b"), "'b'"),
        (f"{LINK}).", "no link"),
        ("x" * 20_001, "20,001"),
        (packed(b" " * 1_000_001), "1,000,000"),
        (packed(b"{}" * 10)[:-2], "cut off"),
        (packed(b"[" * 5_000), "no request"),
        (packed(b'{"classes":' + b"[" * 500 + b"]" * 500 + b"}"), "no request"),
        (packed(b"[]"), "no request"),
        (packed(b"9" * 6_000), "no request"),
        (packed(b"\xff"), "no request"),
        (packed(b"{}"), "no nights"),
        (packed(b'{"nights":"2021-11","nights":"2021-12"}'), "twice"),
        (packed(b'{"nights":"2021-11","night":"2021-12"}'), "did you mean 'nights'"),
        (packed(b'{"nights":"2021-11","limit":NaN}'), "limit"),
        (packed(b'{"nights":"2021-11","limit":1e999}'), "limit"),
        (packed(b'{"nights":"2021-11","classes":["\\ud800"]}'), "half of a character"),
        (packed(b'{"nights":20211122}'), "2021-11-22"),
        (packed(json.dumps({"nights": "2021-11", "archive": "s3://me:secret@host/x"}).encode()), "password"),
    ],
    ids=range(26),
)
def test_what_is_no_link_is_told(link, said):
    with pytest.raises(InputError) as caught:
        TransferRequest.from_link(link)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 900


@given(st.text(max_size=60) | st.binary(max_size=60).map(packed) | st.integers(0, 200).map(lambda n: LINK[:n] + LINK))
def test_no_link_ends_in_anything_but_a_request_or_an_input_error(link):
    with contextlib.suppress(InputError):
        assert TransferRequest.from_link(link).nights
