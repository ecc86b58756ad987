"""What users hand over as numbers and truth values, and how a value is shown in a message."""

import numpy as np
import pytest

from consumer.errors import InputError
from consumer.fetching import consume
from consumer.settings import shown, truth_value, whole_number


@pytest.mark.parametrize("value", [5, np.int64(5), np.int32(5), np.uint8(5), np.array(5)])
def test_whole_numbers_of_all_kinds(value):
    number = whole_number("limit", value)
    assert (number, type(number)) == (5, int)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "limit is 0"),
        (-3, "limit is -3"),
        (True, "True"),
        (np.bool_(True), "True"),
        (5.0, "did you mean 5?"),
        (np.float64(5.0), "did you mean 5?"),
        ("10", "did you mean 10?"),
        ("1_000", "did you mean 1000?"),
        ("1e5", "did you mean 100000?"),
        (5.5, "5.5"),
        (float("nan"), "nan"),
        (np.array([1, 2]), "array"),
        (2**63, "9223372036854775808"),
        (1 << 20_000, "digits"),
        ("9" * 500_000, "500,000 characters"),
        (None, "None"),
    ],
    ids=range(16),
)
def test_what_is_no_whole_number_is_told(value, said):
    with pytest.raises(InputError) as caught:
        whole_number("limit", value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_number_beyond_64_bits_is_told_the_bound():
    with pytest.raises(InputError) as caught:
        whole_number("limit", 2**63)
    assert "9,223,372,036,854,775,807" in caught.value.accepted


def test_truth_values():
    assert truth_value("x", np.bool_(True)) is True
    assert truth_value("x", False) is False
    for value in (1, "yes", None, np.int64(1)):
        with pytest.raises(InputError, match="true or false"):
            truth_value("x", value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 500_000,
        b"x" * 500_000,
        ["x" * 500_000],
        {"a": "x" * 500_000},
        list(range(100_000)),
        [1 << 20_000],
        np.ones(10**6),
    ],
    ids=range(7),
)
def test_of_a_long_value_a_short_part_is_shown_on_one_line(value):
    text = shown(value)
    assert len(text) < 120
    assert "\n" not in text


def test_an_error_of_input_is_short_whatever_is_in_it():
    error = InputError("begin " + "x" * 500_000 + " end", accepted="y" * 500_000, next_step="z" * 500_000)
    assert len(str(error)) < 6_000
    assert error.message.startswith("begin ")
    assert error.message.endswith(" end")


@pytest.mark.parametrize("limit", [0, True, 2.5, "ten"])
def test_consume_refuses_a_limit_that_is_none(tmp_path, limit):
    with pytest.raises(InputError, match="limit is"):
        consume("ftransfer_x", tmp_path / "out", kafka="127.0.0.1:1", limit=limit)
