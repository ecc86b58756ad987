"""A catalogue that says what is not so of a file, under its size and ETag: never wrong rows, and never fewer."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from consumer.wire import Manifest
from engine.errors import ArchiveError
from engine.transfer.manifest_plan import fragments_of, plan_records, task_of
from engine.transfer.worker import send_fragment
from tests.engine.catalogue.archives import files_of, indexed, opened
from tests.engine.transfer.fake_sink import there

NIGHT = "2021-11-23"


def forge(root: Path, **values) -> None:
    """Have the catalogue say something else of the file of a night."""
    (part,) = root.with_name("science.catalogue").glob("files-2021-11*")
    table = pq.read_table(part)
    rows = [row | values if str(row["night"]) == NIGHT else row for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), part)


def sent(root: Path) -> list[int]:
    """Return the identifiers that a job over the night would send, by its manifest."""
    request = engine.TransferRequest(archive=str(root), nights=NIGHT)
    plan = engine.plan(request, settings=engine.Settings())
    how = {"num_partitions": 1, "max_message_nbytes": 1_000_000}
    manifest = Manifest(plan_records(plan, topic="ftransfer_fake", job_id="a-job", created_at=0.0, **how))
    sink = there()
    for fragment in fragments_of(manifest):
        send_fragment(task_of(manifest, sink, {}), fragment, None, None)
    return pa.Table.from_batches(sink.blocks)["candid"].to_pylist()


def halved(root: Path) -> dict:
    """Return what a row would say if the file had its first row group alone."""
    footer = opened(root).known([file for file in files_of(root) if str(file.night) == NIGHT])
    (nbytes,) = [footer.column_nbytes[0].tolist() for footer in footer.values()]
    return {"row_groups": [4], "num_alerts": 4, "nbytes": nbytes}


def test_what_is_true_is_sent(root):
    indexed(root)
    assert sent(root) == list(range(20, 28))


@pytest.mark.parametrize("lie", ["fewer row groups", "other row groups", "one row group more"])
def test_other_row_groups_are_an_error_that_names_the_file(root, lie):
    indexed(root)
    both = halved(root)["nbytes"] * 2
    forge(
        root,
        **{
            "fewer row groups": halved(root),
            "other row groups": {"row_groups": [3, 5], "num_alerts": 8, "nbytes": both},
            "one row group more": {"row_groups": [4, 4, 0], "num_alerts": 8, "nbytes": both + both[: len(both) // 2]},
        }[lie],
    )
    with pytest.raises(ArchiveError, match="other row groups than were planned") as caught:
        sent(root)
    assert "day=23/a.parquet" in caught.value.message
    assert "engine.index_archive(anew=True)" in caught.value.next_step
    with pytest.raises(ArchiveError, match="other row groups than were planned"):
        engine.preview(engine.TransferRequest(archive=str(root), nights=NIGHT), settings=engine.Settings())
    indexed(root, anew=True)
    assert sent(root) == list(range(20, 28))


def test_a_class_column_that_the_file_has_is_not_computed_over(root):
    indexed(root)
    known = opened(root).known(files_of(root))
    (lacking,) = [footer for path, footer in known.items() if path.endswith("day=22/b.parquet")]
    sizes = [*lacking.column_nbytes[0].tolist(), *lacking.column_nbytes[0].tolist()]
    (part,) = root.with_name("science.catalogue").glob("files-2021-11*")
    schemas = {row["path"][-len("22/b.parquet") :]: row["schema"] for row in pq.read_table(part).to_pylist()}
    forge(root, schema=schemas["22/b.parquet"], nbytes=sizes, nulls=None)
    with pytest.raises(ArchiveError, match="has finkclass, which it lacked"):
        sent(root)


@pytest.mark.parametrize(
    "values",
    [
        {"row_groups": [4]},  # while it counts 8 alerts
        {"row_groups": [-4, 12]},
        {"nbytes": [1, 2, 3]},
        {"schema": "of no file"},
        {"row_groups": [None, 8]},
        {"row_groups": None},
        {"num_alerts": None},
        {"path": None},
    ],
)
def test_a_row_that_contradicts_itself_is_read_anew(root, values):
    indexed(root)
    forge(root, **values)
    assert sent(root) == list(range(20, 28))
