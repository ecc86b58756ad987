"""Feed the consumer's decoder with bytes that are no datums: it must neither crash, nor hang, nor fill the memory.

    .venv/bin/python benchmarks/fuzz_datums.py --inputs 100000 [--seed 0]

The datums that are spoilt are those of a sample archive, encoded by the engine, in three contents. Some hundreds are
decoded at once, each beside a good one, which must come out whole; a spoilt one must be taken or put aside as fastavro
does it, with the same values. Exit code 1 if anything else happened.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
from rich.console import Console
from rich.progress import track
from rich.table import Table

import engine
from consumer.decoding import Datums, Decoder
from engine.schema import avro_schema, encode

__all__ = ["SPOILERS", "Corpus", "Outcome", "corpora", "fuzz"]

CONTENTS = ("lightcurve", "cutouts", "full")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Good datums of one schema."""

    content: str
    schema: Mapping[str, Any]
    datums: list[bytes]


def corpora(folder: Path, num_alerts: int = 60, seed: int = 0) -> list[Corpus]:
    """Return datums of sample alerts, in three contents."""
    archive = engine.write_sample(folder, alerts_per_night=num_alerts // 3, seed=seed)
    made = []
    for content in CONTENTS:
        request = engine.TransferRequest(archive=archive.archive, nights="2019-01-01:2025-12-31", content=content)
        table = engine.preview(request, limit=num_alerts)
        schema = avro_schema(table.schema)
        datums = [datum for batch in table.to_batches() for datum in encode(batch, schema).to_pylist()]
        made.append(Corpus(content=content, schema=schema, datums=datums))
    return made


def _long(number: int) -> bytes:
    """Return an Avro long (zigzag, then seven bits a byte, the lowest first)."""
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def _cut(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return datum[: rng.randrange(len(datum))]


def _lengthened(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return datum + rng.randbytes(rng.randint(1, 40))


def _flipped(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(datum)
    for _ in range(rng.randint(1, 8)):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _inserted(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(datum))
    return datum[:at] + rng.randbytes(rng.randint(1, 12)) + datum[at:]


def _spliced(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return datum[: rng.randrange(len(datum))] + other[rng.randrange(len(other)) :]


def _glued(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return datum + other


def _huge(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put a length that no datum has where some length may stand."""
    length = rng.choice([2**62, -(2**62), 2**40, -(2**40), 2**31, 2**63 - 1, -(2**63), -1, 10**7])
    at = rng.randrange(len(datum))
    return datum[:at] + _long(length) + datum[at + rng.randint(0, 4) :]


def _endless(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put a number that does not end where some number may stand."""
    at = rng.randrange(len(datum))
    return datum[:at] + b"\xff" * rng.randint(9, 30) + datum[at:]


def _noise(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice([0, 1, 2, 10, 100, 10_000]))


def _blank(datum: bytes, other: bytes, rng: random.Random) -> bytes:
    return bytes([rng.choice([0x00, 0x02, 0x80, 0xFF])]) * rng.choice([1, 10, 1_000, 100_000])


SPOILERS: dict[str, Callable[[bytes, bytes, random.Random], bytes]] = {
    function.__name__.lstrip("_"): function
    for function in (_cut, _lengthened, _flipped, _inserted, _spliced, _glued, _huge, _endless, _noise, _blank)
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one spoilt datum."""

    kind: str
    content: str
    nbytes: int
    decoded: bool
    """It was taken for a datum: what was spoilt were values, not lengths."""
    elapsed_s: float
    """Processor time of the decoding of all that were decoded at once."""


def fuzz(made: list[Corpus], num_inputs: int, seed: int, at_once: int = 200) -> Iterator[Outcome]:
    """Spoil datums and decode them; yields what became of each.

    Parameters
    ----------
    made
        Good datums.
    num_inputs
        How many to spoil.
    seed
        Of all chances.
    at_once
        How many to decode together.

    Raises
    ------
    AssertionError
        If a good datum was lost, or changed, beside a spoilt one, or a spoilt one came out otherwise than fastavro
        reads it. Anything else that is raised is a crash of the decoder.
    """
    rng = random.Random(seed)
    decoders = {corpus.content: Decoder(corpus.schema) for corpus in made}
    oracles = {corpus.content: Oracle(corpus.schema, decoders[corpus.content].schema) for corpus in made}
    # The small contents take most of the inputs: in the stamps of the large one a flipped bit breaks nothing.
    weights = [3, 2, 1]
    while num_inputs:
        corpus = rng.choices(made, weights)[0]
        count = min(at_once, num_inputs)
        num_inputs -= count
        inputs = [spoil(corpus, made, rng) for _ in range(count)]
        goods = [rng.choice(corpus.datums) for _ in inputs]
        datums = [datum for good, (_, spoilt) in zip(goods, inputs, strict=True) for datum in (good, spoilt)]
        begin = time.process_time()
        found = decoders[corpus.content].decode(Datums.of(datums))
        elapsed_s = time.process_time() - begin
        rows = {int(position): row for row, position in enumerate(found.good)}
        values = found.batch.to_pylist(maps_as_pydicts="strict")
        if sorted([*rows, *found.bad]) != list(range(len(datums))) or found.batch.num_rows != len(rows):
            raise AssertionError(f"of {len(datums)} datums {found.good} came out, {found.bad} did not")
        for position, datum in enumerate(datums):
            kind, _ = inputs[position // 2] if position % 2 else ("good", datum)
            expected = oracles[corpus.content].row(datum)
            got = repr(values[rows[position]]) if position in rows else None
            if got != expected and "far more memory" not in found.bad.get(position, ""):
                why = found.bad.get(position, "")
                raise AssertionError(f"{kind}: {why} {got!r:.2000} and not {expected!r:.2000} of {datum!r:.2000}")
        for number, (kind, spoilt) in enumerate(inputs):
            yield Outcome(
                kind=kind,
                content=corpus.content,
                nbytes=len(spoilt),
                decoded=2 * number + 1 in rows,
                elapsed_s=elapsed_s,
            )


def spoil(corpus: Corpus, made: list[Corpus], rng: random.Random) -> tuple[str, bytes]:
    """Return bytes that may be no datum, and how they were made."""
    good, other = rng.choice(corpus.datums), rng.choice(corpus.datums)
    if rng.random() < 0.05:
        return "foreign", rng.choice(rng.choice(made).datums)
    kind = rng.choice(list(SPOILERS))
    return kind, SPOILERS[kind](good, other, rng)


class Oracle:
    """fastavro, row by row."""

    def __init__(self, schema: Mapping[str, Any], arrow: pa.Schema):
        self._avro = fastavro.parse_schema(dict(schema))
        self._arrow = pa.struct(list(arrow))

    def row(self, datum: bytes) -> str | None:
        """Return what it reads, as text (NaN its like, -0.0 not 0.0), or None if it is no datum."""
        source = io.BytesIO(datum)
        try:
            row = fastavro.schemaless_reader(source, self._avro, None)
            if source.tell() < len(datum):
                return None
            return repr(pa.array([row], self._arrow).to_pylist(maps_as_pydicts="strict")[0])
        except (EOFError, ValueError, IndexError, TypeError, KeyError, OverflowError, pa.ArrowException):
            return None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts: Counter[tuple[str, bool]] = Counter()
    slowest = None
    with tempfile.TemporaryDirectory() as folder:
        made = corpora(Path(folder), seed=given.seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = track(
        fuzz(made, given.inputs, given.seed), total=given.inputs, console=Console(stderr=True), description="decoding"
    )
    for outcome in outcomes:
        counts[outcome.kind, outcome.decoded] += 1
        if slowest is None or outcome.elapsed_s > slowest.elapsed_s:
            slowest = outcome
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = Table("what was done", "inputs", "rejected", "decoded", box=None)
    for kind in sorted({kind for kind, _ in counts}):
        rejected, decoded = counts[kind, False], counts[kind, True]
        table.add_row(kind, f"{rejected + decoded:,}", f"{rejected:,}", f"{decoded:,}")
    table.add_row(
        "all",
        f"{counts.total():,}",
        *(f"{sum(n for (_, d), n in counts.items() if d is took):,}" for took in (False, True)),
    )
    console = Console()
    console.print(table)
    console.print(
        f"no crash, no good datum lost; peak memory {after / 1024:,.0f} MB ({(after - before) / 1024:+,.0f} MB while "
        f"decoding); slowest {slowest.elapsed_s * 1000:.0f} ms for 400 datums ({slowest.content})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
