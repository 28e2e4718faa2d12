"""Points from Numba: compiled loops call the core's scalar function directly, without the interpreter."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ._native import function_address
from .derived import check_columns
from .plan import Plan

__all__ = ["point_function", "reducer_signature"]

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_double,
    ctypes.c_double,
    ctypes.c_double,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
_plans: WeakKeyDictionary[Any, Plan] = (
    WeakKeyDictionary()
)  # compiled code holds a bare address: the plan must outlive it


def point_function(plan: Plan, columns: str | Sequence[str]) -> Callable[..., int]:
    """A function for ``numba.njit`` code that evaluates one point.

    Parameters
    ----------
    plan : Plan
        Best made with ``bind_all=True``: then a call binds nothing.
    columns : list of str

    Returns
    -------
    function
        ``f(combination, batch, isl, osl, out) -> code``: writes the columns into the float64 array ``out`` and returns
        0, or the negative code of the C contract for a wrong call. Holds the plan as long as it lives itself. Free of
        the GIL; call it from ``prange`` loops at will.

    Examples
    --------
    >>> import numba, numpy as np, tokenroof as tr
    >>> plan = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", tp=[1, 2]).plan(bind_all=True)
    >>> f = point_function(plan, ["tpot_s"])
    >>> @numba.njit
    ... def slowest(batches):
    ...     out, worst = np.empty(1), 0.0
    ...     for b in batches:
    ...         f(0, b, 1024.0, 256.0, out)
    ...         worst = max(worst, out[0])
    ...     return worst
    >>> slowest(np.arange(1.0, 65.0)) == plan.point(0, 64, 1024, 256, ["tpot_s"])[0]
    True
    """
    import numba

    names = check_columns(columns)
    native = plan.native_with(names)
    evaluate, address, count = _SIGNATURE(function_address("tr_point_eval")), native.address, len(names)
    numbers = np.array([native.columns[name] for name in names], dtype=np.int32)

    @numba.njit(nogil=True)
    def point(combination: int, batch: float, isl: float, osl: float, out: Any) -> int:
        if out.size < count:
            return -201
        return int(evaluate(address, combination, batch, isl, osl, count, numbers.ctypes, out.ctypes))

    _plans[point] = plan
    return point


def reducer_signature() -> Any:
    """The signature of a ``numba.cfunc`` for `Sweep.reduce`: (n, stride, columns, points, groups, state) -> 0.

    ``columns[c * stride + i]`` is column c of point i of n; ``points`` and ``groups`` hold n numbers; ``state`` is the
    address of the state's data, for ``numba.carray(state, shape, dtype=...)``.

    Examples
    --------
    >>> str(reducer_signature().return_type)
    'int32'
    """
    from numba import types

    pointer: Any = types.CPointer
    many, whole = pointer(types.float64), pointer(types.uint64)
    return types.int32(types.uintp, types.uintp, many, whole, whole, types.voidptr)
