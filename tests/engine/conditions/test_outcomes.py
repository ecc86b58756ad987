"""What the notes say of conditions, that they are never true or always, is so: by Spark's results and by ours."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions import parse_conditions
from tests.engine.conditions.tables import GOLDEN, TABLE, rows

NONE, EVERY = "the conditions select no alert, whatever it holds", "the conditions select every alert"


def check_notes(text: str, selected: list[int]) -> None:
    told = parse_conditions(text, TABLE.schema).notes
    assert NONE not in told or not selected, text
    assert EVERY not in told or len(selected) == TABLE.num_rows, text


def three_valued(golden: dict, *, negated: bool) -> tuple[str, list]:
    results = [None if value is None else value is not negated for value in golden["result"]]
    return (f"NOT ({golden['sql']})" if negated else f"({golden['sql']})"), results


def test_notes_agree_with_what_spark_selects():
    noted = 0
    for golden in GOLDEN["conditions"]:
        for negated in (False, True):
            text, results = three_valued(golden, negated=negated)
            check_notes(text, [i for i, value in enumerate(results) if value])
            noted += bool(parse_conditions(text, TABLE.schema).notes)
    assert noted > 100


PLAIN = [golden for golden in GOLDEN["conditions"] if "--" not in golden["sql"] and len(golden["sql"]) < 60]


@settings(deadline=None, max_examples=75)
@given(
    st.lists(st.tuples(st.sampled_from(PLAIN), st.booleans()), min_size=2, max_size=4), st.sampled_from(["AND", "OR"])
)
def test_notes_on_joined_conditions_agree_with_what_spark_selects(chosen, word):
    parts = [three_valued(golden, negated=negated) for golden, negated in chosen]
    text = f" {word} ".join(part for part, _ in parts)
    wanted = all if word == "AND" else any
    selected = [i for i in range(TABLE.num_rows) if wanted(results[i] is True for _, results in parts)]
    check_notes(text, selected)


FIELDS = {
    "d": "1.5 -0.0 2 'x' null CAST('NaN' AS DOUBLE) 1e300",
    "i": "1 7 -7 1.5 '7' 'x' null 9999999999",
    "s": "'a' 'b' '' null",
}


@st.composite
def comparisons(draw) -> str:
    name = draw(st.sampled_from(list(FIELDS)))
    values = st.sampled_from(FIELDS[name].replace(" AS ", "_AS_").split()).map(lambda x: x.replace("_AS_", " AS "))
    match draw(st.sampled_from(["compare", "between", "in", "null"])):
        case "compare":
            return f"{name} {draw(st.sampled_from(['=', '<>', '<', '<=', '>', '>=', '<=>']))} {draw(values)}"
        case "between":
            return f"{name} BETWEEN {draw(values)} AND {draw(values)}"
        case "in":
            return f"{name} IN ({', '.join(draw(st.lists(values, min_size=1, max_size=3)))})"
    return f"{name} IS NULL"


@settings(deadline=None, max_examples=40)
@given(
    st.recursive(
        comparisons(),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda x: f"({' '.join(x)})"),
            inner.map(lambda x: f"NOT ({x})"),
        ),
        max_leaves=5,
    )
)
def test_notes_on_any_comparisons_agree_with_what_is_selected(text):
    check_notes(text, rows(text))
