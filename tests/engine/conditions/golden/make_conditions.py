"""Make conditions.json: what Spark 3.5 gives for expressions over a small table full of awkward values.

It needs what the project does not: pyspark 3.5 and a Java 17 of its own. In an environment that has them:

    python tests/engine/conditions/golden/make_conditions.py

The table and the results are written together, so that the tests need nothing but the JSON file. NaN and infinities
are written as texts.
"""

import json
import math
from pathlib import Path

HERE = Path(__file__).parent

TYPES = {
    "id": "int",
    "d": "double",
    "e": "double",
    "i": "int",
    "j": "int",
    "l": "bigint",
    "y": "tinyint",
    "b": "boolean",
    "c": "boolean",
    "s": "string",
    "u": "string",
    "n": "string",
    "st": "struct<x:double,Name:string>",
    "m": "map<string,string>",
    "a": "array<int>",
    "t": "timestamp",
    "k": "date",
    "p": "array<struct<m:double,f:int,s:string>>",
    "w": "array<double>",
    "q": "array<string>",
    "z": "array<array<int>>",
}
NAN, INF = float("nan"), float("inf")
ROWS = [
    # d, e, i, j, l, y, b, c, s, u, n, st, m, a
    (1.0, 2.0, 1, 2, 10, 1, True, False, "a", "b", "1", (1.5, "a"), {"k": "v"}, [1, 2, 3]),
    (-1.0, 0.5, -1, 3, -10, -1, False, True, "it's", "it's", "-1.5", (NAN, "b"), {"k": None}, []),
    (0.0, -0.0, 0, 0, 0, 0, True, True, "", "x", "", (0.0, ""), {}, None),
    (-0.0, 3.0, 7, -2, 697251920015010001, 127, False, False, "Star", "star", " 2 ", None, None, [None]),
    (
        NAN,
        1.0,
        2147483647,
        1,
        9223372036854775807,
        -128,
        None,
        True,
        "ZTF21abc",
        "ZTF21%",
        "NaN",
        (None, None),
        {"q": "1"},
        [5],
    ),
    (1.0, NAN, -2147483648, -1, -9223372036854775808, 5, True, None, "a_b", "a%b", "inf", (2.0, "a"), {"k": "V"}, [1]),
    (NAN, NAN, None, 5, None, None, None, None, None, "a", None, (INF, "c"), {"k": ""}, [2, 2]),
    (INF, 1.0, 5, None, 3, 3, False, None, "B", None, "1e3", (-1.0, "d"), {"k": "v"}, [1]),
    (-INF, INF, 6, 4, 4, 4, None, False, "b", "B", "abc", (3.0, "É"), {"k": "v"}, [1]),
    (None, 1.0, 8, 3, 5, 6, True, True, "Ünï", "ünï", "true", (4.0, "e"), {"k": "v"}, [1]),
    (2.5, None, -7, 2, 6, 7, False, True, "a\nb", "a.b", "12345678901", (5.0, "f"), {"k": "v"}, [1]),
    (-2.5, 2.0, -7, -2, 7, 8, True, False, "  pad ", "pad", "1.5e400", (6.0, "g"), {"k": "v"}, [1]),
    (3.5, 0.0, 100, 7, 8, 9, False, False, "_under", "_u", "0x10", (7.0, "h"), {"k": "v"}, [1]),
    (1e-5, 1e10, 12, 5, 9, 10, True, True, "back\\slash", "\\", "1d", (8.0, "i"), {"k": "v"}, [1]),
    (2.675, 1.005, 25, 10, 11, 11, True, True, "0", "00", ".5", (9.0, "j"), {"k": "v"}, [1]),
    (-0.5, 0.25, 35, -10, 12, 12, False, True, "t", "f", "-", (9.0, "j"), {"k": "v"}, [1]),
    (123456.789, -3.0, -35, 10, 13, 13, True, True, "zz", "z", "5.", (9.0, "j"), {"k": "v"}, [1]),
    (1e300, 1e300, 45, 4, 14, 14, True, True, "é", "e", "+7", (9.0, "j"), {"k": "v"}, [1]),
    (0.1, 0.3, 3, 1, 15, 15, True, True, "abcabc", "bc", "128", (9.0, "j"), {"k": "v"}, [1]),
    (19.5, 19.499999999, 19, 20, 16, 16, False, False, "Unknown", "unknown", "-0.0", (9.0, "j"), {"k": "v"}, [1]),
]
TIMES = ["2021-11-22 06:00:00", "2021-11-22 06:00:00.5", None, "2021-11-22 23:59:59.999999", "2022-02-03 00:00:00"]
# p, w, q, z: lists of structs, numbers, texts and lists, with nothing, null and NaN in all places; taken in turn.
LISTS = [
    ([(17.5, 1, "a"), (19.0, 2, "b")], [1.0, 2.5], ["a", "b"], [[1, 2], [3]]),
    ([(19.5, 2, None), (None, 1, "a")], [NAN], ["a", None], [[], None, [5]]),
    ([], [], [], []),
    (None, None, None, None),
    ([None], [None], [None], [None]),
    ([(NAN, 1, "c"), None, (17.0, None, "it's")], [None, -1.0, NAN], ["", "it's"], [[None, 7]]),
    ([(None, None, None)], [0.0, -0.0], ["Ünï", "1"], [[1], [2], [3, 4]]),
    ([(20.0, 3, "a"), (20.5, 1, "b"), (16.0, 1, "a")], [INF, -INF, 3.0], ["NaN", "1.0"], [[2, 2]]),
]

ONE_ARGUMENT = (
    "abs sqrt cbrt exp ln log log10 log2 log1p floor ceil round sign sin cos tan asin acos atan radians degrees"
)
VALUES = [
    *(f"{f}({x})" for f in [*ONE_ARGUMENT.split(), "ceiling", "signum"] for x in ("d", "e", "i", "n")),
    *(f"{f}({x})" for f in ("abs", "floor", "ceil", "round", "sign") for x in ("l", "y", "2.5", "-2.5", "'7.5'", "3")),
    *(f"d {op} e" for op in ["+", "-", "*", "/", "%"]),
    *(f"i {op} j" for op in ["+", "-", "*", "/", "%", "DIV"]),
    *(f"l {op} i" for op in ["+", "-", "*", "/", "%"]),
    *(f"y {op} y" for op in ["+", "-", "*", "/", "%"]),
    *(f"d {op} i" for op in ["+", "-", "*", "/", "%"]),
    *(f"n {op} 2" for op in ["+", "-", "*", "/", "%"]),
    *(f"s {op} n" for op in ["+", "/"]),
    *(
        "i * 1000000",
        "i + 1",
        "l + 1",
        "l * 2L",
        "-i",
        "-l",
        "-d",
        "-y",
        "-(i + j)",
        "+i",
        "d + 1",
        "2 * d - 1",
        "1 / i",
    ),
    *(
        "1 / 3",
        "1.0 / 3",
        "0.1 + 0.2",
        "2.5 * 2",
        "7 % 3",
        "-7 % 3",
        "7.5 % 2",
        "1 / 0",
        "5 DIV 2",
        "-5 DIV 2",
        "1e3",
        "1.5e-3",
    ),
    *("1.5D", "3L", "i / 2.0", "i + 0.5", "i * 0.1", "l * 0.5", "d * 0.1", "i - 1.5", "i % 2.5", "2.5 % i", "-(2.5)"),
    *(
        f"{f}({x}, {y})"
        for f in ("power", "pow", "log", "mod", "atan2")
        for x, y in (("d", "e"), ("i", "j"), ("e", "2"), ("2", "d"))
    ),
    *(f"log(10, {x})" for x in ("d", "i")),
    *("power(1, d)", "power(-1, d)", "power(d, 0)", "power(n, 2)", "log(1, e)", "pow(-8, 0.5)", "power(d, 0.5)"),
    *(f"round({x}, {n})" for x in ("d", "e", "i", "l", "n") for n in (-2, -1, 0, 1, 2, 3, 10)),
    *(
        f"{f}({x}, {y})"
        for f in ("greatest", "least")
        for x, y in (("d", "e"), ("i", "j"), ("d", "i"), ("s", "u"), ("l", "2.5"))
    ),
    *("greatest(d, e, 0)", "least(d, e, 0)", "greatest(i, null, 3)", "least(s, 'b', u)", "greatest(b, c)"),
    *(
        "coalesce(d, e)",
        "coalesce(d, 0)",
        "coalesce(i, d)",
        "coalesce(null, i, 5)",
        "coalesce(s, u, 'none')",
        "coalesce(i, s)",
    ),
    *(
        "coalesce(b, false)",
        "ifnull(d, e)",
        "nvl(i, -1)",
        "nullif(d, e)",
        "nullif(i, 1)",
        "nullif(s, u)",
        "nullif(d, 1)",
        "nullif(b, c)",
    ),
    *(
        "nanvl(d, e)",
        "nanvl(d, 0)",
        "nanvl(d, null)",
        "nanvl(i, 1)",
        "if(b, d, e)",
        "if(i > 1, 'x', s)",
        "if(b, i, d)",
        "if(null, 1, 2)",
    ),
    *(
        "CASE WHEN b THEN d ELSE e END",
        "CASE WHEN d > 1 THEN i WHEN e > 1 THEN j END",
        "CASE i WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE s END",
    ),
    *(
        "CASE WHEN b THEN 1 WHEN c THEN 2.5 ELSE i END",
        "CASE WHEN b THEN NULL ELSE d END",
        "CASE WHEN s = 'a' THEN i ELSE u END",
    ),
    *("CASE d WHEN e THEN 1 ELSE 0 END",),
    *(
        f"CAST({x} AS {t})"
        for x in ("d", "e", "i", "l", "y", "b", "s", "n")
        for t in ["BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "STRING"]
    ),
    *(
        "CAST('NaN' AS DOUBLE)",
        "CAST('x' AS DOUBLE)",
        "CAST(2.7 AS INT)",
        "CAST(-2.7 AS INT)",
        "CAST(1e20 AS INT)",
        "CAST(NULL AS INT)",
        "CAST(2.50 AS STRING)",
    ),
    *(
        "CAST(300 AS TINYINT)",
        "CAST(3 AS STRING)",
        "CAST(true AS INT)",
        "CAST('  12 ' AS INT)",
        "CAST('-inf' AS DOUBLE)",
        "CAST(1.0 AS STRING)",
        "CAST(1.0D AS STRING)",
    ),
    *(
        f"{f}({x})"
        for f in ("length", "char_length", "lower", "upper", "trim", "ltrim", "rtrim")
        for x in ("s", "u", "n")
    ),
    *("length(i)", "length(d)", "length(b)", "upper(i)", "length('')", "lower('ÀB')"),
    *(
        f"substring(s, {x})"
        for x in (
            "1",
            "2",
            "0",
            "-2",
            "1, 2",
            "2, 2",
            "0, 2",
            "-2, 1",
            "-10, 9",
            "2, -1",
            "3, 0",
            "i",
            "j, 2",
            "2147483647, 2147483647",
        )
    ),
    *("substr(u, 2)", "substring(i, 1, 1)", "substring(s, 1.9)"),
    *(
        "concat(s, u)",
        "concat(s)",
        "concat(s, '-', i)",
        "concat(d, e)",
        "concat(b, '')",
        "s || u",
        "s || i || 'x'",
        "concat('it''s', s)",
        "'a' 'b'",
        "concat(s, null)",
    ),
    *("size(a)", "cardinality(a)", "st.x", "st.name", "ST.NAME", "m.k", "m['k']", "st.x + 1", "`st`.`x`", "m.nothing"),
    *(
        "i * 0.1",
        "i * 0.1 + 0.2",
        "i * 0.1 * 3",
        "i / 3.0",
        "(i + 0.5) / 3",
        "i % 0.3",
        "y * 0.25",
        "l * 0.1",
        "l / 2.5",
        "-(i * 0.1)",
    ),
    *(
        "abs(i * 0.1 - 0.3)",
        "round(i * 0.15, 1)",
        "greatest(i, 2.5)",
        "coalesce(i * 0.1, 1)",
        "CAST(i * 0.1 AS INT)",
        "floor(i * 0.1)",
        "sqrt(i * 0.1)",
    ),
    *(
        "d / 0",
        "d % 0",
        "l % 0",
        "i DIV 0",
        "0 / d",
        "round(i * 1.0)",
        "ceil(2.1)",
        "floor(-2.1)",
        "ceil(i / 2)",
        "substring('abc', i)",
        "n + i",
        "length(null)",
    ),
    *(
        "1.5 + 2",
        "i * 2.0 - j * 0.5",
        "if(b, 1.5, i)",
        "nullif(i, 1.0)",
        "i / j",
        "1.0 / j",
        "2 / 3 * 3",
        "10 % 4.5",
        "CAST(d AS INT) % 3",
        "power(i, 2) % 7",
    ),
    *("'\\\\'", "'it\\'s'", '"quo\'te"', "'tab\\there'", "'line\\nbreak'", "'\\u00e9'", "'_x'"),
]
CONDITIONS = [
    *(
        f"{x} {op} {y}"
        for op in ["=", "==", "<>", "!=", "<", "<=", ">", ">=", "<=>"]
        for x, y in (("d", "e"), ("d", "1"), ("d", "0"), ("1", "d"), ("i", "j"), ("i", "d"))
    ),
    *(
        f"{x} {op} {y}"
        for op in ["=", "<", ">=", "<=>"]
        for x, y in (("s", "u"), ("s", "'a'"), ("'b'", "s"), ("b", "c"), ("y", "i"), ("l", "d"), ("n", "1"), ("n", "i"))
    ),
    *(
        f"{x} {op} {y}"
        for op in ["=", ">", "<=", "<=>"]
        for x, y in (
            ("n", "1.5"),
            ("n", "d"),
            ("n", "s"),
            ("i", "1.5"),
            ("l", "2.5"),
            ("i", "2.0"),
            ("i", "'7'"),
            ("d", "'1'"),
        )
    ),
    *(f"d {op} CAST('NaN' AS DOUBLE)" for op in ["=", "<", "<=", ">", ">=", "<=>"]),
    *(f"NOT (d {op} 1)" for op in ["=", "<", "<=", ">", ">=", "<=>"]),
    *(
        f"NOT ({x})"
        for x in (
            "d > e",
            "i = j",
            "s = 'a'",
            "b",
            "b AND c",
            "b OR c",
            "s IN ('a', 'b')",
            "d IN (1, 2)",
            "d IS NULL",
            "s LIKE 'a%'",
            "null",
        )
    ),
    *(
        "b",
        "c",
        "NOT b",
        "!b",
        "! b AND c",
        "NOT b OR c",
        "b AND c",
        "b OR c",
        "b = c",
        "b = true",
        "b = false",
        "b <> c",
        "b IS TRUE",
        "b IS NOT TRUE",
    ),
    *(
        "b IS FALSE",
        "b IS NOT FALSE",
        "b IS NULL",
        "b IS NOT NULL",
        "b = 1",
        "b = 0",
        "b = 2",
        "b <=> null",
        "b AND null",
        "b OR null",
        "null",
        "true",
        "false",
    ),
    *("b OR c AND d > 0", "(b OR c) AND d > 0", "NOT b AND NOT c", "NOT NOT b", "b = 'true'", "n = true", "n = false"),
    *(
        "d BETWEEN 0 AND 2",
        "d NOT BETWEEN 0 AND 2",
        "d BETWEEN e AND 5",
        "i BETWEEN j AND 10",
        "s BETWEEN 'a' AND 'c'",
        "i BETWEEN 0.5 AND 7.5",
    ),
    *(
        "d BETWEEN null AND 5",
        "d NOT BETWEEN null AND 0",
        "n BETWEEN 1 AND 3",
        "5 BETWEEN i AND j",
        "d BETWEEN 0 AND 2 AND b",
        "NOT d BETWEEN 0 AND 2",
    ),
    *(
        "d IN (1, 2.5)",
        "d NOT IN (1, 2.5)",
        "i IN (1, 7, -7)",
        "i NOT IN (1, 7, -7)",
        "i IN (1, null)",
        "i NOT IN (1, null)",
        "s IN ('a', 'B')",
    ),
    *(
        "s NOT IN ('a', 'B')",
        "s IN (u, 'a')",
        "d IN (e, 1)",
        "i IN ('1', '7')",
        "i IN (1.0, 7.5)",
        "d IN (CAST('NaN' AS DOUBLE))",
        "s IN ('_under', '')",
    ),
    *(
        "l IN (697251920015010001, 3)",
        "l IN (697251920015010001.0, 3)",
        "b IN (true)",
        "1 IN (i, j)",
        "null IN (1)",
        "i IN (null)",
        "n IN (1, 2)",
        "d IN ('1.0', 'NaN')",
        "i IN (1)",
    ),
    *(
        f"s {op} {p}"
        for op in ("LIKE", "ILIKE", "NOT LIKE")
        for p in ("'a%'", "'%b'", "'_'", "'A\\_B'", "'%'", "''", "'%s%'", "'star'", "'a_b'", "'ZTF__abc'")
    ),
    *(
        "s LIKE 'a/_b' ESCAPE '/'",
        "s LIKE '[a]%'",
        "s LIKE '%\\\\\\\\%'",
        "u LIKE 'ztf21\\\\%'",
        "u ILIKE 'ztf21\\\\%'",
        "s LIKE null",
        "s LIKE 'a.b'",
        "i LIKE '1%'",
        "s ILIKE 'É'",
        "s LIKE '$'",
    ),
    *(
        "s RLIKE '^a'",
        "s RLIKE 'b$'",
        "s RLIKE '[A-Z]+'",
        "s RLIKE ''",
        "NOT s RLIKE 'a.b'",
        "s REGEXP 'a|b'",
        "regexp_like(s, '^Z')",
        "rlike(s, '\\\\d')",
        "s RLIKE '(?i)STAR'",
        "i RLIKE '7'",
    ),
    *(f"{x} IS NULL" for x in ("d", "i", "s", "st.x", "m.k", "d + e", "1 / i", "null", "1")),
    *(f"{x} IS NOT NULL" for x in ("d", "i", "s", "st.x", "m.k", "ln(d)", "1")),
    *(
        "d IS DISTINCT FROM e",
        "d IS NOT DISTINCT FROM e",
        "s IS DISTINCT FROM u",
        "i IS NOT DISTINCT FROM null",
        "i IS DISTINCT FROM 1",
        "i <=> 1.0",
        "s <=> null",
        "n <=> 1",
    ),
    *(
        "isnull(d)",
        "isnotnull(d)",
        "isnan(d)",
        "isnan(i)",
        "isnan(n)",
        "isnan(null)",
        "NOT isnan(d)",
        "isnan(d) OR isnan(e)",
        "isnull(s)",
        "isnan(CAST('NaN' AS FLOAT))",
    ),
    *(
        "startswith(s, 'a')",
        "endswith(s, 'b')",
        "contains(s, 'a')",
        "contains(s, u)",
        "startswith(u, s)",
        "contains(s, '')",
        "contains(i, '1')",
        "startswith(s, null)",
    ),
    *(
        "if(b, c, d > 1)",
        "coalesce(b, c)",
        "coalesce(b, c, false)",
        "CASE WHEN d > 1 THEN b END",
        "nullif(b, c)",
        "greatest(b, c)",
        "CAST(i AS BOOLEAN)",
        "CAST(n AS BOOLEAN)",
    ),
    *(
        "-4 < d",
        "-d < 1",
        "- -i = 1",
        "d > -1",
        "i > -2147483648",
        "l > -9223372036854775808",
        "l = 9223372036854775807",
        "l > 9223372036854775808",
        "l < 1e19",
        "l = 697251920015010001",
    ),
    *(
        "l = 697251920015010001.0",
        "l > 697251920015010000.5",
        "l <= 697251920015010000.5",
        "697251920015010000.5 < l",
        "i = 1.5",
        "i <> 1.5",
        "i > 1e10",
        "i < 99999999999999999999",
    ),
    *(
        "0.1 + 0.2 = 0.3",
        "0.1D + 0.2D = 0.3D",
        "d + 0.2 = 0.3",
        "d = 0.1",
        "1 = 1",
        "1 = 2",
        "'a' < 'b'",
        "1 < '2'",
        "null = null",
        "null <=> null",
        "1 / 0 IS NULL",
        "2 > 1.5",
        "i * 0.1 = 0.3",
    ),
    *(
        "i / 2 = 0.5",
        "i % 2 = 1",
        "i % 2 = -1",
        "size(a) > 1",
        "size(a) = -1",
        "length(s) > 3",
        "st.name = 'a'",
        "m.k = 'v'",
        "m['k'] IS NULL",
        "abs(d) < 2 AND i > 0 OR s = 'B'",
    ),
    *(
        "d > 1 = true",
        "d = e IS NULL",
        "i = 1 OR i = 2 OR i = 7 OR i = 8",
        "s > 1",
        "s = 0",
        "s = 1.0",
        "u = 0.0",
        "n > 1",
        "n > 1.2",
        "n = '1'",
        "i > '1.7'",
        "i > 'x'",
        "NOT i > 'x'",
        "l > d",
        "y > 1.5",
    ),
    *(
        "round(d, 2) = 2.68",
        "round(2.5) = 3",
        "round(-2.5) = -3",
        "floor(d) = -3",
        "ceil(d) = 3",
        "sqrt(d) IS NULL",
        "isnan(sqrt(d))",
        "ln(d) IS NULL",
        "log(2, 8) = 3",
        "power(2, 3) = 8",
    ),
    *(
        "i < j = b",
        "d > 1 = (e > 1)",
        "i * 0.1 + 0.2 = 0.5",
        "i * 0.1 > j * 0.1",
        "i * 0.1 = d",
        "i * 0.1 IN (0.3, 0.7)",
        "i * 0.1 BETWEEN 0.1 AND 0.5",
        "i * 0.1 <=> 0.7",
    ),
    *(
        "s NOT RLIKE 'a'",
        "s NOT ILIKE 'A%'",
        "b NOT IN (true)",
        "n = d",
        "b = i",
        "i = b",
        "b <=> 1",
        "b = 1.0",
        "b = 'x'",
        "b = s",
        "b > false",
        "b < true",
        "b = d",
    ),
    *(
        "b IN (1)",
        "s IN (1, 'a')",
        "greatest(s, 1) = 1",
        "abs(b) = 1",
        "b + 1 = 1",
        "sqrt(b) = 1",
        "d = 'x'",
        "d LIKE '1%'",
        "b LIKE 't%'",
        "st = 1",
        "m = 1",
        "a = 1",
    ),
    *(
        "size(s) = 1",
        "sum(d) > 1",
        "d",
        "i",
        "s",
        "1",
        "'true'",
        "b AND 1",
        "b AND 's'",
        "NOT d",
        "i AND b",
        "if(1, b, c)",
        "CASE WHEN 1 THEN b END",
        "b < 1",
    ),
    *(
        "unknown > 1",
        "nofunc(d) > 1",
        "1 < i < 5",
        "i BETWEEN 1",
        "d >",
        "(d > 1",
        "d > 1)",
        "i IN ()",
        "coalesce(b, 1)",
        "if(b, i, true) = 1",
    ),
    *(
        "s = 'it\\'s'",
        "s = 'it''s'",
        's = "it\'s"',
        "s = 'a\\nb'",
        "s = 'back\\\\slash'",
        "s = '_under'",
        "s > '_'",
        "s = '\\u00e9'",
        "s = 'É'",
        "lower(s) = lower(u)",
        "upper(s) = 'ÜNÏ'",
    ),
    *(
        "s = r'a\\b'",
        "s RLIKE r'\\d'",
        "u = r'\\'",
        "NOT b = c",
        "!b = c",
        "NOT d IS NULL",
        "i - j - 1 > 0",
        "i / j / 2 < 1",
        "i + j * 2 > 5",
        "-i % 2 = 1",
        "2 * i % 3 = 1",
        "i + 1 BETWEEN j AND j + 2",
        "s || u = 'ab'",
        "b OR c AND NOT b",
        "b = c = true",
        "d > e <=> b",
        "(s LIKE 'a%') = b",
        "(i IN (1, 7)) <=> b",
        "(i BETWEEN 1 AND 7) = (d > 1)",
        "i IN (1, 7) = b",
        "nullif(d, i) > 1",
        "nanvl(d, i) > 1",
        "greatest(d, i, 2.5) > 2.5",
        "CASE i WHEN 1 THEN b WHEN 7 THEN c ELSE d > 1 END",
        "floor(d) = ceil(d)",
        "i % 3 IN (0, 1)",
        "CAST(d AS INT) = i",
        "substring(s, -2, 1) = 'e'",
    ),
]

# What was not tried at first: types that grow, wrap or narrow on the way, and what people paste.
VALUES += [
    *(f"{f}(y)" for f in ("-", "round", "CAST(100 AS TINYINT) +")),
    *("y * 100", "i * i", "l * l", "l + 9223372036854775807", "2147483647 + 1", "9223372036854775807 + 1"),
    *("-(-2147483648)", "abs(-2147483648)", "abs(CAST(-128 AS TINYINT))", "-CAST(-128 AS TINYINT)"),
    *("CAST(127 AS TINYINT) + CAST(1 AS TINYINT)", "round(2147483647, -1)", "round(CAST(127 AS TINYINT), -1)"),
    *(f"round({x}, {n})" for x, n in (("d", 20), ("d", 309), ("d", 400), ("d", -400), ("i", -10), ("l", -19))),
    *(f"CAST(d AS FLOAT) {op}" for op in ("+ 1", "* 3", "/ 3", "% 3", "+ i", "+ l", "+ 0.1", "* 0.1D")),
    *("-CAST(d AS FLOAT) * 3", "round(CAST(d AS FLOAT), 1)", "0.1F + 0.2F", "i * 0.1F", "floor(CAST(d AS FLOAT) * 3)"),
    *("greatest(CAST(d AS FLOAT), 0.3)", "coalesce(CAST(d AS FLOAT), i)", "if(b, CAST(d AS FLOAT), 0.1)"),
    *("CAST(CAST(2.675 AS FLOAT) AS STRING)", "concat(0.1F, '')", "CAST(CAST(n AS FLOAT) AS INT)"),
    *("if(b, 0.1, 0.2) + 0.2", "coalesce(0.1, 1) + 0.2", "greatest(0.1, 0.05) + 0.2", "abs(-0.1) + 0.2"),
    *("round(0.14, 1) + 0.2", "nullif(0.1, 1) + 0.2", "if(b, 0.1, 0.2) * 3", "floor(i * 0.5) / 3", "floor(1.5) / 3"),
    *("ceil(i * 0.37) / 7", "round(i * 0.37, 1) / 3", "round(i * 0.37, -1)", "round(i * 0.37, 5)", "-(i * 0.1) / 3"),
    *("CASE WHEN b THEN 0.1 WHEN c THEN 0.25 ELSE i END * 3", "coalesce(i * 0.1, 0.05) / 7", "greatest(i, 0.05) / 7"),
    *("least(i * 0.1, 2) + 0.01", "abs(i * 0.1) / 3", "if(b, 0.5, null) + 1", "1.5 / l", "1.0 / (l + 4294967296)"),
    *("i % 0.1", "y % 0.1", "7 % 0.1", "mod(i, 0.7)", "(i * 0.1) % 0.3", "size(a) * 0.1 + 0.2"),
    *("CASE WHEN b THEN 0.1 ELSE d END + 0.2", "sqrt(if(b, 2.25, 4))", "CAST(if(b, 1.5, i) AS INT)"),
    *("99999999999999999999 * 99999999999999999999", "99999999999999999999 * 9", "1e308 * 10 - 1e308 * 10"),
    *(f"CAST('{x}' AS DOUBLE)" for x in ("-NaN", "+NaN", "-nan", "+inf", "-Infinity", "1e400", "1.5f", "0x10", " 1 ")),
    *("CAST('\u007f1' AS DOUBLE)", "CAST('\u007f1' AS INT)", "CAST('1_0' AS INT)", "CAST('1e3' AS INT)"),
    *("'a' || 'b' || s", "s || 'x' || 'y'", "substring(s, 2, 2147483647)", "substring(s, -3, 2147483647)"),
    *("substring(s, 1, j)", "substring(s, d)", "substring(s, '2')", "length(concat(s, u))", "upper('straße')"),
    *("CASE i WHEN '1' THEN 'x' WHEN 7.0 THEN 'y' END", "CASE s WHEN 1 THEN 'x' WHEN 'a' THEN 'y' END"),
    *("CASE b WHEN 1 THEN 'one' WHEN 0 THEN 'zero' ELSE 'null' END", "CASE null WHEN null THEN 1 ELSE 2 END"),
    *("CASE WHEN b THEN CASE WHEN c THEN i ELSE 2.5D END ELSE s END", "if(b, y, i)", "coalesce(y, l)"),
    *("nullif(i, '1')", "nullif(s, 1)", "nullif(b, 1)", "nanvl(n, 0)", "greatest(y, i)", "least(d, i, l)"),
    *("log(1, 5)", "log(0, 5)", "log(i, 8)", "log(d, 2)", "log(2, null)", "log1p(-1)", "power(0, -1)", "sign(-0.0D)"),
    *("t", "k", "CAST(t AS STRING)", "substring(t, 1, 10)", "concat(t, '!')", "length(t)", "coalesce(t, 'x')"),
    *("if(b, t, null)", "nullif(t, '2021-11-22T06:00')", "CASE t WHEN '2021-11-22T06:00' THEN 1 ELSE 0 END"),
    *("t + 1", "-t", "abs(t)", "round(t)", "greatest(t, '2021')"),
]
CONDITIONS += [
    *(f"t {op} '{x}'" for op in ("=", ">", "<=", "<=>") for x in ("2021-11-22T06:00", "2021-11-22 06:00:00.5", "2021")),
    *("t > '2021-11-22 6:0'", "t > '2021-11-22T06:00:00Z'", "t >= '2021-11-22T07:00:00+01:00'", "t < '2021-11'"),
    *("t BETWEEN '2021-11-22' AND '2021-11-22T12:00'", "'2021-11-22T06:00' < t", "t IS DISTINCT FROM '2021-11-22T06'"),
    *("t IN ('2021-11-22 06:00:00', '2022-01-01 00:00:00')", "t LIKE '2021-11-22 06%'", "t RLIKE 'T'", "t IS NULL"),
    *(
        "coalesce(t, null) > '2021-11-22T06:00'",
        "if(b, t, null) <= '2021-11-22T06:00'",
        "t = t",
        "NOT t > '2022-02-03T00'",
    ),
    *("k = '2021-11-22'", "k >= '2021-11-22T06:00'", "k > '2021-11'", "k IN ('2021-11-22')", "k LIKE '2021%'"),
    *("t > 5", "t = true", "t = 2459540.5", "t IN (1)", "t BETWEEN 1 AND 2", "isnan(t)", "t AND b"),
    *("s > 0", "s = true", "b = 't'", "b = 'yes'", "b > 'a'", "b IN ('true', 'false')", "b BETWEEN 0 AND 1", "b = 2"),
    *(
        "i = '2147483648'",
        "i = ' 1 '",
        "i = ''",
        "i < '3.5'",
        "y = 300",
        "y = '300'",
        "y < 128",
        "l = '697251920015010001'",
    ),
    *("l > '697251920015010000'", "l BETWEEN '1' AND '99'", "l IN ('697251920015010001')", "d = 'nan'", "d > 'NaN'"),
    *("d < 'Infinity'", "d BETWEEN 0 AND CAST('NaN' AS DOUBLE)", "d BETWEEN 5 AND 1", "d NOT BETWEEN 5 AND 1"),
    *(
        "d NOT BETWEEN 0 AND null",
        "i BETWEEN '0' AND 5",
        "s BETWEEN 0 AND 10",
        "d NOT IN (CAST('NaN' AS DOUBLE), 1, null)",
    ),
    *("s IN ('a', 1)", "s IN (1, 2)", "i IN (1, 2.0, '7')", "i IN (b)", "1 IN (i, 7)", "null IN (null)", "d IN (0)"),
    *(
        "d / d = 1",
        "d - d = 0",
        "-5 % 3 = -2",
        "10 / 3 * 3 = 10",
        "1 / 3 = 0.333333",
        "1.0 / 3 = 0.333333",
        "i = 1 OR 2",
    ),
    *("if(b, 0.1, 0.2) + 0.2 = 0.3", "greatest(i, 1.5) IN (1.5, 3)", "coalesce(i, 1.5) BETWEEN 1 AND 1.5"),
    *(
        "if(b, 1.5, i) = i",
        "i = if(b, 1.5, i)",
        "s = if(b, 1.0, 2)",
        "CAST(d AS FLOAT) = d",
        "CAST(0.1 AS FLOAT) = 0.1",
    ),
    *("0.1F + 0.2F = 0.3F", "0.1F = 0.1D", "16777217 = CAST(16777217 AS FLOAT)", "l = CAST(l AS FLOAT)"),
    *(
        f"s RLIKE '{x}'"
        for x in ("a$", "^..$", "b\\\\Z", "^a$|^b$", "(a|b)$", "[$.]", "\\\\.", "(?s)a.b", "(?m)a$", "$")
    ),
    *(
        f"s RLIKE '{x}'"
        for x in ("^$", "a.b", "[^]]", "[a\\\\-b]", "\\\\Qa_b\\\\E", "\\\\p{Lu}", "[^\\\\x00-\\\\x7F]", ".\\\\z")
    ),
    *("concat(s, '\\n') RLIKE 'a$'", "concat(s, '\\r\\n') RLIKE 'b$'", "concat(s, '\\n\\n') RLIKE 'b$'", "s RLIKE u"),
    *("concat('a\\r', s) RLIKE '^..'", "s LIKE 'a' || '%'", "s LIKE concat('%', 'b')", "s LIKE 'a#_b' ESCAPE '#'"),
    *(
        "s LIKE '\\\\a'",
        "s LIKE '%\\\\'",
        "s ILIKE 'İ'",
        "s ILIKE 'ß'",
        "s LIKE 'a\\nb'",
        "s ILIKE 'É%'",
        "i LIKE '-%'",
    ),
    *("d\t>\t1", "d\r\n>\r\n1", "d > 1 -- c\rAND i > 1", "-- c\r\nd > 1", "d > 1 /* a /* b */ c */", "d>1and(i>1)"),
    *("NOT(d>1)", "d > .5", "d > 1.", "d > 1E+0", "d > 1f", "i > 10Y", "i > 10S", "i > 007", "d > - 1", "d > -+1"),
    *(
        "`D` > 1",
        "ST . x > 0",
        "m.K = 'v'",
        "m[\"k\"] = 'v'",
        "st['X'] > 0",
        "b = c = b",
        "TRUE",
        "1 = '1'",
        "'1' + '1' = 2",
    ),
]

# Whether a struct, a map or a list is there at all.
CONDITIONS += [
    *(f"{x} IS {word}" for x in ("st", "m", "a", "(st)") for word in ("NULL", "NOT NULL")),
    *(f"{function}({x})" for function in ("isnull", "isnotnull") for x in ("st", "m", "a")),
    *("NOT st IS NULL", "st IS NULL OR st.x > 5", "st IS NOT NULL AND st.x IS NULL", "st IS NOT NULL AND isnan(st.x)"),
    *("m IS NOT NULL AND m.k IS NULL", "a IS NULL AND size(a) = -1", "st > 1", "st IS TRUE", "if(st IS NULL, b, c)"),
]
# What can never be true, or is always, and what looks like it.
CONDITIONS += [
    *("d > '2021-11-22'", "i = 'g'", "NOT i = 'g'", "d <> null", "NOT (d = null)", "d IN (1, 2.5, null) OR b"),
    *("NOT d IN (1, null)", "d NOT BETWEEN 2 AND 0", "i > 7 AND i < 8", "i >= 7 AND i <= 7", "i < 1 OR i > 0"),
    *("s LIKE 'a%' AND s < 'a'", "s LIKE 'a%' AND s >= 'a'", "s NOT LIKE 'a%' OR s LIKE 'a%'", "s LIKE 'a\\_%'"),
    *(
        "i <> 1 OR i <> 2",
        "i <> 1 AND i IS NULL",
        "d IS NULL AND d > 0",
        "d > 1e308 AND NOT isnan(d)",
        "d <= 0 OR d > 0",
    ),
    *("NOT (b AND NOT b)", "b IS UNKNOWN", "b IS NOT UNKNOWN", "(d > 1) IS UNKNOWN", "NOT (d > 1) IS NOT UNKNOWN"),
    *("i IN ('07', 'g')", "i IN ('7', 'g')", "y > 127", "y <= 127", "y = -129", "b = 2", "b < 2", "abs(d) < 0"),
    *("d > 2021-11-22", '"d" = "e"', "s IN ('a' 'b')", "s IN ('a' 'b_')", "n <=> null AND n = '1'", "i <=> 1 OR i > 1"),
]

# Lists: predicates on their items, what they contain, their items by number.
VALUES += [
    *(f"size(filter(p, x -> {test}))" for test in ("x.m < 18", "x.m > 18", "x.f = 1", "x.s = 'a'", "x IS NULL")),
    *(f"size(filter({x}, v -> v > 1))" for x in ("w", "a")),
    *(f"{x}[{n}]" for x in ("a", "w", "q") for n in (0, 1, 2, 7, -1)),
    *(f"p[{n}].{name}" for name in ("m", "f", "s") for n in (0, 1, 3)),
    *("p.m[0]", "p.s[1]", "z[0][0]", "z[0][1]", "z[1][0]", "z[2][0]", "size(z[0])", "size(z[1])", "size(p.m)"),
    *("size(filter(filter(p, x -> x.m > 16.5), y -> y.f = 1))", "size(filter(z, x -> size(x) > 1))"),
    *("p[0].m + w[0]", "coalesce(a[0], i)", "upper(q[0])", "a[1] * 2", "size(filter(p.m, m -> m > 18))"),
    *("size(filter(a, x -> x = i))", "size(filter(p, x -> x.m > d AND b))", "cardinality(filter(a, x -> x > 1))"),
]
_TESTS = [
    *("x.m < 18", "x.m > 18", "x.m >= 19.0 AND x.f = 2", "x.f IN (1, 3)", "x.f NOT IN (1, null)", "x.s LIKE 'a%'"),
    *("x.s IS NULL", "x IS NULL", "x IS NOT NULL", "isnan(x.m)", "NOT x.f = 1", "x.m BETWEEN 17 AND 20", "true"),
    *("false", "null", "x.m <=> null", "abs(x.m - 18) < 1", "CASE WHEN x.f = 1 THEN x.m ELSE 0 END > 17"),
    *("x.m > d", "x.f = j OR b", "x.s = s", "x.F = 1", "x.`m` < 18", "c", "x.m < 18 AND b", "x.s = 'a' AND x.m > i"),
    *("x.f = '1'", "x.m", "x.nosuch = 1", "x > 1", "x.s", "x", "x.m = true", "x.s > 1", "upper(x.s) IN ('A', 'B')"),
]
CONDITIONS += [
    *(f"{function}(p, x -> {test})" for function in ("exists", "forall") for test in _TESTS),
    *(f"size(filter(p, x -> {test})) = 1" for test in _TESTS),
    *(
        f"{function}({x}, v -> {test})"
        for function in ("exists", "forall")
        for x in ("a", "w")
        for test in ("v > 1", "v = 1", "v IS NULL", "NOT v > 1", "v = i", "v IN (1, 2)", "isnan(v)", "v < d OR c")
    ),
    *(f"{f}(q, v -> {t})" for f in ("exists", "forall") for t in ("v = 'a'", "v LIKE '%t%'", "v = 1", "v = s", "v")),
    *("NOT exists(p, x -> x.m < 18)", "exists(p, x -> x.m < 18) IS NULL", "exists(p, x -> x.m > 18) AND b"),
    *("exists(p, x -> x.m < 18) OR d > 1", "exists(p, X -> x.m < 18)", "EXISTS(P, x -> X.M < 18)"),
    *("exists(p.m, m -> m < 18)", "forall(p.f, f -> f > 0)", "exists(z, x -> exists(x, y -> y > 2))"),
    *("exists(z, x -> forall(x, y -> y > i))", "exists(z, x -> x[0] = 2)", "exists(z, x -> array_contains(x, 2))"),
    *("exists(z, x -> x[0] IS NULL)", "exists(z, x -> size(x) = 2)", "exists(z, x -> size(x) = -1)"),
    *("exists(filter(p, x -> x.f = 1), y -> y.m > 18)", "forall(filter(p, x -> x.f = 1), y -> y.m > 18)"),
    *("array_contains(filter(a, x -> x > 1), 2)", "exists(z, x -> exists(x, y -> y > size(x)))"),
    *(
        f"array_contains(a, {v})"
        for v in ("1", "2", "5", "i", "y", "l", "2.0", "1.5", "d", "null", "'1'", "true", "1L", "1 + 1")
    ),
    *(
        f"array_contains(w, {v})"
        for v in ("1", "2.5", "0", "-0.0D", "CAST('NaN' AS DOUBLE)", "d", "i", "'1'", "e", "l")
    ),
    *(f"array_contains(q, {v})" for v in ("'a'", "''", "s", "1", "null", "'NaN'", "b", "concat('', 'a')")),
    *(f"array_contains(p.{x}, {v})" for x, v in (("m", "17.5D"), ("m", "17.5"), ("f", "1"), ("s", "'a'"), ("f", "i"))),
    *(f"NOT array_contains({x}, {v})" for x, v in (("a", "1"), ("w", "2.5D"), ("q", "'a'"), ("a", "i"))),
    *(
        "array_contains(p, 1)",
        "array_contains(s, 'a')",
        "array_contains(a)",
        "array_contains(z, 1)",
        "exists(i, x -> x > 1)",
    ),
    *("exists(a)", "exists(a, 1)", "exists(a, (x, y) -> x > y)", "filter(a, x -> x > 1)", "filter(a, x -> x > 1) > 1"),
    *("exists(a, x -> x + 1)", "forall(m, x -> true)", "size(filter(i, x -> true)) = 1", "exists(st, x -> x > 1)"),
    *("a[0] = 1", "a[1] > 1", "a[-1] IS NULL", "a[0] IS NULL", "a[7] IS NULL", "p[0].m < 18", "p[1].s = 'b'"),
    *("p[0] IS NULL", "p[1] IS NOT NULL", "p[0].nosuch = 1", "a['x'] = 1", "i[0] = 1", "q[0] = 'a'", "q[0] = s"),
    *(
        "w[0] > 1",
        "w[0] <=> null",
        "p[0].m > p[1].m",
        "p[0] = 1",
        "z[0] = 1",
        "z[0][0] = 1",
        "isnan(w[0])",
        "p.m[0] < 18",
    ),
    *("z[0] IS NULL", "a[1.5] = 1", "a['0'] = 1", "a[true] = 1"),
    *("p.m IS NULL", "p.m > 1", "a = 1", "size(filter(p, x -> x.m < 18)) > size(filter(p, x -> x.m >= 18))"),
]


def encode(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, (list, tuple)):
        return [encode(x) for x in value]
    if isinstance(value, dict):
        return {k: encode(x) for k, x in value.items()}
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def main():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.ansi.enabled", "false").config("spark.sql.shuffle.partitions", "1")
    spark = spark.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    times = [TIMES[i % len(TIMES)] for i in range(len(ROWS))]
    lists = [LISTS[i % len(LISTS)] for i in range(len(ROWS))]
    together = enumerate(zip(ROWS, times, lists, strict=True))
    rows = [(i, *row, time, time and time[:10], *listed) for i, (row, time, listed) in together]
    written = {k: "string" if k in ("t", "k") else t for k, t in TYPES.items()}
    frame = spark.createDataFrame(rows, ", ".join(f"{k} {t}" for k, t in written.items())).coalesce(1)
    frame = frame.selectExpr(*(f"CAST({k} AS {t}) AS {k}" for k, t in TYPES.items())).cache()

    def ask(sql):
        try:
            selected = frame.selectExpr("id", f"({sql}) AS r").orderBy("id")
            type_ = selected.dtypes[1][1]
            if type_ in ("timestamp", "date"):
                selected = selected.selectExpr("id", "CAST(r AS STRING) AS r")
            return type_, [encode(r.r) for r in selected.collect()]
        except Exception as exc:  # noqa: BLE001 - whatever Spark says no to
            return "error", str(exc).splitlines()[0][:160]

    values, conditions, refused = [], [], []
    for sql in dict.fromkeys(VALUES):
        type_, result = ask(sql)
        if type_ == "error":
            refused.append({"sql": f"({sql}) IS NULL", "why": result})
        else:
            values.append({"sql": sql, "type": type_, "result": result})
    for sql in dict.fromkeys(CONDITIONS):
        type_, result = ask(sql)
        if type_ not in ("boolean", "void"):
            refused.append({"sql": sql, "why": result if type_ == "error" else type_})
        else:
            conditions.append({"sql": sql, "result": result})
    table = {name: [encode(row[i]) for row in rows] for i, name in enumerate(TYPES)}
    document = {"spark": spark.version, "types": TYPES, "table": table}
    with (HERE / "conditions.json").open("w", encoding="utf-8") as file:
        file.write("{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in document.items()))
        for key, entries in (("values", values), ("conditions", conditions), ("refused", refused)):
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
            file.write(f"{json.dumps(key)}: [\n{lines}\n]" + (",\n" if key != "refused" else "\n}\n"))
    print(len(values), len(conditions), len(refused))
    for entry in refused:
        print(entry)
    spark.stop()


if __name__ == "__main__":
    main()
