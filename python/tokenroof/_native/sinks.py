"""States of the core's sinks: what was gathered so far. Each can be pickled, and merged in any order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .._core import ffi, lib
from ..errors import SpecError
from .plan import AXES, COLUMNS, COMPARISONS, F64, U64, NativePlan, raise_code

__all__ = [
    "BestState",
    "CountState",
    "FrontState",
    "Groups",
    "HistogramState",
    "RanksState",
    "ReduceState",
    "Select",
    "State",
]

NOTHING = np.uint64(2**64 - 1)  #: the number of no point


@dataclass(frozen=True)
class Groups:
    """A point's group is the sum of what its indices along these axes contribute, below ``n``."""

    n: int = 1
    of: Mapping[str, U64] = field(default_factory=dict)


@dataclass(frozen=True)
class Select:
    """Which points count: status 0 (with ``misfits`` those short of memory too), and every limit."""

    where: tuple[tuple[str, str, float], ...] = ()
    misfits: bool = False


class State(ABC):
    """What a sink has gathered. ``visit`` drops the GIL; one thread at a time may use a state."""

    def __init__(self, select: Select, groups: Groups, asked: Sequence[str] = ()) -> None:
        self.select, self.groups = select, groups
        #: Columns and expressions in use; a plan that has them is what `visit` takes.
        self.asked = (*asked, *(column for column, _, _ in select.where))

    def visit(self, plan: NativePlan, begin: int, end: int) -> None:
        """Gather the points [begin, end) of a plan that has what is `asked`."""
        keep: list[Any] = []  # cffi memory that must live through the call
        err = ffi.new("tr_error *")
        which = _select(self.select, plan.columns, keep), _groups(self.groups, plan.shape, keep)
        raise_code(self._run(plan, (begin, end), which, err), err)

    @abstractmethod
    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        """The core's call, and its code."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Take over what another state of the same sink gathered; any order of merging gives the same."""


class BestState(State):
    """Places of the k best points of each group: ``value`` and ``point``, best first."""

    def __init__(self, select: Select, groups: Groups, objective: str, maximize: bool, k: int) -> None:
        super().__init__(select, groups, [objective])
        self.visited = 0  #: points of the ranges visited
        self.by_bound = False  #: leave out what a bound shows to be unable to rank; ``proven`` counts it
        self.objective, self.maximize, self.k, self.proven = objective, maximize, k, 0
        self.value: F64 = np.full(groups.n * k, np.nan)
        self.point: U64 = np.full(groups.n * k, NOTHING)

    def _struct(self, objective: int = 0) -> Any:
        s = ffi.new("tr_best *")
        s.struct_size, s.n_groups, s.k = ffi.sizeof("tr_best"), self.groups.n, self.k
        s.objective, s.maximize, s.proven = objective, self.maximize, self.proven
        s.value, s.point = _pointer("double", self.value), _pointer("uint64_t", self.point)
        return s

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        s = self._struct(plan.columns[self.objective])
        search = lib.tr_plan_best_bound if self.by_bound else lib.tr_plan_best
        code = search(plan._plan, *points, *which, s, err)
        self.visited += points[1] - points[0]
        self.proven = int(s.proven)
        return int(code)

    def merge(self, other: BestState) -> None:
        into = self._struct()
        lib.tr_best_merge(into, other._struct())
        self.visited, self.proven = self.visited + other.visited, int(into.proven)


class FrontState(State):
    """Of each group the points that no other dominates."""

    def __init__(self, select: Select, groups: Groups, objectives: Sequence[tuple[str, bool]]) -> None:
        super().__init__(select, groups, [name for name, _ in objectives])
        self.objectives = tuple(objectives)
        self._make()

    def _make(self) -> None:
        out, err = ffi.new("tr_front **"), ffi.new("tr_error *")
        own = list(dict.fromkeys(name for name in self.asked if name not in COLUMNS))  # as the plan numbers them
        numbers = COLUMNS | {name: len(COLUMNS) + i for i, name in enumerate(own)}
        columns = ffi.new("int32_t[]", [numbers[name] for name, _ in self.objectives])
        maximize = ffi.new("int32_t[]", [int(larger) for _, larger in self.objectives])
        raise_code(lib.tr_front_create(self.groups.n, len(self.objectives), columns, maximize, out, err), err)
        self._front = ffi.gc(out[0], lib.tr_front_free)

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        return int(lib.tr_plan_pareto(plan._plan, *points, *which, self._front, err))

    def __len__(self) -> int:
        return int(lib.tr_front_size(self._front))

    def read(self) -> tuple[U64, U64, F64]:
        """(group, point, values of shape (points, objectives)), by group, then from the best first objective on."""
        group, point = np.empty(len(self), np.uint64), np.empty(len(self), np.uint64)
        value = np.empty((len(self), len(self.objectives)))
        pointers = _pointer("uint64_t", group), _pointer("uint64_t", point), _pointer("double", value)
        lib.tr_front_read(self._front, *pointers)
        return group, point, value

    def _add(self, group: U64, point: U64, value: F64) -> None:
        err = ffi.new("tr_error *")
        pointers = _pointer("uint64_t", group), _pointer("uint64_t", point), _pointer("double", value)
        raise_code(lib.tr_front_add(self._front, len(group), *pointers, err), err)

    def merge(self, other: FrontState) -> None:
        self._add(*other.read())

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_front"} | {"held": self.read()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        held = state.pop("held")
        vars(self).update(state)
        self._make()
        self._add(*held)


class CountState(State):
    """Points by status and group, ``status[group, status]``, and those that count, ``within[group]``."""

    def __init__(self, select: Select, groups: Groups) -> None:
        super().__init__(select, groups)
        self.status: U64 = np.zeros((groups.n, lib.TR_STATUSES), dtype=np.uint64)
        self.within: U64 = np.zeros(groups.n, np.uint64)

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        s = ffi.new("tr_count *")
        s.struct_size = ffi.sizeof("tr_count")
        s.status, s.within = _pointer("uint64_t", self.status), _pointer("uint64_t", self.within)
        return int(lib.tr_plan_count(plan._plan, *points, *which, s, err))

    def merge(self, other: CountState) -> None:
        self.status += other.status
        self.within += other.within


class HistogramState(State):
    """Points by cells of one column or two: ``counts[group, cell (, cell)]``; the others in ``left_out[group]``.

    Cells of a column with n edges: below, the n - 1 bins, above, NaN.
    """

    def __init__(self, select: Select, groups: Groups, columns: Sequence[str], edges: Sequence[F64]) -> None:
        super().__init__(select, groups, columns)
        self.binned, self.edges = tuple(columns), tuple(edges)
        self.counts: U64 = np.zeros((groups.n, *(len(e) + 2 for e in edges)), dtype=np.uint64)
        self.left_out: U64 = np.zeros(groups.n, np.uint64)

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        s = ffi.new("tr_histogram *")
        s.struct_size, s.n_columns = ffi.sizeof("tr_histogram"), len(self.binned)
        for i, (column, edges) in enumerate(zip(self.binned, self.edges, strict=True)):
            s.column[i], s.n_edges[i], s.edges[i] = plan.columns[column], len(edges), _pointer("double", edges)
        s.counts, s.left_out = _pointer("uint64_t", self.counts), _pointer("uint64_t", self.left_out)
        return int(lib.tr_plan_histogram(plan._plan, *points, *which, s, err))

    def merge(self, other: HistogramState) -> None:
        self.counts += other.counts
        self.left_out += other.left_out


class RanksState(State):
    """One pass of a search for order statistics: ``counts[window, next bits]`` below prefixes of the doubles' ranks."""

    def __init__(
        self, select: Select, groups: Groups, column: str, shift: int, bits: int, windows: U64, prefix: U64
    ) -> None:
        super().__init__(select, groups, [column])
        self.column, self.shift, self.bits, self.windows, self.prefix = column, shift, bits, windows, prefix
        self.counts: U64 = np.zeros((len(prefix), 1 << bits), np.uint64)

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        s = ffi.new("tr_ranks *")
        s.struct_size, s.column = ffi.sizeof("tr_ranks"), plan.columns[self.column]
        s.shift, s.bits = self.shift, self.bits
        s.windows, s.prefix = _pointer("uint64_t", self.windows), _pointer("uint64_t", self.prefix)
        s.counts = _pointer("uint64_t", self.counts)
        return int(lib.tr_plan_ranks(plan._plan, *points, *which, s, err))

    def merge(self, other: RanksState) -> None:
        self.counts += other.counts


class ReduceState(State):
    """``data`` as the caller's compiled function leaves it."""

    def __init__(
        self,
        select: Select,
        groups: Groups,
        columns: Sequence[str],
        address: int,
        data: npt.NDArray[Any],
        join: Callable[[Any, Any], object],
    ) -> None:
        super().__init__(select, groups, columns)
        self.given, self.address, self.data, self.join = tuple(columns), address, data, join

    def _run(self, plan: NativePlan, points: tuple[int, int], which: tuple[Any, Any], err: Any) -> int:
        columns = ffi.new("int32_t[]", [plan.columns[name] for name in self.given])
        function = ffi.cast("tr_reducer", self.address)
        data = ffi.cast("void *", self.data.ctypes.data)
        return int(lib.tr_plan_reduce(plan._plan, *points, *which, len(self.given), columns, function, data, err))

    def merge(self, other: ReduceState) -> None:
        self.join(self.data, other.data)


def _pointer(kind: str, array: npt.NDArray[Any]) -> Any:
    """Address of a C-contiguous array that its owner keeps alive."""
    return ffi.cast(f"{kind} *", array.ctypes.data)


def _select(select: Select, columns: Mapping[str, int], keep: list[Any]) -> Any:
    s, where = ffi.new("tr_select *"), ffi.new("tr_where[]", max(len(select.where), 1))
    for item, (column, op, limit) in zip(where, select.where, strict=False):
        item.column, item.compare, item.limit = columns[column], COMPARISONS[op], limit
    s.struct_size, s.misfits = ffi.sizeof("tr_select"), select.misfits
    s.n_where, s.where = len(select.where), where
    keep += [s, where]
    return s


def _groups(groups: Groups, shape: tuple[int, ...], keep: list[Any]) -> Any:
    s = ffi.new("tr_groups *")
    s.struct_size, s.n = ffi.sizeof("tr_groups"), groups.n
    for axis, of in groups.of.items():
        table = np.ascontiguousarray(of, dtype=np.uint64)
        if table.shape != (shape[AXES.index(axis)],):
            raise SpecError(
                f"groups of {axis}", table.shape, f"one number for each of {shape[AXES.index(axis)]} values"
            )
        s.of[AXES.index(axis)] = _pointer("uint64_t", table)
        keep.append(table)
    keep.append(s)
    return s
