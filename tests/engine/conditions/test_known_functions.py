"""The functions of the conditions are listed as people read of them."""

import engine


def test_each_way_to_call_a_function_is_told_with_what_it_gives():
    ways = {way: one.gives for one in engine.condition_functions() for way in one.usage}
    assert "abs(x)" in ways
    assert {"log(x)", "log(base, x)"} <= set(ways)
    assert all(ways.values())
