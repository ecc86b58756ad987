"""Functions of Spark, and of other languages, that a condition can't call, and what to write instead."""

__all__ = ["INSTEAD"]

_AGGREGATE = (
    "a condition looks at one alert at a time; least and greatest take several of its fields, size(prv_candidates) and "
    "exists(prv_candidates, x -> x.magpsf < 18) look into a list"
)
_TIME = "candidate.jd > jd('2021-11-22T06:00'), timestamp > '2021-11-22T06:00', substring(timestamp, 1, 10)"
_LIST = "exists(prv_candidates, x -> x.magpsf < 18), size(filter(prv_candidates, x -> x.magpsf < 18)) > 2"
_AGGREGATES = ["avg", "count", "first", "last", "max", "mean", "median", "min", "stddev", "sum", "variance"]
_TIMES = ["current_date", "current_timestamp", "date_format", "day", "hour", "month", "now", "to_date", "to_timestamp"]
_TIMES += ["date", "timestamp", "date_trunc", "datediff", "date_add", "date_sub", "from_unixtime"]
INSTEAD = {
    **dict.fromkeys(_AGGREGATES, _AGGREGATE),
    **dict.fromkeys(_TIMES, _TIME),
    **dict.fromkeys(["left", "right", "regexp_extract", "split"], "substring(x, 1, 3), LIKE, RLIKE"),
    **dict.fromkeys(["instr", "locate", "position"], "contains(x, 'text')"),
    **dict.fromkeys(["transform", "explode", "aggregate", "reduce", "any_match"], _LIST),
    **dict.fromkeys(["element_at", "get", "try_element_at"], "prv_candidates[0].magpsf, mangrove['HyperLEDA_name']"),
    **dict.fromkeys(["array_max", "array_min", "array_position", "arrays_overlap", "any", "every", "some"], _LIST),
    **dict.fromkeys(["all_match", "array_any", "list_any", "list_contains", "has"], _LIST),
    **dict.fromkeys(["isfinite", "isinf"], "NOT isnan(x) AND abs(x) < 1e308"),
    **dict.fromkeys(["rand", "random", "uuid"], "the same alerts have to match each time; --limit takes the first few"),
    **dict.fromkeys(["int", "bigint", "smallint", "tinyint"], "CAST(x AS INT)"),
    **dict.fromkeys(["double", "float", "decimal"], "CAST(x AS DOUBLE)"),
    **dict.fromkeys(["string", "boolean"], "CAST(x AS STRING), CAST(x AS BOOLEAN)"),
    **dict.fromkeys(["point", "circle", "distance", "q3c_radial_query"], "cone(ra, dec, radius_arcsec)"),
    **dict.fromkeys(["replace", "regexp_replace", "translate", "initcap"], "lower(x), ILIKE, RLIKE"),
    **dict.fromkeys(["map_keys", "map_contains_key"], "mangrove['HyperLEDA_name'] IS NOT NULL"),
    **dict.fromkeys(["nvl2", "iff", "decode"], "if(x IS NOT NULL, y, z), CASE WHEN x = 1 THEN y END"),
    **dict.fromkeys(["array_size", "array_length", "list_length", "num_items"], "size(prv_candidates)"),
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
"""Function that a condition can't call -> what to write instead."""
