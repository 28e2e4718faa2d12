"""Plans of the C core: its structs built, its plans owned, its codes turned into exceptions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .._core import ffi, lib
from ..errors import NativeError, SpecError
from ..specs import Hardware, Link, Model, Options, Precision, peak
from ..specs.hardware import TOPOLOGIES

__all__ = [
    "AXES",
    "COLUMNS",
    "COMPARISONS",
    "ESTIMATES",
    "F32",
    "F64",
    "ISAS",
    "STATUSES",
    "U64",
    "UNITS",
    "NativePlan",
    "column_text",
    "function_address",
    "isa_supported",
    "raise_code",
    "status_text",
]

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
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


#: What can be the matter with a point, by the name of its code in the contract.
STATUSES: dict[str, int] = {
    name: int(getattr(lib, f"TR_POINT_{name.upper()}"))
    for name in ("ok", "memory", "context", "heads", "kv_heads", "stages", "experts", "precision", "link")
}


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


def raise_code(code: int, err: Any, text: str = "") -> None:
    """Turn a code other than 0 into an exception."""
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
        raise_code(lib.tr_plan_create(spec, out, err), err)
        self._plan = ffi.gc(out[0], lib.tr_plan_free, lib.tr_plan_bytes(out[0]))
        #: Lengths by which points are numbered: 1 for an axis that another leads.
        lengths = (len(models), len(hardware), len(precisions), *(len(axes[name]) for name in AXES[3:]))
        self.shape = tuple(1 if zip[i] and zip[i] in zip[:i] else n for i, n in enumerate(lengths))
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
        raise_code(lib.tr_plan_derive(self._plan, len(programs), exprs, out, err), err)
        made = object.__new__(NativePlan)
        made._plan = ffi.gc(out[0], lib.tr_plan_free, lib.tr_plan_bytes(out[0]))
        made._base = self  # holds what both share
        made.shape = self.shape
        made.columns = {**self.columns, **{name: len(self.columns) + i for i, name in enumerate(programs)}}
        return made

    def statuses(self) -> npt.NDArray[np.int32]:
        """Of every combination: 0, or why it cannot exist."""
        out, err = np.empty(self.combinations, dtype=np.int32), ffi.new("tr_error *")
        raise_code(lib.tr_plan_statuses(self._plan, 0, len(out), ffi.from_buffer("int32_t[]", out), err), err)
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

    def store(self, begin: int, end: int, columns: Sequence[str], out: Sequence[F64 | F32]) -> None:
        """Write columns of the points [begin, end) into C-contiguous arrays of that length, float64 or float32."""
        err, narrow = ffi.new("tr_error *"), len(out) > 0 and getattr(out[0], "dtype", None) == np.float32
        pointers, keep = _outputs(out, end - begin, np.float32 if narrow else np.float64)
        store = lib.tr_plan_store_f32 if narrow else lib.tr_plan_store
        raise_code(store(self._plan, begin, end, len(columns), self._numbers(columns), pointers, err), err)
        del keep

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
        raise_code(code, err)
        del held

    def point_eval(self, combination: int, batch: float, isl: float, osl: float, columns: Sequence[str]) -> list[float]:
        """Evaluate one point."""
        out = ffi.new("double[]", max(len(columns), 1))
        code = lib.tr_point_eval(self._plan, combination, batch, isl, osl, len(columns), self._numbers(columns), out)
        raise_code(code, None, f"combination {combination}, batch {batch:g}, isl {isl:g}, osl {osl:g}")
        return list(ffi.unpack(out, len(columns)))


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


def _outputs(out: Sequence[F64 | F32], n: int, dtype: type = np.float64) -> tuple[Any, list[Any]]:
    expected = f"writable, contiguous {np.dtype(dtype)} of shape ({n},)"
    for a in out:
        if not isinstance(a, np.ndarray):
            raise SpecError("out", a, expected)
        if a.dtype != dtype or a.shape != (n,) or not a.flags.c_contiguous or not a.flags.writeable:
            raise SpecError("out", f"{a.dtype} array of shape {a.shape}", expected)
    kind = "float" if dtype is np.float32 else "double"
    held = [ffi.from_buffer(f"{kind}[]", a, require_writable=True) for a in out]
    return ffi.new(f"{kind} *[]", held or 1), held


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
    "expert_efficiency",
    "sequence_overhead",
    "prefill_overhead",
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
