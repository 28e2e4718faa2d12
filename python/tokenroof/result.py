"""What runs return: columns over axes, and tables of winners; NumPy first, other libraries on request."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._native import F64, UNITS, status_text
from .axes import Axes
from .coordinates import Grid, coordinates
from .derived import unit_of
from .errors import UnknownNameError
from .specs import Hardware, Model, Precision, peak

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import xarray

    from .cite import Citation

__all__ = ["BOTTLENECKS", "Origin", "Result", "Table", "readable"]

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


class Origin:
    """What was asked: models, chips, precisions and settings, for `meta` and `cite`."""

    def __init__(self, axes: Axes, settings: Mapping[str, Any]) -> None:
        self.axes = axes
        self.settings = dict(settings)

    @property
    def meta(self) -> dict[str, Any]:
        """Versions, settings, and the format that each chip computes in at each precision; None where it has none."""
        from . import __version__
        from .catalogue import version

        fallback = self.settings["fallback"]
        chips, precisions = self.axes.objects("hardware"), self.axes.objects("precision")
        if any(name.startswith(("hardware.peaks", "precision.")) for name in self.axes.named):  # each may differ
            chips, precisions = self.axes.hardware, self.axes.precisions
        formats = {h.id: {p.name: peak(h, p, fallback)[1] or None for p in precisions} for h in chips}
        given = {"set by the caller": self.axes.changes} if self.axes.changes else {}
        return {"tokenroof": __version__, "catalogue": version(), **self.settings, "compute": formats, **given}

    def arrow(self, table: pyarrow.Table) -> pyarrow.Table:
        """The table with `meta` in its metadata, as JSON under the key ``tokenroof``."""
        return table.replace_schema_metadata({"tokenroof": json.dumps(self.meta)})

    def pandas(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The frame with `meta` in its attributes."""
        frame.attrs["tokenroof"] = self.meta
        return frame

    def cite_all(self) -> Citation:
        """Sources of everything that was asked for."""
        return self.cite(*(self.axes.objects(kind) for kind in ("model", "hardware", "precision")))

    def cite(self, models: Iterable[Model], hardware: Iterable[Hardware], precisions: Sequence[Precision]) -> Citation:
        """Sources of what was used."""
        from .cite import cite

        asked = {name: self.settings[name] for name in ("estimate", "fallback", "offload")}
        return cite(models, hardware, precisions, **asked, changes=self.axes.changes)


class Result:
    """Columns of every point of a sweep, shaped like its axes.

    ``result["tpot_s"]`` is a float64 array [s] without a copy; its dimensions are `dims`, in the order in which the
    sweep named its axes, with coordinates `coords`. Axes that are zipped are one dimension, ``"isl,osl"``, with tuples
    for coordinates.
    """

    def __init__(self, axes: Axes, columns: Mapping[str, F64], settings: Mapping[str, Any]) -> None:
        self._fill(axes, columns, Origin(axes, settings))

    def _fill(self, axes: Grid, columns: Mapping[str, F64], origin: Origin) -> None:
        self._axes = axes
        self._origin = origin
        self._flat = dict(columns)
        self.dims = axes.dims
        self.coords: dict[str, list[Any]] = {dim: axes.coords(dim) for dim in axes.dims}

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes, dimension by dimension: a zipped one has several."""
        return tuple(name for dim in self.dims for name in self._axes.dimension(dim).names)

    @property
    def places(self) -> list[list[tuple[Any, ...]]]:
        """For each dimension the values of its axes along it."""
        labels = [[self._axes.labels(name) for name in self._axes.dimension(dim).names] for dim in self.dims]
        return [list(zip(*columns, strict=True)) for columns in labels]

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
        return self._axes.grid(self._flat[column])

    @property
    def meta(self) -> dict[str, Any]:
        """Version of the catalogue, settings, and ``meta["compute"][hardware][precision]``: the format computed in."""
        return self._origin.meta

    def cite(self) -> Citation:
        """Sources of the numbers of every model and chip of the sweep; ``print`` shows them.

        Each fact has its value as its source spells it and its grade; claims, rumours and assumptions are marked, as is
        what the caller changed.
        """
        return self._origin.cite_all()

    def __repr__(self) -> str:
        size = " x ".join(f"{d} {n}" for d, n in zip(self.dims, self.shape, strict=True))
        return f"<tokenroof.Result {size}: {', '.join(self.columns)}>"

    def to_xarray(self) -> xarray.Dataset:
        """An ``xarray.Dataset`` over the same memory, units in the attributes."""
        import xarray

        data = {c: (self.dims, self[c], {"units": unit_of(c)}) for c in self.columns}
        coords = {name: (self._axes.dimension(name).name, self._axes.labels(name)) for name in self._axes.named}
        return xarray.Dataset(data, coords=coords, attrs={"tokenroof": json.dumps(self.meta)})

    def to_arrow(self) -> pyarrow.Table:
        """A ``pyarrow.Table`` with one row a point, in the core's order: coordinates (dictionary-encoded), columns."""
        import pyarrow as pa

        places, size = coordinates(self._axes), math.prod(self._axes.shape)
        names, arrays = [place.name for place in places], [place.arrow(0, size) for place in places]
        arrays += [pa.array(self._flat[c]) for c in self.columns]
        return self._origin.arrow(pa.table(arrays, names=names + self.columns))

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame`` with one row a point."""
        return self._origin.pandas(self.to_arrow().to_pandas())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class Table:
    """A few rows with names: what `best` found. Iterates over rows as dicts; ``table["column"]`` is one column."""

    def __init__(
        self, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]], axes: Axes, settings: Mapping[str, Any]
    ) -> None:
        self._origin = Origin(axes, settings)
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

    @property
    def meta(self) -> dict[str, Any]:
        """As `Result.meta`, of the whole sweep."""
        return self._origin.meta

    def cite(self) -> Citation:
        """As `Result.cite`, of the models and chips in the table's rows."""
        axes = self._origin.axes
        models, chips, precisions = (set(self._columns.get(name, ())) for name in ("model", "hardware", "precision"))
        return self._origin.cite(
            [m for m in axes.objects("model") if m.id in models],
            [h for h in axes.objects("hardware") if h.id in chips],
            [p for p in axes.objects("precision") if p.name in precisions or "precision" not in self._columns],
        )

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
        return self._origin.arrow(pa.table({name: [row[name] for row in rows] for name in self.columns}))

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame``."""
        import pandas

        return self._origin.pandas(pandas.DataFrame(self.rows(), columns=self.columns))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)
