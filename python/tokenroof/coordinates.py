"""Where points lie: the named axes' values of any range of points, as codes of a short list."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from .axes import Dimension

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Coordinate", "Grid", "coordinates"]


class Grid(Protocol):
    """What `axes.Axes` says of the places of points, and a sweep on disk too."""

    @property
    def named(self) -> tuple[str, ...]:
        """Axes that the user named, in that order."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions that the user named, in that order: an axis, or several that are zipped."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths by which points are numbered."""

    @property
    def placed(self) -> list[Dimension]:
        """All dimensions, slowest first."""

    def dimension(self, name: str) -> Dimension:
        """The dimension of an axis, or by its own name."""

    def labels(self, name: str) -> list[Any]:
        """The values of an axis as people read them."""

    def coords(self, dim: str) -> list[Any]:
        """The labels along a dimension; tuples where axes are zipped."""

    def grid(self, flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What is stored of all points, in the shape of `dims`."""


@dataclass(frozen=True)
class Coordinate:
    """One axis along the points of a sweep, which are numbered row-major."""

    name: str
    labels: list[Any]  #: distinct values
    steps: npt.NDArray[np.int32]  #: of each place on the axis, which label it has: an axis may repeat a value
    inner: int  #: points from one place to the next

    def codes(self, begin: int, end: int) -> npt.NDArray[np.int32]:
        """Which label each of the points [begin, end) has.

        >>> Coordinate("tp", [1, 2], np.array([0, 1], np.int32), inner=3).codes(2, 8)
        array([0, 1, 1, 1, 0, 0], dtype=int32)
        """
        first, last = begin // self.inner, -(-end // self.inner)  # places, counted on over all turns of the axis
        turn = np.roll(self.steps, -(first % len(self.steps)))
        places = np.resize(turn, max(last - first, 0))
        if self.inner == 1 or not len(places):
            return places
        times = np.full(len(places), self.inner)
        times[0] -= begin - first * self.inner
        times[-1] -= last * self.inner - end
        return np.repeat(places, times)

    def arrow(self, begin: int, end: int) -> pyarrow.DictionaryArray:
        """The same, as Arrow has it."""
        import pyarrow as pa

        return pa.DictionaryArray.from_arrays(self.codes(begin, end), pa.array(self.labels), safe=False)  # codes of it


def coordinates(axes: Grid) -> list[Coordinate]:
    """The axes that a sweep names, in the order in which points are numbered."""
    found, inner = [], math.prod(axes.shape)
    for dim in axes.placed:
        inner //= dim.length
        for name in (name for name in dim.names if name in axes.named):
            labels = _alike(axes.labels(name))
            code = {label: i for i, label in enumerate(dict.fromkeys(labels))}
            found.append(Coordinate(name, list(code), np.array([code[v] for v in labels], dtype=np.int32), inner))
    return found


def _alike(labels: list[Any]) -> list[Any]:
    """Labels of one type: an axis may hold numbers and factors, ``"x2"``."""
    return labels if len({type(label) for label in labels}) < 2 else [str(label) for label in labels]
