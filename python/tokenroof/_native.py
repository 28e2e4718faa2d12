"""The only door to the C core: builds its structs, owns its plans, turns its codes into exceptions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ._core import ffi, lib
from .errors import NativeError, SpecError
from .specs import Hardware, Link, Model, Options, Precision, peak
from .specs.hardware import TOPOLOGIES

__all__ = [
    "AXES",
    "COLUMNS",
    "COMPARISONS",
    "ESTIMATES",
    "ISAS",
    "UNITS",
    "BestState",
    "NativePlan",
    "column_text",
    "function_address",
    "isa_supported",
    "status_text",
]

F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

#: Axes in the order in which the core numbers points, batch fastest.
AXES = ("model", "hardware", "precision", "tp", "pp", "ep", "dp", "cp", "isl", "osl", "batch")
ESTIMATES = {"typical": 0, "bound": 1, "serial": 2}
ISAS = {"auto": 0, "generic": 1, "avx2": 2, "avx512": 3}
COMPARISONS = {"<=": 0, "<": 1, ">=": 2, ">": 3, "==": 4, "!=": 5}

#: Column name -> its number in the core.
COLUMNS: dict[str, int] = {ffi.string(lib.tr_column_name(i)).decode(): i for i in range(lib.tr_columns())}
#: Column name -> unit.
UNITS: dict[str, str] = {name: ffi.string(lib.tr_column_unit(i)).decode() for name, i in COLUMNS.items()}


def column_text(name: str) -> str:
    """What a column means, in one sentence."""
    return str(ffi.string(lib.tr_column_text(COLUMNS[name])).decode())


def status_text(status: int) -> str:
    """What a point's status says."""
    return str(ffi.string(lib.tr_point_status_text(int(status))).decode())


def isa_supported(isa: str) -> bool:
    """Whether this CPU and build have the instruction set."""
    return bool(lib.tr_isa_supported(ISAS[isa]))


def function_address(name: str) -> int:
    """Address of a function of the C contract, for compiled callers."""
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


def _raise(code: int, err: Any, text: str = "") -> None:
    if code == 0:
        return
    text = ffi.string(err.message).decode(errors="replace") if err is not None else text
    message = f"{text} ({ffi.string(lib.tr_strerror(code)).decode()})"
    if code == -401:
        raise MemoryError(message)
    raise NativeError(code, message)


def _flags(options: Options, bind_all: bool) -> int:
    return (
        lib.TR_BIND_ALL * bind_all
        | lib.TR_FRACTION_OF_FREE * (options.memory_of == "free")
        | lib.TR_OFFLOAD_WEIGHTS * ("weights" in options.offload)
        | lib.TR_OFFLOAD_KV * ("kv" in options.offload)
        | lib.TR_PAD_HEADS * options.pad_heads
        | lib.TR_BATCH_ATTENTION * (options.attention_sharding == "batch")
        | lib.TR_SPLIT_2D * (options.weight_sharding == "2d")
        | lib.TR_SPLIT_AUTO * (options.weight_sharding == "auto")
    )


def _nan_to(value: float, other: float) -> float:
    return other if math.isnan(value) else value


class NativePlan:
    """A ``tr_plan`` and its life. Immutable: any number of threads may run it at once."""

    def __init__(
        self,
        models: Sequence[Model],
        hardware: Sequence[Hardware],
        precisions: Sequence[Precision],
        axes: dict[str, F64],
        *,
        zip: Sequence[int] = (0,) * len(AXES),
        estimate: str = "typical",
        options: Options | None = None,
        isa: str = "auto",
        bind_all: bool = False,
    ) -> None:
        if isa not in ISAS:
            raise SpecError("isa", isa, f"one of {', '.join(ISAS)}")
        if not isa_supported(isa):
            raise SpecError("isa", isa, "an instruction set of this CPU and build")
        if estimate not in ESTIMATES:
            raise SpecError("estimate", estimate, f"one of {', '.join(ESTIMATES)}")
        keep: list[Any] = []  # cffi memory that must live through the call
        spec = ffi.new("tr_axes *")
        spec.struct_size = ffi.sizeof("tr_axes")
        options = options or Options()
        spec.estimate, spec.isa, spec.flags = ESTIMATES[estimate], ISAS[isa], _flags(options, bind_all)
        spec.memory_fraction, spec.memory_reserved = options.memory_fraction, options.reserved_bytes
        spec.model, spec.n_model = _models(models, keep), len(models)
        spec.hardware, spec.n_hardware = _hardware(hardware, keep), len(hardware)
        spec.precision, spec.n_precision = _precisions(precisions, keep), len(precisions)
        peaks = np.array([[peak(h, p, options.fallback)[0] for p in precisions] for h in hardware], dtype=np.float64)
        spec.peak = _doubles(peaks.ravel(), keep)
        spec.zip = [*zip, 0]
        energy = [[h.joules_per_flop(peak(h, p, options.fallback)[1]) for p in precisions] for h in hardware]
        spec.flop_joules = _doubles(np.array(energy, dtype=np.float64).ravel(), keep)
        spec.cache_share = options.cache_share
        for name in AXES[3:]:
            values = np.ascontiguousarray(axes[name], dtype=np.float64)
            setattr(spec, name, _doubles(values, keep))
            setattr(spec, f"n_{name}", len(values))
        out, err = ffi.new("tr_plan **"), ffi.new("tr_error *")
        _raise(lib.tr_plan_create(spec, out, err), err)
        self._plan = ffi.gc(out[0], lib.tr_plan_free, lib.tr_plan_bytes(out[0]))
        #: Column name -> its number in this plan.
        self.columns: Mapping[str, int] = COLUMNS
        self._base: NativePlan | None = None

    def derived(self, programs: Mapping[str, Sequence[tuple[str, str | float]]]) -> NativePlan:
        """The same plan with columns of the caller's besides: name -> steps of an `Expression`."""
        keep: list[Any] = []
        exprs = ffi.new("tr_expr[]", max(len(programs), 1))
        for item, program in zip(exprs, programs.values(), strict=False):
            steps = ffi.new("tr_step[]", len(program))
            keep.append(steps)
            for step, (kind, value) in zip(steps, program, strict=True):
                step.operation, step.index, step.value = _operation(kind, value)
            item.struct_size, item.n_steps, item.steps = ffi.sizeof("tr_expr"), len(program), steps
        out, err = ffi.new("tr_plan **"), ffi.new("tr_error *")
        _raise(lib.tr_plan_derive(self._plan, len(programs), exprs, out, err), err)
        made = object.__new__(NativePlan)
        made._plan = ffi.gc(out[0], lib.tr_plan_free, lib.tr_plan_bytes(out[0]))
        made._base = self  # holds what both share
        made.columns = {**self.columns, **{name: len(self.columns) + i for i, name in enumerate(programs)}}
        return made

    def statuses(self) -> npt.NDArray[np.int32]:
        """Of every combination: 0, or why it cannot exist."""
        out, err = np.empty(self.combinations, dtype=np.int32), ffi.new("tr_error *")
        _raise(lib.tr_plan_statuses(self._plan, 0, len(out), ffi.from_buffer("int32_t[]", out), err), err)
        return out

    @property
    def legal(self) -> int:
        """Points of combinations that can exist."""
        return int(lib.tr_plan_legal(self._plan))

    @property
    def points(self) -> int:
        return int(lib.tr_plan_points(self._plan))

    @property
    def combinations(self) -> int:
        return int(lib.tr_plan_combinations(self._plan))

    @property
    def isa(self) -> str:
        return next(name for name, i in ISAS.items() if i == lib.tr_plan_isa(self._plan))

    @property
    def nbytes(self) -> int:
        return int(lib.tr_plan_bytes(self._plan))

    @property
    def address(self) -> int:
        """The ``tr_plan *`` as an integer, for compiled callers; valid while this object lives."""
        return int(ffi.cast("uintptr_t", self._plan))

    def _numbers(self, names: Sequence[str]) -> Any:
        if self.columns is COLUMNS:
            return _columns(names)
        return ffi.new("int32_t[]", [self.columns[name] for name in names] or [0])

    def store(self, begin: int, end: int, columns: Sequence[str], out: Sequence[F64]) -> None:
        """Write columns of the points [begin, end) into C-contiguous float64 arrays of that length."""
        err = ffi.new("tr_error *")
        pointers, keep = _outputs(out, end - begin)
        _raise(lib.tr_plan_store(self._plan, begin, end, len(columns), self._numbers(columns), pointers, err), err)
        del keep

    def best(self, begin: int, end: int, state: BestState) -> None:
        """Let the points [begin, end) compete for the places in ``state``."""
        assert state._plan is not None, "a state that has travelled only gives what it holds"
        err = ffi.new("tr_error *")
        _raise(lib.tr_plan_best(state._plan._plan, begin, end, state.struct, err), err)

    def points_eval(
        self, combination: U64, batch: F64, isl: F64, osl: F64, columns: Sequence[str], out: Sequence[F64]
    ) -> None:
        """Evaluate arbitrary points, one row each."""
        err, n = ffi.new("tr_error *"), len(combination)
        keep: list[Any] = []
        b, i, o = (_doubles(np.ascontiguousarray(a, dtype=np.float64), keep) for a in (batch, isl, osl))
        combos = ffi.from_buffer("uint64_t[]", np.ascontiguousarray(combination, dtype=np.uint64))
        pointers, held = _outputs(out, n)
        code = lib.tr_points_eval(self._plan, n, combos, b, i, o, len(columns), self._numbers(columns), pointers, err)
        _raise(code, err)
        del held

    def point_eval(self, combination: int, batch: float, isl: float, osl: float, columns: Sequence[str]) -> list[float]:
        """Evaluate one point."""
        out = ffi.new("double[]", max(len(columns), 1))
        code = lib.tr_point_eval(self._plan, combination, batch, isl, osl, len(columns), self._numbers(columns), out)
        _raise(code, None, f"combination {combination}, batch {batch:g}, isl {isl:g}, osl {osl:g}")
        return list(ffi.unpack(out, len(columns)))


class BestState:
    """Places of the k best points per group, and the rule by which they are given.

    It travels without its plan: what comes out of a pickle can be merged into a state that has one.
    """

    def __init__(
        self,
        plan: NativePlan,
        objective: str,
        maximize: bool,
        shape: Sequence[int],
        tables: Mapping[str, npt.NDArray[np.int64]],
        groups: int,
        where: Sequence[tuple[str, str, float]],
        k: int,
        misfits: bool,
    ) -> None:
        mask = sum(1 << AXES.index(axis) for axis in tables)
        fine = int(lib.tr_best_groups(plan._plan, mask)) * k
        limits = [(plan.columns[column], COMPARISONS[op], limit) for column, op, limit in where]
        rule = plan.columns[objective], maximize, mask, limits, k, misfits, groups, _group_of(shape, tables)
        self._set(plan, rule, np.empty(fine), np.empty(fine, dtype=np.uint64))
        lib.tr_best_clear(plan._plan, self.struct)

    def _set(self, plan: NativePlan | None, rule: tuple[Any, ...], value: F64, point: U64) -> None:
        self._plan, self._rule, self._value, self._point = plan, rule, value, point
        objective, self._larger, mask, where, self.k, misfits, self.groups, self._group = rule
        self.struct = ffi.new("tr_best *")
        self._where = ffi.new("tr_where[]", max(len(where), 1))
        for item, (column, op, limit) in zip(self._where, where, strict=False):
            item.column, item.compare, item.limit = column, op, limit
        s = self.struct
        s.struct_size = ffi.sizeof("tr_best")
        s.objective, s.maximize, s.misfits = objective, self._larger, misfits
        s.by, s.k, s.n_where, s.where = mask, self.k, len(where), self._where
        s.value = ffi.from_buffer("double[]", self._value)
        s.point = ffi.from_buffer("uint64_t[]", self._point)

    def __reduce__(self) -> tuple[Any, ...]:
        return _best_state, (self._rule, self._value, self._point)

    @property
    def value(self) -> F64:
        """Objectives of the places, best first in each group; NaN where fewer than k points count."""
        return self._places()[0]

    @property
    def point(self) -> U64:
        """Numbers of the points in the places; 2**64 - 1 where fewer than k count."""
        return self._places()[1]

    def _places(self) -> tuple[F64, U64]:
        """The core groups by whole axes of its own: those of one group compete again."""
        if len(self._value) == self.groups * self.k:
            return self._value, self._point
        group = self._group.repeat(self.k)
        order = np.lexsort((self._point, -self._value if self._larger else self._value, group))
        order = order[self._point[order] != _NOWHERE]
        starts = np.searchsorted(group[order], np.arange(self.groups))
        rank = np.arange(len(order)) - starts[group[order]]
        kept = order[rank < self.k]
        value, point = np.full(self.groups * self.k, np.nan), np.full(self.groups * self.k, _NOWHERE)
        to = group[kept] * self.k + rank[rank < self.k]
        value[to], point[to] = self._value[kept], self._point[kept]
        return value, point

    def merge(self, other: BestState) -> None:
        """Take over what ``other`` found; any order of merging gives the same places."""
        assert self._plan is not None, "a state that has travelled is merged into one that has a plan"
        lib.tr_best_merge(self._plan._plan, self.struct, other.struct)


def _best_state(rule: tuple[Any, ...], value: F64, point: U64) -> BestState:
    state = BestState.__new__(BestState)
    state._set(None, rule, value, point)
    return state


_NOWHERE = np.uint64(2**64 - 1)


def _group_of(shape: Sequence[int], tables: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """The group of each combination of the tables' axes, row-major."""
    group = np.zeros(1, dtype=np.int64)
    for name in (name for name in AXES if name in tables):
        group = (group[:, None] + tables[name][None, :]).ravel()
    return group


def _doubles(values: F64, keep: list[Any]) -> Any:
    array = ffi.from_buffer("double[]", values)
    keep.append((values, array))
    return array


#: Operations of expressions, as `Expression.steps` calls them.
_OPERATIONS = {
    kind: getattr(lib, f"TR_DO_{name}")
    for kind, name in {
        "+": "ADD", "-": "SUBTRACT", "*": "MULTIPLY", "/": "DIVIDE", "min": "MIN", "max": "MAX",
        "<=": "LE", "<": "LT", ">=": "GE", ">": "GT", "==": "EQ", "!=": "NE",
        "neg": "NEGATE", "abs": "ABS", "sqrt": "SQRT", "ceil": "CEIL", "floor": "FLOOR",
    }.items()
}  # fmt: skip


def _operation(kind: str, value: str | float) -> tuple[int, int, float]:
    """Operation, index and value of a step."""
    if kind == "number":
        return lib.TR_DO_NUMBER, 0, float(value)
    if kind == "name":
        name = str(value)
        return (lib.TR_DO_COLUMN, COLUMNS[name], 0.0) if name in COLUMNS else (lib.TR_DO_AXIS, AXES.index(name), 0.0)
    return _OPERATIONS[kind], 0, 0.0


def _columns(names: Sequence[str]) -> Any:
    return _column_array(tuple(names))


@lru_cache(maxsize=256)
def _column_array(names: tuple[str, ...]) -> Any:
    """Column numbers for the core, read only; kept, as scalar calls ask for the same ones again and again."""
    return ffi.new("int32_t[]", [COLUMNS[name] for name in names] or [0])


def _outputs(out: Sequence[F64], n: int) -> tuple[Any, list[Any]]:
    for a in out:
        if not isinstance(a, np.ndarray):
            raise SpecError("out", a, f"writable, contiguous float64 of shape ({n},)")
        if a.dtype != np.float64 or a.shape != (n,) or not a.flags.c_contiguous or not a.flags.writeable:
            raise SpecError(
                "out", f"{a.dtype} array of shape {a.shape}", f"writable, contiguous float64 of shape ({n},)"
            )
    held = [ffi.from_buffer("double[]", a, require_writable=True) for a in out]
    return ffi.new("double *[]", held or 1), held


_OPERATOR_FIELDS = (
    "kind",
    "weights",
    "stage",
    "count",
    "stored",
    "read_elems",
    "store_elems",
    "tied_elems",
    "flops_token",
    "act_elems",
    "experts",
    "active",
    "flops_ctx_decode",
    "flops_ctx_prefill",
    "kv_read_elems",
    "kv_store_elems",
    "state_elems",
    "window",
    "heads",
    "kv_heads",
    "comm_elems",
    "chunked",
    "state_bytes",
    "skew",
    "nodes",
    "inner_elems",
)


def _models(models: Sequence[Model], keep: list[Any]) -> Any:
    array = ffi.new("tr_model[]", len(models))
    for item, model in zip(array, models, strict=True):
        rows = ffi.new("tr_operator[]", len(model.operators))
        keep.append(rows)
        for row, operator in zip(rows, model.operators, strict=True):
            row.struct_size = ffi.sizeof("tr_operator")
            for name in _OPERATOR_FIELDS:
                setattr(row, name, getattr(operator, name))
        item.struct_size, item.n_operators, item.operators = ffi.sizeof("tr_model"), len(rows), rows
        item.layers, item.max_context = model.layers, model.max_context
    keep.append(array)
    return array


def _hardware(chips: Sequence[Hardware], keep: list[Any]) -> Any:
    array = ffi.new("tr_hardware[]", len(chips))
    for item, chip in zip(array, chips, strict=True):
        cal = chip.calibration
        item.struct_size = ffi.sizeof("tr_hardware")
        item.memory_bytes, item.memory_bandwidth = chip.memory_bytes, chip.memory_bandwidth
        item.sram_bytes = chip.sram_bytes
        item.domain = chip.scaleup.domain if chip.scaleup else 1.0
        item.link_bandwidth = chip.scaleup.bandwidth if chip.scaleup else 0.0
        item.scaleout_bandwidth = chip.scaleout.bandwidth if chip.scaleout else 0.0
        item.link_latency, item.scaleout_latency = cal.link_latency, cal.scaleout_latency
        item.power_max, item.power_idle = chip.power_max, _nan_to(chip.power_idle, 0.0)
        item.usd_per_s = chip.usd_per_hour / 3600.0
        item.compute_efficiency, item.memory_efficiency = cal.compute_efficiency, cal.memory_efficiency
        item.link_efficiency = cal.link_efficiency
        item.layer_overhead, item.step_overhead = cal.layer_overhead, cal.step_overhead
        for name in _CALIBRATED:
            setattr(item, name, getattr(cal, name))
        _network(item, chip.scaleup)
        item.n_levels = len(chip.levels)
        for level, given in zip(item.levels, chip.levels, strict=False):
            level.capacity, level.bandwidth, level.near = given.capacity, given.bandwidth, given.near
            level.holds = sum(_HOLDS[what] for what in given.holds)
        item.byte_joules, item.link_joules = chip.byte_joules, chip.link_joules
        item.level_joules = [level.byte_joules for level in chip.levels] + [math.nan] * (4 - len(chip.levels))
    keep.append(array)
    return array


_HOLDS = {"weights": 1, "kv": 2}
#: Fields of Calibration that the native struct has under the same names, besides those that `_hardware` names.
_CALIBRATED = (
    "serial",
    "kv_efficiency",
    "attention_efficiency",
    "narrow_efficiency",
    "quant_efficiency",
    "kernel_overhead",
    "tile",
    "expert_imbalance",
)


def _network(item: Any, link: Link | None) -> None:
    item.dims = [1.0, 1.0, 1.0]
    if link is None:
        return
    item.topology = TOPOLOGIES.index(link.topology)
    item.dims = [float(n) for n in (*link.dims, 1, 1, 1)[:3]]
    item.wrap, item.reduction, item.reduction_latency = link.wrap, link.reduction, link.reduction_latency


def _precisions(precisions: Sequence[Precision], keep: list[Any]) -> Any:
    array = ffi.new("tr_precision[]", len(precisions))
    for item, p in zip(array, precisions, strict=True):
        item.struct_size = ffi.sizeof("tr_precision")
        item.weight_bytes = [p.weight_bytes, p.head_bytes, p.wide_bytes, p.expert_bytes]
        item.act_bytes, item.comm_bytes, item.kv_bytes = p.act_bytes, p.comm_bytes, p.kv_bytes
        item.state_bytes = p.state_bytes
    keep.append(array)
    return array
