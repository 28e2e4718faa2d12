"""Reading a folder that `to_parquet` has written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..axes import Dimension
from ..cite import Citation
from ..errors import SpecError, TokenroofError, UnknownNameError
from ..result import Origin, Result
from .files import need_pyarrow
from .manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset

__all__ = ["StoredSweep", "open_sweep"]


class StoredSweep:
    """A sweep on disk. Nothing is read before it is asked for.

    Attributes
    ----------
    path : str
        The folder.
    columns : list of str
        Columns that are stored, besides one for each axis in ``coords``.
    coords : dict of str to list
        Values of each axis, in the order in which the sweep named them.
    size : int
        Points of the sweep; ``done`` of them are stored.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        sweep = manifest.sweep
        self.path = str(manifest.folder)
        self.columns: list[str] = list(sweep["definition"]["files"]["columns"])
        self._axes = _ReadAxes(sweep)
        self.coords: dict[str, list[Any]] = {dim: self._axes.coords(dim) for dim in self._axes.dims}
        self.size: int = sweep["points"]
        self.done: int = manifest.done.points

    @property
    def complete(self) -> bool:
        """Whether every point is stored."""
        return self.done == self.size

    @property
    def definition(self) -> dict[str, Any]:
        """All that decides what the files hold: axes, settings, digests of the models' and chips' numbers, versions."""
        return dict(self._manifest.sweep["definition"])

    @property
    def meta(self) -> dict[str, Any]:
        """As `Result.meta`, of the run that began the folder."""
        return dict(self._manifest.sweep["meta"])

    def cite(self) -> Citation:
        """As `Result.cite`, of the run that began the folder."""
        return Citation.from_dict(self._manifest.sweep["citation"])

    @property
    def files(self) -> list[str]:
        """Paths of the files that are whole, in the order of their points."""
        layout = self._manifest.layout
        return [str(self._manifest.folder / layout.part(begin)) for begin, _ in self._manifest.parts]

    def __repr__(self) -> str:
        axes = ", ".join(f"{name} {len(labels)}" for name, labels in self.coords.items())
        state = "" if self.complete else f", {self.done:,} of them stored"
        return f"<tokenroof.StoredSweep {self.size:,} points{state}: {axes}; {', '.join(self.columns)}>"

    def dataset(self) -> pyarrow.dataset.Dataset:
        """A ``pyarrow.dataset.Dataset`` of what is stored: filters and columns before anything is read."""
        need_pyarrow()
        import pyarrow.dataset as ds

        if not self.done:
            raise TokenroofError(f"{self.path}: no point is stored yet")
        return ds.dataset(self.files, format="parquet")

    def to_arrow(self, columns: Iterable[str] | None = None, where: Any = None) -> pa.Table:
        """What is stored as a ``pyarrow.Table``, one row a point, in the core's order.

        Parameters
        ----------
        columns : list of str, optional
            Axes and columns; all by default.
        where : pyarrow.compute.Expression, optional
            Rows to read, e.g. ``pyarrow.dataset.field("tpot_s") <= 0.05``.
        """
        table: pa.Table = self.dataset().to_table(columns=self._names(columns), filter=where)
        return table

    def result(self, columns: str | Iterable[str] | None = None) -> Result:
        """What `Sweep.run` would have returned: arrays with the shape of the axes.

        Raises
        ------
        TokenroofError
            When the sweep is not complete.
        """
        if not self.complete:
            raise TokenroofError(
                f"{self.path}: {self.done:,} of {self.size:,} points are stored: call to_parquet again for the others"
            )
        names = self.columns if columns is None else self._names([columns] if isinstance(columns, str) else columns)
        for name in names or ():
            if name not in self.columns:
                raise UnknownNameError("column of this sweep", name, self.columns)
        dtype = np.float32 if self.definition["files"]["float32"] else np.float64
        flat = {name: np.empty(self.size, dtype) for name in names or ()}
        at = 0
        for batch in self.dataset().to_batches(columns=list(flat)):
            for name, values in flat.items():
                values[at : at + len(batch)] = batch[name].to_numpy(zero_copy_only=False)
            at += len(batch)
        return _ReadResult(self._axes, flat, self.meta, self.cite())

    def _names(self, columns: Iterable[str] | None) -> list[str] | None:
        if columns is None:
            return None
        known = [*self._axes.named, *self.columns]
        names = list(columns)
        for name in names:
            if name not in known:
                raise UnknownNameError("column of this sweep", name, known)
        return names

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.dataset().scanner().to_reader().__arrow_c_stream__(requested_schema)


class _ReadAxes:
    """The axes of a sweep on disk: their names and values, and how points are numbered."""

    def __init__(self, sweep: Mapping[str, Any]) -> None:
        self._labels: dict[str, list[Any]] = sweep["labels"]
        self.named = tuple(self._labels)
        self._dims, self.placed = (
            [Dimension(tuple(names), len(self._labels[names[0]])) for names in sweep[key]] for key in ("dims", "placed")
        )
        self.dims = tuple(dim.name for dim in self._dims)
        self.shape = tuple(dim.length for dim in self.placed)

    def labels(self, name: str) -> list[Any]:
        return self._labels[name]

    def coords(self, dim: str) -> list[Any]:
        columns = [self.labels(name) for name in self.dimension(dim).names]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def dimension(self, name: str) -> Dimension:
        return next(dim for dim in self._dims if name == dim.name or name in dim.names)

    def grid(self, flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        names = [dim.name for dim in self.placed]
        return flat.reshape(self.shape).transpose([names.index(dim) for dim in self.dims])


class _ReadOrigin(Origin):
    """What was asked, as the run that was asked left it."""

    meta: dict[str, Any] = {}

    def __init__(self, meta: dict[str, Any], citation: Citation) -> None:
        self.meta, self._citation = meta, citation

    def cite_all(self) -> Citation:
        return self._citation


class _ReadResult(Result):
    """A result whose models and chips are names alone."""

    def __init__(self, axes: _ReadAxes, columns: Mapping[str, Any], meta: dict[str, Any], citation: Citation) -> None:
        self._fill(axes, columns, _ReadOrigin(meta, citation))


def open_sweep(path: str | os.PathLike[str]) -> StoredSweep:
    """A sweep that `Sweep.to_parquet` has written, whole or in part.

    Raises
    ------
    SpecError, TokenroofError
        When the folder is not one of those, or is damaged.

    Examples
    --------
    >>> import tempfile, tokenroof as tr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:256").to_parquet(folder, ["tpot_s"])
    ...     tr.open_sweep(folder)
    <tokenroof.StoredSweep 256 points: model 1, hardware 1, batch 256; tpot_s>
    """
    folder = Path(path)
    if not folder.is_dir():
        raise SpecError("path", os.fspath(path), "a folder that to_parquet has written")
    return StoredSweep(Manifest.load(folder))
