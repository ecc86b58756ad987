"""The door, in this process: what it lets through, and what it refuses."""

import pickle
import pickletools
import subprocess
import sys
from importlib import metadata

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.workers import Sent, door, loaded_code, refusal_of
from engine.workers.door import facts_of_this_process, is_refusal, problem_of, refusal


def names_in(pickled: bytes) -> set[str]:
    """Return the modules that opening a pickle imports by name."""
    texts = [
        arg for op, arg, _ in pickletools.genops(pickled) if op.name in ("SHORT_BINUNICODE", "BINUNICODE", "GLOBAL")
    ]
    return {text.split()[0] for text in texts if len(text) < 80}


def test_what_is_sent_names_nothing_of_ours_however_often_it_travels():
    once = pickle.dumps(Sent(loaded_code))
    assert names_in(once) == {"builtins", "eval"}
    opened = pickle.loads(once)
    assert pickle.dumps(opened) == once, "a scheduler opens it and packs it again"
    assert opened() == loaded_code()


def test_it_is_called_with_what_was_computed_before_it():
    call = Sent(divmod, 17)
    assert call(5) == pickle.loads(pickle.dumps(call))(5) == (3, 2)


def test_a_refusal_is_handed_on_and_not_computed_with():
    refused = refusal("a-key", "tcp://a:1", "lacks alert-transfer")
    assert pickle.loads(pickle.dumps(Sent(divmod, 17)))(refused) is refused
    found = refusal_of(refused)
    assert (found.key, found.worker, found.problem) == ("a-key", "tcp://a:1", "lacks alert-transfer")


@given(st.one_of(st.none(), st.integers(), st.binary(), st.tuples(st.text(), st.text(), st.text(), st.text())))
def test_no_result_is_taken_for_a_refusal(result):
    assert not is_refusal(result)
    assert refusal_of(result) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"a": "1.2.3", "b": "2026.8.1", "c": "9"}, ""),
        ({"a": "1.2.3", "b": "2026.8", "c": "9"}, ""),
        ({"a": "1.2.3", "b": "2026.80", "c": "9"}, "has b 2026.80, not 2026.8"),
        ({"a": "1.2.4", "b": "2026.7.0", "c": "9"}, "has a 1.2.4, not 1.2.3, b 2026.7.0, not 2026.8"),
        ({"a": "1.2.3", "b": "", "c": ""}, "lacks b, c"),
        ({"a": "1.2", "b": "2026.8.0"}, "lacks c; has a 1.2, not 1.2.3"),
    ],
)
def test_versions_are_compared_as_far_as_they_are_given(found, words):
    assert problem_of(found, {"a": "1.2.3", "b": "2026.8", "c": ""}) == words


def test_a_process_tells_its_versions():
    found = facts_of_this_process(dict.fromkeys(("alert-transfer", "Python", "dask", "no-such-package")))
    assert found["alert-transfer"] == loaded_code()
    assert found["Python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["dask"].startswith("20")
    assert found["no-such-package"] == ""


def test_a_process_looks_a_version_up_once_and_again_what_was_not_there(monkeypatch):
    asked, version = [], metadata.version
    monkeypatch.setattr(door, "_known", {})
    monkeypatch.setattr(metadata, "version", lambda name: [asked.append(name), version(name)][1])
    for _ in range(3):
        facts_of_this_process(dict.fromkeys(("alert-transfer", "dask", "no-such-package")))
    assert sorted(asked) == ["alert-transfer", "dask", *["no-such-package"] * 3]


def test_code_that_can_t_be_imported_is_looked_at_again(monkeypatch):
    monkeypatch.setattr(door, "_known", {})
    with monkeypatch.context() as broken:
        broken.setitem(sys.modules, "engine.workers", None)
        assert "can't be imported" in facts_of_this_process({"alert-transfer": None})["alert-transfer"]
    assert facts_of_this_process({"alert-transfer": None})["alert-transfer"] == loaded_code()


def test_a_process_makes_one_module_of_the_door_s_text_and_names_its_class():
    first, second = (pickle.loads(pickle.dumps(Sent(divmod, number))) for number in (17, 18))
    assert type(first) is type(second)
    assert len(cloudpickle.dumps(type(first))) < 200, "Dask sends the type of each result"


def test_the_digest_is_the_same_in_each_process():
    command = [sys.executable, "-c", "from engine.workers import loaded_code; print(loaded_code())"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == loaded_code()
