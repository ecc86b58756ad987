"""YAML as users write it: what means two things at once, or takes the reader's memory, is refused and placed."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import InputError
from consumer.settings import read_table, read_text
from consumer.settings.strict_yaml import MAX_NBYTES


def read(text: str, **options) -> dict:
    return read_table(text, "the file", error=InputError, **options)


def refusal(text: str, **options) -> InputError:
    with pytest.raises(InputError) as caught:
        read(text, **options)
    assert len(str(caught.value)) < 1_500
    return caught.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("where: a > 1\nnights: x\nwhere: b > 2\n", ["'where'", "lines 1 and 3"]),
        ("{where: a, where: a}", ["'where'", "twice"]),
        ("a:\n  key: 1\n  secret: 2\n  key: 3\n", ["'key'", "lines 2 and 4"]),
        ("a: [{b: 1, b: 2}]", ["'b'", "twice"]),
        ("'a': 1\na: 2\n", ["'a'", "lines 1 and 2"]),
        ("1: a\n'1': b\n", ["'1'", "twice"]),
    ],
)
def test_a_key_given_twice_is_refused_at_every_level(text, said):
    message = str(refusal(text))
    assert all(words in message for words in said), message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "line 1, column 4"),
        ("a: 1\nb: *x\n", "line 2, column 4"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "alias"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag"),
        ("a: !!binary aGk=\n", "tag"),
        ("a: !mine 1\n", "tag"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("? [a, b]\n: 1\n", "not text"),
        ("{a: 1}: 2\n", "not text"),
        ("- a\n", "not a table"),
        ("just text\n", "not a table"),
        ("a: [\n", "not YAML"),
        ("a:\n\tb: 1\n", "line 2"),
        ("a: b: c\n", "line 1"),
        ("a: x\0y\n", "U+0000"),
        ('a: "\\U99999999"\n', "not YAML"),
        ("%YAML 9.9\n---\na: 1\n", "not YAML"),
        ("a: " + "[" * 50_000, "20 levels"),
        ("a: " + "{a: " * 50_000, "20 levels"),
        ("- " * 50_000, "20 levels"),
        ("a: " + "x" * MAX_NBYTES, "1,000,000 bytes"),
        ("a: " + "é" * (MAX_NBYTES // 2), "1,000,000 bytes"),
    ],
)
def test_what_is_no_single_plain_table_is_refused(text, said):
    assert said in str(refusal(text))


def test_nothing_of_a_long_value_is_echoed():
    long = "x" * 500_000
    for text in (f"{long}: 1\n{long}: 2\n", f"a: {long}: b\n", f"a: *{long}\n", f"a: !{long} b\n", f"a: '{long}\n"):
        assert "x" * 300 not in str(refusal(text))


@pytest.mark.parametrize(
    "text", ["a: hunter2: b\n", "a: 'hunter2\n", 'a: "hunter2\\q"\n', "a: [hunter2\n", "hunter2\n"]
)
def test_of_a_secret_text_the_place_is_told_and_no_value(text):
    error = refusal(text, secret=True)
    assert "hunter2" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_values_are_what_they_look_like():
    values = read(
        "yes_: yes\nno_: No\non_: on\nint_: 12\nnegative: -3\nfloat_: 1.5\nlarge: 1.0e+5\nnot_a_number: .nan\n"
        "date: 2021-11-22\nno_day: 2021-02-30\ntime: 12:30:00\ncode: 0123\nhexadecimal: 0x10\nthousands: 1_000\n"
        f"long: {'9' * 5_000}\nshort_exponent: 1e5\nempty:\ntilde: ~\nquoted: '12'\ntext: !!str 12\non: 1\n"
        "list: [1, a]\n"
    )
    assert str(values.pop("not_a_number")) == "nan"
    assert values.pop("long") == "9" * 5_000
    assert values == {
        "yes_": True,
        "no_": False,
        "on_": True,
        "int_": 12,
        "negative": -3,
        "float_": 1.5,
        "large": 1e5,
        "date": "2021-11-22",
        "no_day": "2021-02-30",
        "time": "12:30:00",
        "code": "0123",
        "hexadecimal": "0x10",
        "thousands": "1_000",
        "short_exponent": "1e5",
        "empty": None,
        "tilde": None,
        "quoted": "12",
        "text": "12",
        "on": 1,
        "list": [1, "a"],
    }


def test_under_keys_of_texts_everything_is_text_as_written():
    text = "classes: [No, yes, 12, 1.50, ~, 'null']\nnights: 20211122\nlimit: 12\n"
    assert read(text, texts=["classes", "nights"]) == {
        "classes": ["No", "yes", "12", "1.50", None, "null"],
        "nights": "20211122",
        "limit": 12,
    }


plain = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text()
tables = st.dictionaries(
    st.text(), st.recursive(plain, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
)


@given(table=tables, style=st.sampled_from([None, True, False]))
def test_what_another_program_dumped_is_read_back(table, style):
    text = yaml.safe_dump(table, default_flow_style=style, width=30)
    if not any(mark in text for mark in ("&id", "*id")):
        assert read(text) == table


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        (b"a\rb", "a\nb"),
        (b"", ""),
    ],
)
def test_marks_and_ends_of_lines_of_other_systems_are_read(tmp_path, data, text):
    (tmp_path / "file").write_bytes(data)
    assert read_text(tmp_path / "file", "the file", error=InputError) == text


@pytest.mark.parametrize(
    ("data", "said"),
    [("a".encode("utf-16"), "UTF-16"), (b"\xe9", "not UTF-8"), (b"x" * (MAX_NBYTES + 1), "1,000,000 bytes")],
)
def test_other_bytes_are_told(tmp_path, data, said):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_text(tmp_path / "file", "the file", error=InputError)


@pytest.mark.parametrize("name", ["none", "", "a\0b", "~nobody-here/x", "n" * 5_000])
def test_what_is_no_file_is_told(tmp_path, name):
    with pytest.raises(InputError, match="can't be read") as caught:
        read_text(tmp_path / name if name in ("none", "") else name, "the file", error=InputError)
    assert len(str(caught.value)) < 600


def test_a_file_without_end_is_not_read_to_the_end():
    with pytest.raises(InputError, match="1,000,000 bytes"):
        read_text("/dev/zero", "the file", error=InputError)
