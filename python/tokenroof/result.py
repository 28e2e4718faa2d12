"""What runs return: columns over axes, and tables of winners; NumPy first, other libraries on request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._native import AXES, F64, UNITS, status_text
from .axes import Axes
from .errors import UnknownNameError

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import xarray

__all__ = ["BOTTLENECKS", "Result", "Table", "readable"]

#: What the numbers of column ``bottleneck`` mean.
BOTTLENECKS = ("compute", "memory", "network", "overhead")


def readable(column: str, value: float) -> Any:
    """A column's number as people read it: names for bottleneck and status, whole numbers where they are whole."""
    if isinstance(value, str) or math.isnan(value):
        return value
    if column == "bottleneck":
        return BOTTLENECKS[int(value)]
    if column == "status":
        return status_text(int(value))
    if column == "fits":
        return bool(value)
    return int(value) if column in ("chips", "max_batch") else value


class Result:
    """Columns of every point of a sweep, shaped like its axes.

    ``result["tpot_s"]`` is a float64 array [s] without a copy; its dimensions are `dims`, in the order in which the
    sweep named its axes, with coordinates `coords`.
    """

    def __init__(self, axes: Axes, columns: Mapping[str, F64]) -> None:
        self._axes = axes
        self._flat = dict(columns)
        self.dims = axes.named
        self.coords: dict[str, list[Any]] = {name: axes.labels(name) for name in axes.named}

    @property
    def columns(self) -> list[str]:
        """Names of the columns held."""
        return list(self._flat)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of `dims`."""
        return tuple(len(self.coords[d]) for d in self.dims)

    def __getitem__(self, column: str) -> F64:
        if column not in self._flat:
            raise UnknownNameError("column of this result", column, self._flat)
        kept = [name for name in AXES if name in self.dims]
        lengths = dict(zip(AXES, self._axes.shape, strict=True))
        grid = self._flat[column].reshape([lengths[name] for name in kept])
        return grid.transpose([kept.index(d) for d in self.dims])

    def __repr__(self) -> str:
        size = " x ".join(f"{d} {n}" for d, n in zip(self.dims, self.shape, strict=True))
        return f"<tokenroof.Result {size}: {', '.join(self.columns)}>"

    def to_xarray(self) -> xarray.Dataset:
        """An ``xarray.Dataset`` over the same memory, units in the attributes."""
        import xarray

        data = {c: (self.dims, self[c], {"units": UNITS[c]}) for c in self.columns}
        return xarray.Dataset(data, coords=self.coords)

    def to_arrow(self) -> pyarrow.Table:
        """A ``pyarrow.Table`` with one row a point, in the core's order: coordinates (dictionary-encoded), columns."""
        import pyarrow as pa

        arrays, names = [], []
        lengths = dict(zip(AXES, self._axes.shape, strict=True))
        total = math.prod(self._axes.shape)
        inner = total
        for name in AXES:
            inner //= lengths[name]
            if name not in self.dims:
                continue
            distinct = {
                label: code for code, label in enumerate(dict.fromkeys(self.coords[name]))
            }  # an axis may repeat one
            index = np.array([distinct[label] for label in self.coords[name]], dtype=np.int32).repeat(inner)
            codes = np.tile(index, total // len(index)) if len(index) else index
            arrays.append(pa.DictionaryArray.from_arrays(codes, pa.array(list(distinct))))
            names.append(name)
        arrays += [pa.array(self._flat[c]) for c in self.columns]
        return pa.table(arrays, names=names + self.columns)

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame`` with one row a point."""
        return self.to_arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class Table:
    """A few rows with names: what `best` found. Iterates over rows as dicts; ``table["column"]`` is one column."""

    def __init__(self, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]) -> None:
        self._columns = {n: v.tolist() if isinstance(v, np.ndarray) else list(v) for n, v in columns.items()}

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), []))

    def __getitem__(self, column: str) -> npt.NDArray[Any]:
        if column not in self._columns:
            raise UnknownNameError("column of this table", column, self._columns)
        return np.asarray(self._columns[column])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Rows as dicts of Python values, names for bottleneck and status."""
        cells = [[readable(name, v) if name in UNITS else v for v in vs] for name, vs in self._columns.items()]
        return [dict(zip(self._columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def __repr__(self) -> str:
        from .text import table_text

        return table_text(self.rows(), self.columns)

    def to_arrow(self) -> pyarrow.Table:
        """A ``pyarrow.Table``."""
        import pyarrow as pa

        rows = self.rows()
        return pa.table({name: [row[name] for row in rows] for name in self.columns})

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame``."""
        import pandas

        return pandas.DataFrame(self.rows(), columns=self.columns)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)
