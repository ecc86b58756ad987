"""The parts of a transfer that can't be done without, each alone in one thread: what an engine could reach at most.

The columns read by pyarrow, the survivors' labels, their encoding in full blocks, and the same messages sent from
memory by librdkafka, with the engine's settings.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import confluent_kafka
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import engine
from consumer.wire import encode_keys, partitions_of
from engine.archive import Fragment
from engine.conditions import filter_table
from engine.enrichment import Enrichment
from engine.pipeline import NarrowReader, Selection, read_content
from engine.schema import encode

__all__ = ["NUM_PARTITIONS", "Part", "bare_parts"]

NUM_PARTITIONS = 10
_MANY_FILES = 20
"""Files that are measured: all nights are one night's file, linked."""
_HELD_NBYTES = 256e6
_PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 5,
    "batch.size": 1 << 20,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 32 << 10,
    "message.max.bytes": 16 << 20,
    "delivery.report.only.error": True,
}


@dataclass(kw_only=True)
class Part:
    """What one part took of the alerts that were read."""

    num_alerts: int = 0
    """Read, whether selected or not."""
    seconds: float = 0.0
    cpu_s: float = 0.0
    nbytes: int = 0
    """Sent; 0 of the other parts."""

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Add what is done meanwhile."""
        cpu, begun = time.process_time(), time.monotonic()
        yield
        self.seconds += time.monotonic() - begun
        self.cpu_s += time.process_time() - cpu


def bare_parts(kafka: str, plan: engine.TransferPlan, topic: str) -> dict[str, Part]:
    """Return what each part takes, measured in a process of its own; the messages go into a topic that is there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, kafka, plan, topic).result()


def _measure(kafka: str, plan: engine.TransferPlan, topic: str) -> dict[str, Part]:
    """Return what each part takes; see `bare_parts`."""
    selection = plan.selection
    parts = {name: Part() for name in ("bare pyarrow", "labels alone", "encode alone", "bare librdkafka")}
    labelled_first = _labelled_first(selection)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "log_level": 0} | _PRODUCER)
    held: list[pa.RecordBatch] = []
    for fragments in _by_file(plan.fragments):
        path = fragments[0].file.path
        for part in parts.values():
            part.num_alerts += sum(fragment.num_alerts for fragment in fragments)
        with parts["bare pyarrow"].measured():
            _read(path, selection, labelled_first)
        survivors = [(fragment, _positions(selection, fragment)) for fragment in fragments]
        for some in selection.enrichments:
            inputs = _inputs(path, some, survivors if not labelled_first else None)
            with parts["labels alone"].measured():
                some(inputs)
        for fragment, positions in survivors:
            held += [block for _, block in read_content(selection, fragment, positions)]
        if sum(block.nbytes for block in held) > _HELD_NBYTES:
            _encode_and_send(held, plan, producer, topic, parts)
            held = []
    _encode_and_send(held, plan, producer, topic, parts)
    return parts


def _by_file(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    """Return the fragments of each of the first files."""
    by_file: dict[str, list[Fragment]] = {}
    for fragment in fragments:
        by_file.setdefault(fragment.file.path, []).append(fragment)
    return list(by_file.values())[:_MANY_FILES]


def _present(path: str, leaves: Sequence[str]) -> list[str]:
    """Return those leaves whose root column a file has."""
    roots = set(pq.read_schema(path).names)
    return [leaf for leaf in dict.fromkeys(leaves) if leaf.partition(".")[0] in roots]


def _labelled_first(selection: Selection) -> bool:
    """Return whether the conditions ask for labels, so that all alerts need them and not the survivors alone."""
    added = {name for some in selection.enrichments for name in some.adds.names}
    return not added.isdisjoint(selection.predicate.leaves)


def _read(path: str, selection: Selection, labelled_first: bool) -> None:
    """Read the conditions' columns, then those of the content and of the survivors' labels, and keep nothing."""
    needs = [field.name for some in selection.enrichments for field in some.needs]
    narrow = _present(path, [*selection.predicate.leaves, *(needs if labelled_first else [])])
    if narrow:
        pq.ParquetFile(path, memory_map=True).read(columns=narrow)
    wide = _present(path, [*selection.projection.columns(), *([] if labelled_first else needs)])
    for batch in pq.ParquetFile(path, memory_map=True).iter_batches(selection.block_alerts, columns=wide):
        del batch


def _positions(selection: Selection, fragment: Fragment) -> np.ndarray | None:
    """Return where the survivors are; None where all survive."""
    if selection.predicate.sql is None:
        return None
    return filter_table(NarrowReader(selection=selection)(fragment), selection.predicate.sql)


def _inputs(
    path: str, enrichment: Enrichment, survivors: Sequence[tuple[Fragment, np.ndarray | None]] | None
) -> pa.RecordBatch:
    """Return what an enrichment needs of the survivors of a file, or of all its alerts."""
    names = _present(path, enrichment.needs.names)
    read = pq.ParquetFile(path, memory_map=True).read(columns=names).flatten()
    if survivors is not None:
        kept, start = [], 0
        for fragment, positions in survivors:
            kept.append(start + (np.arange(fragment.num_alerts) if positions is None else positions))
            start += fragment.num_alerts
        read = read.take(pa.array(np.concatenate(kept)))
    read = read.combine_chunks()
    arrays = [
        pa.concat_arrays(read[field.name].chunks).cast(field.type)
        if field.name in read.column_names and read.num_rows
        else pa.nulls(read.num_rows, field.type)
        for field in enrichment.needs
    ]
    if not arrays:
        return pa.record_batch([pa.nulls(read.num_rows)], names=[""]).select([])
    return pa.record_batch(arrays, schema=enrichment.needs)


def _encode_and_send(
    blocks: Sequence[pa.RecordBatch],
    plan: engine.TransferPlan,
    producer: confluent_kafka.Producer,
    topic: str,
    parts: dict[str, Part],
) -> None:
    if not blocks:
        return
    survivors = pa.Table.from_batches(blocks).combine_chunks()
    encoded = []
    for block in survivors.to_batches(max_chunksize=plan.selection.block_alerts):
        with parts["encode alone"].measured():
            encoded.append(encode(block, plan.schema))
    sending = parts["bare librdkafka"]
    for number, datums in enumerate(encoded):
        rows = np.arange(len(datums))
        keys, partitions = encode_keys(number, rows), partitions_of(number, rows, NUM_PARTITIONS).tolist()
        values = datums.to_pylist()
        sending.nbytes += sum(map(len, values))
        with sending.measured():
            for key, value, partition in zip(keys, values, partitions, strict=True):
                _produce(producer, topic, value, key, partition)
    with sending.measured():
        producer.flush()


def _produce(producer: confluent_kafka.Producer, topic: str, value: bytes, key: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
            return
        except BufferError:
            producer.poll(0.05)
