"""Points by the values of one column or of two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from .._native import F64, HistogramState
from ..derived import check_columns
from ..errors import SpecError
from ..groups import group_by
from ..plan import Plan, select
from .base import Gathering

__all__ = ["Histogram"]


class Histogram(Gathering[HistogramState]):
    """Counts between edges in each group; arguments as of `Sweep.histogram`."""

    what = "histogram"

    def __init__(
        self,
        columns: str | Sequence[str],
        edges: npt.ArrayLike | Sequence[npt.ArrayLike],
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
    ) -> None:
        self.columns = check_columns(columns)
        if len(self.columns) > 2:
            raise SpecError("columns", self.columns, "one column or two")
        given = [edges] if isinstance(columns, str) else edges
        if not isinstance(given, Sequence) or len(given) != len(self.columns):
            raise SpecError("edges", edges, f"{len(self.columns)} lists of edges, one for each column")
        self.edges = [_ascending(e) for e in given]
        self.by, self.where, self.fits = by, where, fits

    def start(self, plan: Plan) -> HistogramState:
        groups = group_by(plan.axes, self.by).native
        return HistogramState(select(self.where, self.fits), groups, self.columns, self.edges)


def _ascending(edges: object) -> F64:
    expected = "at least two numbers, each above the one before"
    try:
        array = np.array(edges, dtype=np.float64)
    except (TypeError, ValueError):
        raise SpecError("edges", edges, expected) from None
    if array.ndim != 1 or len(array) < 2 or not (array[1:] > array[:-1]).all():
        raise SpecError("edges", edges, expected)
    return array
