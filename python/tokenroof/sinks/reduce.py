"""A compiled function of the caller's, called with tiles of points."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import ReduceState
from ..derived import check_columns
from ..errors import SpecError
from ..groups import group_by
from ..plan import Plan, select
from .base import Gathering

__all__ = ["Reduce"]


class Reduce(Gathering[ReduceState]):
    """What a compiled function makes of the points; arguments as of `Sweep.reduce`.

    Sinks with an address live in the process that compiled the function.
    """

    what = "reduce"

    def __init__(
        self,
        columns: str | Iterable[str],
        function: object,
        *,
        state: npt.NDArray[Any],
        merge: Callable[[Any, Any], object],
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
    ) -> None:
        self.columns, self.function, self.address = check_columns(columns), function, _address(function)
        if not isinstance(state, np.ndarray) or state.dtype.hasobject or not state.flags.c_contiguous:
            raise SpecError("state", state, "a contiguous NumPy array of numbers: what a run starts from")
        if not callable(merge):
            raise SpecError("merge", merge, "a function merge(into, other) that changes the array into")
        self.state, self.join, self.by, self.where, self.fits = state.copy(), merge, by, where, fits

    def start(self, plan: Plan) -> ReduceState:
        groups = group_by(plan.axes, self.by).native
        which = select(self.where, self.fits)
        return ReduceState(which, groups, self.columns, self.address, self.state.copy(), self.join)


def _address(function: object) -> int:
    """Address of a Numba ``cfunc``, a ctypes function or a plain address."""
    found = getattr(function, "address", function)
    if callable(found) and hasattr(found, "argtypes"):  # a ctypes function
        found = ctypes.cast(found, ctypes.c_void_p).value  # type: ignore[arg-type]
    if not isinstance(found, int) or isinstance(found, bool) or found <= 0:
        raise SpecError("function", function, "a numba.cfunc, a ctypes function or the address of a tr_reducer")
    return found
