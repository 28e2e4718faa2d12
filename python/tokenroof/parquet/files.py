"""One file of a stored sweep: its schema, and how its rows get there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import Coordinate, coordinates
from ..errors import TokenroofError
from ..files import write_atomically
from ..plan import Plan

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["file_is_whole", "need_pyarrow", "write_file"]

#: Rows of a row group: what a reader takes at once, and the columns of one stay in a cache while they are written.
ROWS_PER_GROUP = 1 << 18
#: Columns of a few distinct values, that a dictionary makes small; in others nearly every value is its own.
_FEW_VALUES = ("status", "fits", "bottleneck", "chips", "max_batch")


def need_pyarrow() -> None:
    """Raises TokenroofError, with the extra to install, where pyarrow is missing."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise TokenroofError("Parquet files need pyarrow: pip install 'tokenroof[tables]'") from None


def file_is_whole(path: Path, rows: int) -> bool:
    """Whether a file is there, with its end and so many rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found: int = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowInvalid):
        return False
    return found == rows


def schema_of(
    places: Sequence[Coordinate], columns: Sequence[str], float32: bool, about: Mapping[str, Any]
) -> pa.Schema:
    """Named axes as dictionary columns, then the columns; what they are in the metadata, as JSON."""
    import pyarrow as pa

    axes = [(place.name, pa.dictionary(pa.int32(), pa.array(place.labels).type)) for place in places]
    values = [(name, pa.float32() if float32 else pa.float64()) for name in columns]
    return pa.schema(axes + values, metadata={key: json.dumps(value) for key, value in about.items()})


def write_file(
    plan: Plan,
    span: tuple[int, int],
    path: Path,
    columns: Sequence[str],
    *,
    float32: bool,
    compression: str,
    about: Mapping[str, Any],
    between: Callable[[], None],
) -> None:
    """Write the points of a span, row group by row group, to a file that appears when it is whole.

    ``between`` is called before each row group; what it raises breaks the file off.
    """
    import pyarrow.parquet as pq

    places = coordinates(plan.axes)
    schema = schema_of(places, columns, float32, about)
    few = [place.name for place in places] + [name for name in columns if name in _FEW_VALUES]

    def write(name: str) -> None:
        with pq.ParquetWriter(name, schema, compression=compression, use_dictionary=few) as writer:
            for batch in _batches(plan, span, places, columns, schema):
                between()
                writer.write_batch(batch)

    write_atomically(path, write)


def _batches(
    plan: Plan, span: tuple[int, int], places: Sequence[Coordinate], columns: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The points of a span in batches of `ROWS_PER_GROUP`; each one is overwritten by the next."""
    import pyarrow as pa

    room = [np.empty(min(ROWS_PER_GROUP, span[1] - span[0])) for _ in columns]
    for begin in range(*span, ROWS_PER_GROUP):
        end = min(begin + ROWS_PER_GROUP, span[1])
        values = plan.store(begin, end, columns, [array[: end - begin] for array in room])
        arrays = [place.arrow(begin, end) for place in places]
        arrays += [
            pa.array(value.astype(field.type.to_pandas_dtype(), copy=False))
            for value, field in zip(values, list(schema)[len(places) :], strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
