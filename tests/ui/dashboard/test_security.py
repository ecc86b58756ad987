"""What browsers are told of each answer."""

import base64
import hashlib

from ui.dashboard.security import policy


def rules(text: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (rule.split() for rule in text.split("; "))}


def test_nothing_of_another_host_is_allowed():
    found = rules(policy())
    assert found["default-src"] == found["frame-ancestors"] == found["object-src"] == found["base-uri"] == ["'none'"]
    places = {value for values in found.values() for value in values}
    assert not {value for value in places if "*" in value or value.startswith(("http", "//")) or value == "https:"}
    assert "'unsafe-inline'" not in found["script-src"]


def test_of_the_scripts_in_a_page_those_that_stand_there_are_allowed_by_their_hash():
    code = b"\n  let a = 1 < 2\n"
    page = b'<html><script type="module">' + code + b'</script><script src="static/x.js"></script></html>'
    expected = f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'"
    assert [value for value in rules(policy(page))["script-src"] if "sha" in value] == [expected]


def test_pages_that_may_show_it_in_a_frame_are_named():
    assert rules(policy(ancestors=["https://portal.example.org"]))["frame-ancestors"] == ["https://portal.example.org"]
