"""Arguments of closed forms: numbers, arrays and columns of results, checked and broadcast against each other.

NaN passes: it is what a point that cannot be served, or a price that nobody knows, is worth, and its result is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..errors import SpecError

__all__ = [
    "ABOVE_ZERO",
    "ANY",
    "AT_LEAST_ONE",
    "COUNT",
    "NOT_NEGATIVE",
    "PART",
    "POSITIVE",
    "SHARE",
    "Amount",
    "Rule",
    "checked",
    "plain",
    "take",
]

#: What goes in is anything that NumPy reads as numbers, and what comes out a float, or an array of the joint shape.
Amount: TypeAlias = float | F64


@dataclass(frozen=True, slots=True)
class Rule:
    """Which values an argument may have, in words and as a test; NaN always may."""

    expected: str
    holds: Callable[[F64], npt.NDArray[np.bool_]]


ANY = Rule("finite", lambda x: np.isfinite(x))
POSITIVE = Rule("finite and above 0", lambda x: (x > 0) & (x < np.inf))
ABOVE_ZERO = Rule("above 0; inf where it costs nothing", lambda x: x > 0)
NOT_NEGATIVE = Rule("finite and at least 0", lambda x: (x >= 0) & (x < np.inf))
AT_LEAST_ONE = Rule("finite and at least 1", lambda x: (x >= 1) & (x < np.inf))
PART = Rule("above 0 and at most 1", lambda x: (x > 0) & (x <= 1))
SHARE = Rule("from 0 to 1", lambda x: (x >= 0) & (x <= 1))
COUNT = Rule("a whole number, at least 1", lambda x: (x >= 1) & (x < np.inf) & (x == np.floor(x)))


def take(where: str, /, **arguments: tuple[npt.ArrayLike, Rule]) -> tuple[F64, ...]:
    """Each argument as float64 that keeps its rule, all of one shape.

    Raises
    ------
    SpecError
        For what is no number, breaks its rule, or does not broadcast with the others.
    """
    found = [checked(where, name, value, rule) for name, (value, rule) in arguments.items()]
    try:
        return tuple(np.broadcast_arrays(*found))
    except ValueError:
        shapes = {name: array.shape for name, array in zip(arguments, found, strict=True)}
        raise SpecError("shapes", shapes, "shapes that broadcast against each other", where) from None


def plain(value: npt.ArrayLike) -> Amount:
    """A float where all that went in were numbers, else the array."""
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def checked(where: str, name: str, value: npt.ArrayLike, rule: Rule) -> F64:
    """One argument as float64 that keeps its rule; raises as `take` does."""
    try:
        raw = np.asarray(value)
    except ValueError:  # rows of unequal length
        raise SpecError(name, value, f"numbers, {rule.expected}", where) from None
    if raw.dtype.kind not in "iuf":
        raise SpecError(name, value, f"numbers, {rule.expected}", where)
    array = raw.astype(np.float64)
    wrong = ~(rule.holds(array) | np.isnan(array))
    if wrong.any():
        raise SpecError(name, float(array[wrong][0]), rule.expected, where)
    return array
