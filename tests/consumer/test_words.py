"""Numbers and lists in sentences."""

import pytest

from consumer.words import count_text, some_text, verb_text


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
