"""Numbers and lists in sentences, and texts of others."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.words import count_text, on_one_line, printable, some_text, verb_text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (2_000, "2,000 files"), (1_001, "1,001 files")]
)
def test_one_is_told_in_the_singular_and_all_else_in_the_plural(number, text):
    assert count_text(number, "file") == text


def test_words_with_a_plural_of_their_own():
    assert count_text(1, "second copy", "second copies") == "1 second copy"
    assert count_text(2, "second copy", "second copies") == "2 second copies"
    assert (verb_text(1, "is", "are"), verb_text(0, "is", "are")) == ("is", "are")


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), ([1, 2, 3, 4], "1, 2 and 2 more")]
)
def test_long_lists_are_cut_and_say_so(items, text):
    assert some_text(items, 2) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SN Ia, Fürth ★ 超新星", "SN Ia, Fürth ★ 超新星"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]0;OWNED\x07\x1b[2J", "\\x1b]0;OWNED\\x07\\x1b[2J"),
        ("over\rwritten\x08", "over\\rwritten\\x08"),
        ("\x9b31m\x85\x7f", "\\x9b31m\\x85\\x7f"),
        ("abc\u202edcba\u2066", "abc\\u202edcba\\u2066"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("SN\u200b \udc9b", "SN\\u200b \\udc9b"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, shown):
    assert printable(text) == shown
    assert on_one_line(text) == shown.replace("\n", "\\n").replace("\t", "\\t")


@given(st.text())
def test_no_text_hides_anything_or_leaves_its_line(text):
    shown = on_one_line(text)
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(character) in OVERRIDES for character in shown)
    assert printable(shown) == shown


OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
