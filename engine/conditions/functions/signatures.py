"""The functions that a condition can call: their names, other names and numbers of operands, and what others lack."""

__all__ = ["ALIASES", "FUNCTION_NAMES", "INSTEAD", "NUM_OPERANDS", "OF_DOUBLES", "OF_TEXT", "SEARCHES"]

OF_DOUBLES = {"sqrt", "cbrt", "exp", "ln", "log10", "log2", "log1p", "sin", "cos", "tan", "asin", "acos", "atan"}
OF_DOUBLES |= {"radians", "degrees", "sign"}
OF_TEXT = {"lower", "upper", "ltrim", "rtrim"}
SEARCHES = {"startswith", "endswith", "contains"}
ALIASES = {
    "pow": "power",
    "signum": "sign",
    "ceiling": "ceil",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "char_length": "length",
    "character_length": "length",
    "len": "length",
    "lcase": "lower",
    "ucase": "upper",
    "substr": "substring",
    "regexp": "rlike",
    "regexp_like": "rlike",
    "cardinality": "size",
}
NUM_OPERANDS = {
    **dict.fromkeys(OF_DOUBLES | OF_TEXT | {"abs", "floor", "ceil", "isnull", "isnotnull", "isnan", "size"}, (1, 1)),
    **dict.fromkeys(SEARCHES | {"power", "atan2", "mod", "nullif", "nanvl", "like", "ilike", "rlike"}, (2, 2)),
    "log": (1, 2),
    "round": (1, 2),
    "length": (1, 1),
    "trim": (1, 1),
    "substring": (2, 3),
    "if": (3, 3),
    "cone": (3, 3),
    "jd": (1, 1),
    "greatest": (2, 100),
    "least": (2, 100),
    "coalesce": (1, 100),
    "concat": (1, 100),
}
FUNCTION_NAMES = tuple(sorted(NUM_OPERANDS | ALIASES))
"""Every function that a condition can call."""

_AGGREGATE = "a condition looks at one alert at a time; least and greatest take several of its fields"
_TIME = "candidate.jd > jd('2021-11-22T06:00'), timestamp > '2021-11-22T06:00', substring(timestamp, 1, 10)"
_AGGREGATES = ["avg", "count", "first", "last", "max", "mean", "median", "min", "stddev", "sum", "variance"]
_TIMES = ["current_date", "current_timestamp", "date_format", "day", "hour", "month", "now", "to_date", "to_timestamp"]
_TIMES += ["date", "timestamp", "date_trunc", "datediff", "date_add", "date_sub", "from_unixtime"]
INSTEAD = {
    **dict.fromkeys(_AGGREGATES, _AGGREGATE),
    **dict.fromkeys(_TIMES, _TIME),
    **dict.fromkeys(["left", "right", "regexp_extract", "split"], "substring(x, 1, 3), LIKE, RLIKE"),
    **dict.fromkeys(["instr", "locate", "position"], "contains(x, 'text')"),
    **dict.fromkeys(["array_contains", "exists", "filter", "transform", "explode"], "of a list there is size(x) alone"),
    **dict.fromkeys(["isfinite", "isinf"], "NOT isnan(x) AND abs(x) < 1e308"),
    **dict.fromkeys(["rand", "random", "uuid"], "the same alerts have to match each time; --limit takes the first few"),
    **dict.fromkeys(["int", "bigint", "smallint", "tinyint"], "CAST(x AS INT)"),
    **dict.fromkeys(["double", "float", "decimal"], "CAST(x AS DOUBLE)"),
    **dict.fromkeys(["string", "boolean"], "CAST(x AS STRING), CAST(x AS BOOLEAN)"),
    **dict.fromkeys(["point", "circle", "distance", "q3c_radial_query"], "cone(ra, dec, radius_arcsec)"),
    **dict.fromkeys(["replace", "regexp_replace", "translate", "initcap"], "lower(x), ILIKE, RLIKE"),
    **dict.fromkeys(["element_at", "get", "map_keys", "map_contains_key"], "mangrove['HyperLEDA_name'] IS NOT NULL"),
    **dict.fromkeys(["nvl2", "iff", "decode"], "if(x IS NOT NULL, y, z), CASE WHEN x = 1 THEN y END"),
    "array_size": "size(prv_candidates)",
    "bround": "round(x, 2)",
    "btrim": "trim(x)",
    "concat_ws": "concat(x, '-', y)",
    "e": "exp(1)",
    "expm1": "exp(x) - 1",
    "mjd": "candidate.jd - 2400000.5 > 59540",
    "hypot": "sqrt(x * x + y * y)",
    "pi": "radians(180)",
    "try_cast": "CAST(x AS INT), which gives null where it can't",
    "pmod": "mod(mod(a, b) + b, b)",
    "unix_timestamp": _TIME,
    "year": _TIME,
}
"""Functions of Spark that a condition can't call, and what does for them."""
