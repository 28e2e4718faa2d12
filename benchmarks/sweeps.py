"""Cases of whole sweeps, on the wall clock: threads, and files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from tokenroof import Sweep
from tokenroof.coordinates import coordinates
from tokenroof.parquet.files import ROWS_PER_GROUP, schema_of

from . import inputs


def seconds(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    began = perf_counter()
    call()
    return perf_counter() - began


class ThreadsCase:
    """A search of seconds, by any number of threads."""

    def __init__(self) -> None:
        self.sweep = Sweep(**inputs.THREADS_GRID_2026)
        self.points = self.sweep.size

    def run(self, threads: int) -> None:
        self.sweep.best("usd_per_mtok", where=["tpot_s <= 0.05"], threads=threads, progress=False)

    def scaling(self, threads: int, rounds: int) -> float:
        """How many times faster so many threads are than one, each at its best of several rounds."""
        took = [[seconds(lambda n=n: self.run(n)) for n in (1, threads)] for _ in range(rounds)]  # type: ignore[misc]
        one, many = (min(column) for column in zip(*took, strict=True))
        return one / many


class ParquetCase:
    """A sweep written by `to_parquet`, by one thread, beside pyarrow writing the same arrays when they are there."""

    def __init__(self, compression: str = "none") -> None:
        self.sweep = Sweep(**inputs.PARQUET_GRID_2026)
        self.columns = inputs.STORE_COLUMNS_2025
        self.compression = compression
        self.points = self.sweep.size
        self.bytes = 8 * self.points * len(self.columns)
        self.plan, self.places = self.sweep.plan(), coordinates(self.sweep.axes)
        self.ranges = [(b, min(b + ROWS_PER_GROUP, self.points)) for b in range(0, self.points, ROWS_PER_GROUP)]

    def to_parquet(self) -> None:
        """What a user calls: one file."""
        with tempfile.TemporaryDirectory() as folder:
            self.sweep.to_parquet(
                Path(folder) / "out",
                self.columns,
                compression=self.compression,
                rows_per_file=self.points,
                threads=1,
                progress=False,
            )

    def evaluate(self) -> None:
        """The share of the engine: columns into arrays that are used again."""
        room = [np.empty(ROWS_PER_GROUP) for _ in self.columns]
        for begin, end in self.ranges:
            self.plan.store(begin, end, self.columns, [a[: end - begin] for a in room])

    def locate(self) -> None:
        """The share of the named axes: codes of each point."""
        for begin, end in self.ranges:
            for place in self.places:
                place.codes(begin, end)

    def batches(self) -> list[Any]:
        """The sweep's row groups as Arrow holds them."""
        import pyarrow as pa

        schema = schema_of(self.places, self.columns, float32=False, about={})
        return [
            pa.RecordBatch.from_arrays(
                [
                    *(place.arrow(begin, end) for place in self.places),
                    *map(pa.array, self.plan.store(begin, end, self.columns)),
                ],
                schema=schema,
            )
            for begin, end in self.ranges
        ]

    def bare(self) -> Callable[[], None]:
        """pyarrow alone, as `to_parquet` calls it; with the same settings, from arrays in memory."""
        import pyarrow.parquet as pq

        batches = self.batches()
        few = [place.name for place in self.places]

        def write() -> None:
            folder = tempfile.mkdtemp()
            try:
                name = str(Path(folder) / "bare.parquet")
                with pq.ParquetWriter(name, batches[0].schema, compression=self.compression, use_dictionary=few) as to:
                    for batch in batches:
                        to.write_batch(batch)
            finally:
                shutil.rmtree(folder)

        return write
