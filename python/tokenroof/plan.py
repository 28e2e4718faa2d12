"""A sweep bound to numbers: run any range of it, any list of points, any number of times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._native import AXES, COLUMNS, F32, F64, U64, BestState, NativePlan, Select
from .axes import COUNTS, Axes, parse_where
from .derived import check_columns, expression
from .errors import SpecError, UnknownNameError
from .groups import group_by
from .specs import Options

__all__ = ["LARGER_IS_BETTER", "Plan", "check_columns", "select"]

#: Columns of which more is better; of all others less is.
LARGER_IS_BETTER = frozenset(
    name
    for name in COLUMNS
    if "tokens_per_s" in name or name in ("mfu", "mbu", "max_batch", "intensity_flop_per_byte", "fits")
)


def select(where: str | Iterable[str] | None, fits: bool = True) -> Select:
    """Which points count, from limits such as ``"tpot_s <= 0.05"``; `fits` as of `Sweep.best`."""
    return Select(tuple(parse_where(where)), not fits)


class Plan:
    """Axes, validated and hoisted. Points are numbered in the order of `AXES`, batch fastest.

    Parameters
    ----------
    axes : Axes
    estimate : {"typical", "bound", "serial"}
    options : Options, optional
        Memory budget, offloading, padding, formats that a chip lacks.
    isa : {"auto", "generic", "avx2", "avx512"}
        Instruction set of the kernels; results are the same bits for each.
    bind_all : bool
        Bind every combination now: worth it for point lists and scalar calls.
    """

    def __init__(
        self,
        axes: Axes,
        *,
        estimate: str = "typical",
        options: Options | None = None,
        isa: str = "auto",
        bind_all: bool = False,
    ) -> None:
        self.axes = axes
        self._made = {"estimate": estimate, "options": options, "isa": isa, "bind_all": bind_all}
        self.native = NativePlan(
            axes.models,
            axes.hardware,
            axes.precisions,
            axes.counts,
            zip=axes.zip,
            estimate=estimate,
            options=options,
            isa=isa,
            bind_all=bind_all,
        )
        self._derived: dict[tuple[str, ...], NativePlan] = {}

    def native_with(self, columns: Iterable[str]) -> NativePlan:
        """The core's plan, with those of the columns that are expressions."""
        found = [name for name in columns if name not in COLUMNS]
        if not found:
            return self.native
        own = tuple(dict.fromkeys(found))
        if own not in self._derived:
            self._derived[own] = self.native.derived({name: expression(name).steps for name in own})
        return self._derived[own]

    @property
    def legal(self) -> int:
        """Points of layouts that can exist: those whose status is below 16."""
        return self.native.legal

    def __reduce__(self) -> tuple[Any, ...]:
        """A plan travels as what it is made from, and is made anew where it arrives, with the best of that CPU's
        instruction sets unless one was asked for."""
        return _plan, (self.axes, self._made)

    @property
    def size(self) -> int:
        """Number of points."""
        return self.native.points

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return self.native.isa

    def combination(self, **values: object) -> int:
        """Number of the combination with these axis values (first value of every axis not named).

        Raises
        ------
        UnknownNameError
            For an axis or a value that the sweep does not have.
        """
        number = self.axes.combination(values)
        if values:
            raise UnknownNameError("axis", next(iter(values)), AXES[:8])
        return number

    def store(
        self, begin: int, end: int, columns: Sequence[str], out: Sequence[F64] | Sequence[F32] | None = None
    ) -> list[Any]:
        """Columns of the points [begin, end), one float64 array each, or into ``out``, float64 or float32."""
        names = check_columns(columns)
        if not 0 <= begin <= end <= self.size:
            raise SpecError("range", (begin, end), f"0 <= begin <= end <= {self.size}")
        arrays: list[Any] = [np.empty(end - begin) for _ in names] if out is None else list(out)
        if len(arrays) != len(names):
            raise SpecError("out", len(arrays), f"{len(names)} arrays, one for each column")
        self.native_with(names).store(begin, end, names, arrays)
        return arrays

    def points(
        self,
        combination: npt.ArrayLike,
        batch: npt.ArrayLike,
        isl: npt.ArrayLike,
        osl: npt.ArrayLike,
        columns: Sequence[str],
        out: Sequence[F64] | None = None,
    ) -> list[F64]:
        """Columns of arbitrary points: inputs broadcast to one dimension; values need not be on the axes."""
        names = check_columns(columns)
        given = np.asarray(combination)
        if given.dtype.kind not in "iu":
            raise SpecError("combination", f"array of {given.dtype}", "whole numbers from 0")
        if given.size and given.min() < 0:
            raise SpecError("combination", int(given.min()), "whole numbers from 0")
        c, b, i, o = np.broadcast_arrays(
            given.astype(np.uint64), *(np.asarray(a, dtype=np.float64) for a in (batch, isl, osl))
        )
        c, b, i, o = (np.ascontiguousarray(a).reshape(-1) for a in (c, b, i, o))
        arrays = [np.empty(len(c)) for _ in names] if out is None else list(out)
        if len(arrays) != len(names):
            raise SpecError("out", len(arrays), f"{len(names)} arrays, one for each column")
        self.native_with(names).points_eval(c, b, i, o, names, arrays)
        return arrays

    def point(self, combination: int, batch: float, isl: float, osl: float, columns: Sequence[str]) -> list[float]:
        """Columns of one point."""
        names = check_columns(columns)
        return self.native_with(names).point_eval(combination, batch, isl, osl, names)

    def new_best(
        self,
        objective: str,
        *,
        by: Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        k: int = 1,
        maximize: bool | None = None,
        fits: bool = True,
    ) -> BestState:
        """Empty places for `best`; see `Sweep.best`."""
        check_columns(objective)
        groups = group_by(self.axes, by).native
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k < 2**31:
            raise SpecError("k", k, "a whole number from 1")
        larger = objective in LARGER_IS_BETTER if maximize is None else maximize
        return BestState(select(where, fits), groups, objective, larger, k)

    def best(self, begin: int, end: int, state: BestState) -> BestState:
        """Let the points [begin, end) compete for the places of ``state``; any split gives the same answer."""
        if not 0 <= begin <= end <= self.size:
            raise SpecError("range", (begin, end), f"0 <= begin <= end <= {self.size}")
        state.visit(self.native_with(state.asked), begin, end)
        return state

    def coordinates(self, points: U64) -> dict[str, list[object]]:
        """Axis values of points by number, for every axis."""
        index = self.axes.index(points)
        labels = {name: self.axes.labels(name) for name in index if name not in COUNTS}
        return {
            name: [labels[name][i] for i in at.tolist()] if name in labels else self.axes.value(name, at).tolist()
            for name, at in index.items()
        }

    def gather(self, points: U64, columns: Sequence[str]) -> dict[str, F64]:
        """Columns of points by number."""
        at = self.axes.index(points)
        rows = int(np.prod(self.axes.shape[8:]))
        isl, osl, batch = (self.axes.value(name, at[name]) for name in AXES[8:])
        combination = points.astype(np.uint64) // np.uint64(rows)
        return dict(zip(columns, self.points(combination, batch, isl, osl, columns), strict=True))


def _plan(axes: Axes, made: Mapping[str, Any]) -> Plan:
    return Plan(axes, **made)
