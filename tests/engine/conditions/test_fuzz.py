"""Whatever text comes in, it is a condition or it is refused: no other error, no crash, no endless work."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.conditions.functions import function_names
from engine.errors import InputError
from engine.surveys import survey_named

ZTF = survey_named("ztf")
POSITION = ("candidate.ra", "candidate.dec")
LEAVES = {"ra": pa.float64(), "dec": pa.float64(), "jd": pa.float64(), "fid": pa.int32(), "isdiffpos": pa.string()}
SCHEMA = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        ("candidate", pa.struct(list(LEAVES.items()))),
        ("prv_candidates", pa.list_(pa.struct([("jd", pa.float64())]))),
        ("mangrove", pa.map_(pa.string(), pa.string())),
        ("t2", pa.map_(pa.string(), pa.float32())),
        ("from_upper", pa.bool_()),
        ("timestamp", pa.timestamp("us")),
        ("cutoutScience", pa.struct([("fileName", pa.string()), ("stampData", pa.binary())])),
    ]
)
FIELDS = [
    "objectId",
    "candid",
    "candidate.ra",
    "candidate.jd",
    "candidate.fid",
    "mangrove.x",
    "from_upper",
    "t2['SN']",
    "timestamp",
]
OPERATORS = [
    *("=", "==", "<>", "!=", "<", "<=", ">", ">=", "<=>", "+", "-", "*", "/", "%", "||", "DIV", "::", ".", ",", ";"),
    *("AND", "OR", "NOT", "!", "IN", "LIKE", "ILIKE", "RLIKE", "BETWEEN", "IS"),
]
WORDS = [
    *FIELDS,
    *OPERATORS,
    *function_names(),
    *("(", ")", "[", "]", "{", "}", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST(", "AS", "NULL", "TRUE", "FALSE"),
    *("DISTINCT FROM", "ESCAPE", "SELECT", "FROM", "WHERE", "OVER", "EXISTS", "UNION", "INTERVAL", "DATE", "ARRAY"),
    *("'text'", '"text"', "`name`", "r'raw'", "''", "'", '"', "`", "\\", "\\'", "/*", "*/", "--", "\n", "\t", "\r"),
    *("0", "1", "-1", ".5", "1.", "1e3", "1e-999", "1e999", "99999999999999999999", "1.5D", "2L", "3BD", "0x1F", "1_0"),
    *("INT", "DOUBLE", "STRING", "DECIMAL(10,2)", "MAP<INT,INT>", "@x", "$1", ":p", "?", "->", "=>", "#", "&&", "**"),
    *("\x00", "\x1a", "\u00a0", "\u200b", "\ufeff", "\u2028", "’", "“", "–", "é", "名", "😀", "ﬀ", "İ", "\ud7ff", "٣"),
    *(
        "jd('2021-11-22')",
        "'2021-11-22T03:00'",
        "cone(1, 2, 3)",
        "size(prv_candidates)",
        "CAST(candid AS STRING)",
        "{{ x }}",
        "{% x %}",
        "{#",
    ),
]
SEEDS = [
    "candidate.ra > 19.5; candidate.dec > 2;",
    "(candidate.ra - candidate.dec) < -4 * (LOG10(candidate.jd) + 0.2);",
    "-- comment\nobjectId LIKE 'ZTF21%' AND NOT candidate.fid IN (1, 2, NULL) /* more */",
    "CASE WHEN candidate.fid = 1 THEN candidate.ra ELSE candidate.dec END BETWEEN 0 AND 10 OR from_upper",
    "timestamp BETWEEN '2021-11-22T03:00Z' AND '2021-12' OR coalesce(timestamp, '') LIKE '2021%'",
    "cone(10.5, -20, 5) OR NOT cone(350, 80, 3600) AND candidate.jd >= jd('2021-11-22T03:00')",
    "coalesce(t2['SN'], 0) > 0.5 AND mangrove.`2MASS_name` IS NOT NULL; size(prv_candidates) > 5",
    "substring(objectId, 1, 3) || 'x' = 'ZTFx' AND isnan(candidate.ra) <=> (candid % 2 = 1)",
    "greatest(candidate.ra, CAST(candidate.isdiffpos AS DOUBLE), 1e-3) IS DISTINCT FROM nullif(candid, 5) DIV 2",
]


def ask(text: str) -> None:
    """Parse a text, and run what it means on two alerts, one of nulls."""
    try:
        conditions = parse_conditions(text, SCHEMA, POSITION, ZTF)
    except InputError as exc:
        error = exc
    else:
        error = None
    if error is not None:
        assert error.accepted or error.next_step
        assert len(str(error)) < 5_000
        return
    assert parse_conditions(conditions.text, SCHEMA, POSITION, ZTF) == conditions
    if conditions.sql is not None:
        assert filter_table(rows_of(conditions.leaves), conditions.sql).size <= 2


def rows_of(leaves: tuple[str, ...]) -> pa.Table:
    values = {pa.string(): "ZTF21abc", pa.bool_(): True}
    types = {leaf: leaf_type(SCHEMA, leaf) for leaf in leaves}
    return pa.table({leaf: pa.array([values.get(t, 1), None], t) for leaf, t in types.items()})


@contextlib.contextmanager
def small_stack(nbytes: int) -> Iterator[None]:
    before = threading.stack_size(nbytes)
    try:
        yield
    finally:
        threading.stack_size(before)


def in_thread(work: Callable[[], None], nbytes: int = 1024 * 1024) -> None:
    """Run in a thread with a stack like a web server's; an overflow would end the process."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - raised again below, in the thread that waits
            failed.append(exc)

    with small_stack(nbytes):
        thread = threading.Thread(target=run)
        thread.start()
    thread.join()
    if failed:
        raise failed[0]


def mutate(random_: random.Random, text: str) -> str:
    for _ in range(random_.randint(1, 4)):
        start = random_.randint(0, len(text))
        end = min(len(text), start + random_.choice([0, 1, 3, 10]))
        match random_.randint(0, 5):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + " " + random_.choice(WORDS) + " " + text[end:]
            case 2:
                text = (
                    text[:start] + chr(random_.choice([random_.randrange(128), random_.randrange(0xD800)])) + text[end:]
                )
            case 3:
                text = text[:start] + text[start:end] * random_.randint(2, 30) + text[end:]
            case 4:
                text = text[:start] + random_.choice(SEEDS)
            case 5:
                left, right = random_.choice(
                    [("(", ")"), ("NOT (", ")"), ("abs(", ")"), ("[", "]"), ("'", "'"), ("/*", "*/")]
                )
                text = left * (n := random_.randint(1, 40)) + text + right * random_.choice([n, n, n - 1])
    return text


@pytest.mark.parametrize("seed", range(10))
def test_mutations_of_good_conditions(seed):
    random_ = random.Random(seed)
    in_thread(lambda: [ask(mutate(random_, random_.choice(SEEDS))) for _ in range(200)])


@pytest.mark.parametrize("seed", range(10))
def test_word_soup(seed):
    random_ = random.Random(1000 + seed)

    def soup() -> None:
        for _ in range(200):
            words = random_.choices(WORDS, k=random_.choice([1, 3, 8, 20, 60]))
            ask(random_.choice([" ", "", "\n"]).join(words))

    in_thread(soup)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=200) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
@example("\ud800")
@example("objectId = '\x00'")
@example("a" * 10_000)
@example("case when")
def test_any_text(text):
    ask(text)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_as_latin_text(raw):
    ask(raw.decode("latin-1"))


NESTED = {
    "parentheses": ("(", "candid > 1", ")"),
    "not": ("NOT ", "from_upper", ""),
    "not in parentheses": ("NOT (", "from_upper", ")"),
    "not and": ("NOT (from_upper AND ", "from_upper", ")"),
    "mark": ("!", "from_upper", ""),
    "minus": ("- ", "candid > 1", ""),
    "plus": ("+", "candid > 1", ""),
    "floor": ("floor(", "candidate.ra", ") > 1"),
    "nullif": ("nullif(", "candidate.ra", ", 1)"),
    "if": ("if(from_upper, true, ", "from_upper", ")"),
    "coalesce": ("coalesce(1, ", "candid", ")"),
    "case": ("CASE WHEN from_upper THEN true ELSE ", "from_upper", " END"),
    "case of": ("CASE ", "candid", " WHEN 1 THEN 2 WHEN 3 THEN 4 WHEN 5 THEN 6 END"),
    "between": ("(", "from_upper", " BETWEEN true AND true)"),
    "in": ("(", "from_upper", " IN (from_upper, true, NULL))"),
    "in a list": ("from_upper IN (true, ", "from_upper", ")"),
    "and or": ("from_upper AND (from_upper OR (", "from_upper", "))"),
    "casts": ("CAST(", "candid", " AS INT)"),
    "double colons": ("", "candid", "::INT"),
    "is null": ("", "candid", " IS NULL"),
    "like": ("", "objectId", " LIKE 'a'"),
    "escape": ("", "objectId LIKE 'a'", " ESCAPE '/'"),
    "collate": ("", "objectId", " COLLATE x"),
    "brackets": ("", "mangrove", "['x']"),
    "dots": ("", "mangrove", ".x"),
    "power": ("", "candid", " ** 2"),
    "sums": ("1 + ", "candid", " > 1"),
    "texts": ("'a' ", "'a'", " = 'a'"),
    "pipes": ("'a' || ", "objectId", " = 'a'"),
    "commas": (",", "candid", ","),
    "comments": ("/*", "candid > 1", "*/"),
    "open comments": ("/*", "candid > 1", ""),
    "braces": ("{", "candid", "}"),
    "exists": ("EXISTS (", "SELECT 1", ")"),
    "select": ("(SELECT ", "1", ")"),
    "window": ("sum(", "candid", ") OVER ()"),
    "lambda": ("x -> ", "x", ""),
    "types": ("CAST(candid AS ARRAY<", "INT", ">)"),
    "intervals": ("INTERVAL ", "1", " DAY"),
    "with": ("WITH x AS (", "SELECT 1", ") SELECT 1"),
    "quotes": ("'", "candid", "'"),
    "backslashes": ("\\", "candid", "\\"),
    "cone": ("cone(", "1, 2, 3", ")"),
    "cone's numbers": ("cone(1, 2, ", "3", ")"),
    "cone's sums": ("cone(1, 2, (", "3", "))"),
    "jd": ("jd(", "'2021-11-22'", ")"),
    "end": ("END ", "candid > 1", " END"),
}


@pytest.mark.parametrize("name", NESTED)
def test_nesting_of_any_depth_is_refused_or_bounded(name):
    before, inner, after = NESTED[name]
    for depth in (5, 11, 12, 13, 20, 24, 25, 26, 49, 60, 400, 4_000):
        in_thread(lambda depth=depth: ask(before * depth + inner + after * depth))


LONG = {
    "terms": " OR ".join(["candid = 1"] * 10_000),
    "conditions": "candid = 1;\n" * 9_000,
    "spaces": "candid" + " " * 100_000 + "> 1",
    "lines": "\n" * 100_000 + "nothing > 1",
    "one line": "candid > 1 AND " * 200 + "nothing > 1",
    "comment": "/*" + "*" * 100_000 + "/ candid > 1",
    "stars": "candid " + "*" * 100_000,
    "texts": "objectId IN (" + "'a'," * 10_000 + "'b')",
    "names": ".".join(["candidate"] * 10_000),
    "quotes": "'" * 100_001,
    "backquotes": "`" * 100_001,
    "escapes": "objectId = '" + "\\'" * 50_000,
    "digits": "candid > 0." + "1" * 100_000,
    "exponent": "candidate.ra > 1e" + "9" * 10_000,
    "pattern": "objectId LIKE '" + "%a" * 5_000 + "'",
    "regex": "objectId RLIKE '" + "(" * 50_000 + "'",
    "date": "candidate.jd > jd('" + "2021-" * 20_000 + "')",
    "function": "f" * 100_000 + "(1)",
    "unknown": "candid > 1 AND " + "x" * 100_000 + " > 1",
    "arguments": "greatest(" + "candid, " * 10_000 + "1) > 1",
    "case": "CASE " + "WHEN from_upper THEN true " * 3_000 + "END",
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_are_refused_or_bounded(name):
    in_thread(lambda: ask(LONG[name]))


@pytest.mark.parametrize(
    "text",
    [
        *("read_files('/etc/passwd') = 'x'", "input_file_name() = 'x'", "objectId = file('x')", "`file:///etc` = 1"),
        *("csv.`/etc/passwd` = 1", "parquet.`s3://bucket/x`.y = 1", "objectId IN (TABLE x)", "(FROM x) = 1"),
        *("reflect('java.lang.System', 'exit', 0) = 1", "java_method('os', 'system') = 1", "xpath('a', 'b') = 1"),
        *(
            "__import__('os') = 1",
            "objectId.__class__ = 1",
            "eval('1') = 1",
            "candidate.ra.__init__ > 1",
            "pd.read_csv",
        ),
        *(
            "system_schema.tables.x = 1",
            "information_schema.x = 1",
            '"alerts".candid > 1',
            "`#row` = 1",
            "`alerts` = 1",
        ),
        *(
            "equal_boolean(candid, 1)",
            "cast_int(candid) = 1",
            "everywhere_boolean(candid, true)",
            "unescape_string('=a') = 'a'",
        ),
        *(
            "objectId = 'a'); DROP TABLE alerts; --",
            "candid > 1 LIMIT 1",
            "candid > 1 ORDER BY candid",
            "candid > 1 GROUP BY 1",
        ),
    ],
)
def test_nothing_but_the_alert_is_within_reach(text):
    with pytest.raises(InputError):
        parse_conditions(text, SCHEMA, POSITION, ZTF)


@pytest.mark.parametrize(
    "text", ["' OR 1 = 1 --", '" OR "', "'') OR (''='", "\\", "_x", "=", "%", "a'b\"c`d", "\n", "\x00"]
)
def test_a_text_stays_a_text(text):
    written = text.replace("\\", "\\\\").replace("'", "\\'")
    table = pa.table({"objectId": [text, "other", None]})
    for condition in (f"objectId = '{written}'", f"objectId IN ('{written}', 'z')", f"objectId <=> '{written}'"):
        conditions = parse_conditions(condition, SCHEMA)
        assert filter_table(table, conditions.sql).tolist() == [0]


@pytest.mark.parametrize("name", NESTED)
def test_parsing_needs_little_stack(name):
    before, inner, after = NESTED[name]

    def work() -> None:
        for depth in (12, 25, 3_000):
            with contextlib.suppress(InputError):
                parse_conditions(before * depth + inner + after * depth, SCHEMA, POSITION)

    in_thread(work, 128 * 1024)
