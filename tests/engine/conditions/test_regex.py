"""Patterns of RLIKE mean what they mean in Java, or are refused."""

import pytest

from tests.engine.conditions.tables import ALERT, refusal


@pytest.mark.parametrize(
    "pattern",
    [
        *("[[:digit:]]", "[a-z&&[^b]]", "[a-c[x-z]]", "\\\\v", "\\\\0101", "(a)\\\\1", "\\\\C", "(?i)É", "(?U)a"),
        *("a{,2}", "{", "(?=a)", "a++", "(?<=a)b", "\\\\h", "["),
    ],
)
def test_regular_expressions_that_mean_something_else_in_java_are_refused(pattern):
    error = refusal(f"objectId RLIKE '{pattern}'", ALERT)
    assert "objectId RLIKE" in error.message
    assert error.accepted
