"""What the functions of fleets share: arguments checked by kind, broadcast together, scalars in and floats out."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import SpecError

__all__ = [
    "ABOVE_ZERO",
    "AT_LEAST_ONE",
    "BELOW_ONE",
    "COUNT",
    "NOT_NEGATIVE",
    "PORTION",
    "SHARE",
    "WHOLE",
    "Kind",
    "Numbers",
    "broadcasts",
    "checked",
    "plain",
    "shape_of",
    "whole",
]

#: A number, a nested list or an array of them; results are a float for scalars, else a float64 array.
Numbers: TypeAlias = Any
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Kind:
    """Which numbers an argument may hold. NaN is none of them: it stands for "nobody knows" and comes out again."""

    text: str
    least: float
    most: float = math.inf
    open_below: bool = False
    open_above: bool = False
    whole: bool = False

    def holds(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Where ``values`` are of this kind."""
        low = values > self.least if self.open_below else values >= self.least
        high = values < self.most if self.open_above else values <= self.most
        right = low & high & np.isfinite(values)
        return right & (values == np.floor(values)) if self.whole else right


ABOVE_ZERO = Kind("a finite number above 0", 0.0, open_below=True)
NOT_NEGATIVE = Kind("a finite number, not negative", 0.0)
AT_LEAST_ONE = Kind("a finite number, at least 1", 1.0)
SHARE = Kind("a share, from 0 to 1", 0.0, 1.0)
PORTION = Kind("a share above 0, at most 1", 0.0, 1.0, open_below=True)
BELOW_ONE = Kind("a share, at least 0 and below 1", 0.0, 1.0, open_above=True)
WHOLE = Kind("a whole number, not negative", 0.0, whole=True)
COUNT = Kind("a whole number, at least 1", 1.0, whole=True)


def checked(name: str, value: Numbers, kind: Kind, where: str = "", unknown: bool = True) -> npt.NDArray[np.float64]:
    """``value`` as a float64 array of ``kind``; NaN passes where ``unknown`` is allowed."""
    try:
        raw = np.asarray(value)
    except ValueError:  # a ragged list
        raise SpecError(name, value, kind.text, where) from None
    if raw.dtype.kind not in "iuf":
        raise SpecError(name, value, kind.text, where)
    array = raw.astype(np.float64)
    wrong = ~kind.holds(array)
    if unknown:
        wrong &= ~np.isnan(array)
    if wrong.any():
        raise SpecError(name, raw[wrong].flat[0].item(), kind.text, where)
    return array


def shape_of(where: str, **arrays: Numbers) -> tuple[int, ...]:
    """The shape that arguments have together."""
    try:
        return np.broadcast_shapes(*(np.shape(a) for a in arrays.values()))
    except ValueError:
        shapes = {name: np.shape(a) for name, a in arrays.items() if np.ndim(a)}
        raise SpecError(", ".join(shapes), tuple(shapes.values()), "shapes that broadcast", where) from None


def plain(value: Numbers) -> Any:
    """A float for a scalar, the array for an array."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)


def whole(value: Numbers) -> Any:
    """As `plain`, but an int for a whole scalar."""
    return int(value) if np.ndim(value) == 0 and math.isfinite(value) else plain(value)


def broadcasts(**kinds: Kind) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Decorate a formula: arguments become float64 arrays of these kinds, the result has their common shape.

    The formula sees arrays only. Divisions by zero and the like give infinities and NaN, as data; where any argument is
    NaN, so is the result.
    """

    def decorate(formula: Callable[P, Any]) -> Callable[P, Any]:
        signature = inspect.signature(formula)
        name = formula.__name__

        @functools.wraps(formula)
        def call(*args: P.args, **named: P.kwargs) -> Any:
            bound = signature.bind(*args, **named)
            bound.apply_defaults()
            arrays = {n: checked(n, v, kinds[n], name) for n, v in bound.arguments.items()}
            shape = shape_of(name, **arrays)
            with np.errstate(all="ignore"):
                result = np.asarray(formula(**arrays), dtype=np.float64)  # type: ignore[call-arg, arg-type]
            unknown = functools.reduce(np.logical_or, map(np.isnan, arrays.values()))
            return plain(np.where(unknown, np.nan, np.broadcast_to(result, shape)))

        call.kinds = kinds  # type: ignore[attr-defined]
        return call

    return decorate
