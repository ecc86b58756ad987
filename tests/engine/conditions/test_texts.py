"""Conditions as users write them: several texts as one, and what their comments hide."""

import pyarrow as pa
import pytest

from engine.conditions import notes_on_comments, one_text, parse_conditions
from engine.errors import ConditionError

ANNOUNCED = """-- Example 1
-- Alerts with magnitude above 19.5 and
-- at least 2'' distance away to nearest
-- source in ZTF reference images:
candidate.magpsf > 19.5;
candidate.distnr > 2;

-- Example 2: Using a combination of fields
(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2);

-- Example 3: Filtering on ML scores
rf_snia_vs_nonia > 0.5;
snn_snia_vs_nonia > 0.5;
"""
SCHEMA = pa.schema([("a", pa.float64()), ("b", pa.float64()), ("t", pa.string())])


def sql(where) -> str | None:
    return parse_conditions(one_text(where), SCHEMA).sql


@pytest.mark.parametrize(
    ("where", "same"),
    [
        (None, ""),
        ("a > 1", "a > 1"),
        (("a > 1", "b > 2"), "a > 1; b > 2"),
        (("a > 1;", "b > 2;"), "a > 1; b > 2"),
        (("a > 1 -- comment", "b > 2"), "a > 1; b > 2"),
        (("a > 1; -- comment;", "b > 2 /* x */"), "a > 1; b > 2"),
        (("-- comment", "b > 2"), "b > 2"),
        (("a > 1 OR b > 2", "b > 3"), "(a > 1 OR b > 2); b > 3"),
        (("t = ';'", "t <> '--'", "b > 2"), "t = ';'; t <> '--'; b > 2"),
        (("t = 'it\\'s'", "b > 2\r\n"), "t = 'it\\'s'; b > 2"),
    ],
)
def test_several_texts_all_hold(where, same):
    assert sql(where) == sql(same)


@pytest.mark.parametrize("where", [("t = 'x", "t = y'"), ("a > 1 /* x", "*/ OR b > 2"), ("(a > 1", "b > 2)")])
def test_no_text_reaches_into_the_next(where):
    with pytest.raises(ConditionError):
        sql(where)


def test_an_error_points_into_the_right_text():
    with pytest.raises(ConditionError) as caught:
        sql(("a > 1 -- first", "b >", "t = 'x'"))
    assert "condition 2" in str(caught.value)
    assert "\n  b >" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "comment", "hidden"),
    [
        ("a > 1; -- faint ones candidate.magpsf > 19.5; b > 2;", "-- faint ones", "candidate.magpsf > 19.5 with it"),
        ("a > 1; -- candidate.rb > 0.5;\nb > 2", "-- candidate.rb > 0.5;", "candidate.rb > 0.5 with it"),
        ("a > 1 --b>2", "--b>2", "b>2 with it"),
        ("a > 1 /* switched off: b > 2 */", "/* switched off: b > 2 */", "b > 2 with it"),
        ("a > 1; -- names t LIKE 'x%'", "-- names", "t LIKE 'x%' with it"),
        ("a > 1; -- t in ('x', 'y')", "-- t in", "t in ('x', 'y') with it"),
        ("a > 1; -- known b IS NOT NULL", "-- known", "b IS NOT NULL with it"),
        ("a > 1; -- b between 1 and 2", "-- b", "b between 1 and 2 with it"),
        ("a > 1; -- known isnan(b)", "-- known", "isnan(b) with it"),
        ("a > 1; -- 2'' away b > 2", "-- 2'' away", "b > 2 with it"),
        ("a > 1; -- real ones candidate.isreal; t = 'x'", "-- real ones candidate.isreal", "t = 'x' with it"),
        ("a > 1; -- real ones candidate.isreal;", "-- real ones candidate.isreal;", "left out"),
        ("a > 1; -- b <=> 2", "-- b <=> 2", "b <=> 2 with it"),
    ],
)
def test_a_condition_in_a_comment_is_told(text, comment, hidden):
    (note,) = notes_on_comments(text)
    assert comment in note
    assert hidden in note


@pytest.mark.parametrize(
    "text",
    [
        "",
        ANNOUNCED,
        "a > 1 -- ==== cuts ====\n",
        "a > 1 -- bright -> faint\n",
        "a > 1 -- objects like SN 2011fe in (the) archive\n",
        "a > 1 /* what is seen between two nights */",
        "t = '-- a > 1; b > 2'",
        "a > 1 AND `b--` < 2",
    ],
)
def test_prose_is_not_told(text):
    assert notes_on_comments(text) == []


def test_the_announced_examples_on_one_line_are_told():
    first, second = notes_on_comments(" ".join(ANNOUNCED.split("\n")))
    assert "every alert" in first
    assert "candidate.magpsf > 19.5 with it" in second
    assert notes_on_comments("-- all that is there") == [
        "the conditions are all comment, and select every alert: '-- all that is there'"
    ]


def test_many_and_long_comments_are_told_shortly():
    notes = notes_on_comments("a > 1;\n" + "-- b > 2;\n" * 500)
    assert len(notes) == 4
    assert "497 more" in notes[-1]
    (note,) = notes_on_comments("a > 1; -- " + "word " * 50_000 + "b > 2; " + "word " * 40_000)
    assert len(note) < 400
