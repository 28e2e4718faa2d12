"""What a histogram returns: counts as arrays, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._native import F64, U64, HistogramState
from .groups import Grouping
from .result import Table

__all__ = ["Binned"]


class Binned(Table):
    """Points by bins of one column or two, in groups; one row for each group and cell that holds points.

    A row has the group's values, each column's ends as ``<column>_from`` and ``<column>_to`` (infinite outside of the
    edges, NaN where the column has no value), and ``points``.
    """

    #: Edges of each column.
    edges: tuple[F64, ...]
    #: Points of each bin, of shape (groups..., bins...), with an axis for each name in ``by``.
    counts: U64
    #: The same with three more cells for each column: below first, above and NaN last.
    cells: U64
    #: Points of each group that do not count, of shape (groups...).
    left_out: U64

    def __init__(self, state: HistogramState, grouping: Grouping, settings: Mapping[str, Any]) -> None:
        at = np.nonzero(state.counts)
        labels = grouping.values()
        columns: dict[str, Sequence[Any]] = {name: [labels[name][g] for g in at[0]] for name in grouping.names}
        for name, edges, cell in zip(state.binned, state.edges, at[1:], strict=True):
            low = np.concatenate([[-np.inf], edges, [np.nan]])
            high = np.concatenate([edges, [np.inf, np.nan]])
            columns |= {f"{name}_from": low[cell].tolist(), f"{name}_to": high[cell].tolist()}
        columns["points"] = state.counts[at].tolist()
        super().__init__(columns, grouping.axes, settings)
        self.edges = state.edges
        self.cells = state.counts.reshape(grouping.shape + state.counts.shape[1:])
        self.counts = self.cells[..., 1:-2] if len(state.edges) == 1 else self.cells[..., 1:-2, 1:-2]
        self.left_out = state.left_out.reshape(grouping.shape)
