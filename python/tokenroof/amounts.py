"""Arguments of closed forms: numbers, arrays and columns of results, checked by kind and broadcast together.

NaN stands for what nobody knows: a price, a time, a point that cannot be served. It passes and comes out as NaN, unless
a formula asks for a kind's `Kind.known` form, as those do that count, search or compare.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import SpecError

__all__ = [
    "ABOVE_ZERO",
    "AT_LEAST_ONE",
    "BELOW_ONE",
    "COUNT",
    "F64",
    "FINITE",
    "NOT_NEGATIVE",
    "PORTION",
    "SHARE",
    "UP_TO_INFINITY",
    "WHOLE",
    "Amount",
    "Kind",
    "Numbers",
    "broadcasts",
    "checked",
    "plain",
    "shape_of",
    "take",
]

#: What goes into a formula: a number, a nested list or an array of them. Inside it is an array of float64.
Numbers: TypeAlias = Any
F64: TypeAlias = npt.NDArray[np.float64]
#: What comes out: a float where all that went in were numbers, else an array of their joint shape.
Amount: TypeAlias = float | F64
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Kind:
    """Which numbers an argument may hold, in words and as a test."""

    text: str
    least: float = -math.inf
    most: float = math.inf
    open_below: bool = False
    open_above: bool = False
    whole: bool = False
    infinite: bool = False  #: whether inf is one of them
    unknown: bool = True  #: whether NaN may stand for one

    @property
    def known(self) -> Kind:
        """The same numbers, and no NaN."""
        return replace(self, unknown=False)

    def holds(self, values: F64) -> npt.NDArray[np.bool_]:
        """Where ``values`` are of this kind; NaN is none."""
        low = values > self.least if self.open_below else values >= self.least
        high = values < self.most if self.open_above else values <= self.most
        right = low & high
        if not self.infinite:
            right &= np.isfinite(values)
        return right & (values == np.floor(values)) if self.whole else right


FINITE = Kind("a finite number")
ABOVE_ZERO = Kind("a finite number above 0", 0.0, open_below=True)
UP_TO_INFINITY = Kind("a number above 0; inf where there is no limit", 0.0, open_below=True, infinite=True)
NOT_NEGATIVE = Kind("a finite number, at least 0", 0.0)
AT_LEAST_ONE = Kind("a finite number, at least 1", 1.0)
SHARE = Kind("a number from 0 to 1", 0.0, 1.0)
PORTION = Kind("a number above 0, at most 1", 0.0, 1.0, open_below=True)
BELOW_ONE = Kind("a number from 0, below 1", 0.0, 1.0, open_above=True)
WHOLE = Kind("a whole number, at least 0", 0.0, whole=True)
COUNT = Kind("a whole number, at least 1", 1.0, whole=True)


def checked(name: str, value: Numbers, kind: Kind, where: str = "") -> F64:
    """``value`` as a float64 array of ``kind``.

    Raises
    ------
    SpecError
        For what is no number, with the value; for a number of another kind, with the first of them.
    """
    try:
        raw = np.asarray(value)
    except ValueError:  # rows of unequal length
        raise SpecError(name, value, kind.text, where) from None
    if raw.dtype.kind not in "iuf":
        raise SpecError(name, value, kind.text, where)
    array = raw.astype(np.float64)
    wrong = ~kind.holds(array)
    if kind.unknown:
        wrong &= ~np.isnan(array)
    if wrong.any():
        raise SpecError(name, raw[wrong].flat[0].item(), kind.text, where)
    return array


def shape_of(where: str, /, **arrays: Numbers) -> tuple[int, ...]:
    """The shape that arguments have together; raises SpecError with all of theirs where they have none."""
    try:
        return np.broadcast_shapes(*(np.shape(a) for a in arrays.values()))
    except ValueError:
        shapes = {name: np.shape(a) for name, a in arrays.items() if np.ndim(a)}
        right = "shapes that broadcast against each other"
        raise SpecError(", ".join(shapes), tuple(shapes.values()), right, where) from None


def take(where: str, /, **arguments: tuple[Numbers, Kind]) -> tuple[F64, ...]:
    """Each argument as `checked`, all of one shape.

    >>> [array.tolist() for array in take("example", price=([1.0, 2.0], NOT_NEGATIVE), hours=(24, ABOVE_ZERO))]
    [[1.0, 2.0], [24.0, 24.0]]
    """
    arrays = {name: checked(name, value, kind, where) for name, (value, kind) in arguments.items()}
    shape = shape_of(where, **arrays)
    return tuple(np.broadcast_to(array, shape) for array in arrays.values())


def plain(value: Numbers) -> Amount:
    """A float for a scalar, else the array."""
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def broadcasts(**kinds: Kind) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Decorate a formula: its arguments become float64 arrays of these kinds, its result has their joint shape.

    The formula sees arrays only. Divisions by zero and the like give infinities and NaN, as data; where any argument is
    NaN, so is the result.

    >>> @broadcasts(watts=NOT_NEGATIVE, hours=NOT_NEGATIVE)
    ... def kwh(watts: Numbers, hours: Numbers = 24.0) -> Numbers:
    ...     return watts * hours / 1000.0
    >>> kwh(700), kwh([700.0, float("nan")], 10).tolist()
    (16.8, [7.0, nan])
    """

    def decorate(formula: Callable[P, Any]) -> Callable[P, Any]:
        signature = inspect.signature(formula)
        where = formula.__name__

        @functools.wraps(formula)
        def call(*args: P.args, **named: P.kwargs) -> Any:
            bound = signature.bind(*args, **named)
            bound.apply_defaults()
            arrays = {name: checked(name, value, kinds[name], where) for name, value in bound.arguments.items()}
            shape = shape_of(where, **arrays)
            with np.errstate(all="ignore"):
                result = np.asarray(formula(**arrays), dtype=np.float64)  # type: ignore[call-arg, arg-type]
            unknown = functools.reduce(np.logical_or, map(np.isnan, arrays.values()))
            return plain(np.where(unknown, np.nan, np.broadcast_to(result, shape)))

        call.kinds = kinds  # type: ignore[attr-defined]
        return call

    return decorate
