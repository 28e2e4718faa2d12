"""Arguments of techniques one by one, where a probability must be known and a price or a time of a sweep may be NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..catalogue._toml import load_toml
from ..errors import SpecError, TokenroofError
from ._inputs import Rule, checked, plain

__all__ = ["F64", "amount", "bisect", "facts", "number", "plain", "share", "special", "whole"]

_HALVINGS = 200  # to 1e-60 of the first interval; most searches end after 60, between two neighbouring doubles


def number(
    name: str, value: npt.ArrayLike, expected: str, right: Callable[[F64], npt.NDArray[np.bool_]], *, nan: bool = False
) -> F64:
    """`value` as an array of float64, each element of which is ``right``; NaN passes where a sweep may hold it.

    Raises
    ------
    SpecError
        With the first element that is not right.
    """
    array = checked("", name, value, Rule(expected, right))
    if not nan and np.isnan(array).any():
        raise SpecError(name, math.nan, expected)
    return array


def share(name: str, value: npt.ArrayLike) -> F64:
    """Numbers from 0 to 1."""
    return number(name, value, "a number from 0 to 1", lambda x: (x >= 0) & (x <= 1))


def amount(name: str, value: npt.ArrayLike, *, above: float = -math.inf, least: float = 0.0) -> F64:
    """Finite numbers of at least ``least``, and more than ``above``; NaN, an unknown of a sweep, passes."""
    text = f"a finite number above {above:g}" if above >= least else f"a finite number, at least {least:g}"
    return number(name, value, text, lambda x: (x >= least) & (x > above) & (x < math.inf), nan=True)


def whole(name: str, value: npt.ArrayLike, least: int = 1) -> F64:
    """Whole numbers of at least ``least``."""
    return number(
        name, value, f"a whole number, at least {least}", lambda x: (x >= least) & (x == np.floor(x)) & (x < math.inf)
    )


def bisect(increasing: Callable[[F64], F64], low: npt.ArrayLike, high: npt.ArrayLike) -> F64:
    """Where each element of an increasing function of the element passes zero, between ``low`` and ``high``."""
    lower, upper = (np.array(end, dtype=np.float64) for end in np.broadcast_arrays(low, high))
    for _ in range(_HALVINGS):
        middle = 0.5 * (lower + upper)
        if np.all((middle == lower) | (middle == upper)):
            break
        below = increasing(middle) < 0
        lower, upper = np.where(below, middle, lower), np.where(below, upper, middle)
    return 0.5 * (lower + upper)


def special() -> Any:
    """SciPy's special functions; the techniques that need them say so when it is missing."""
    try:
        import scipy.special
    except ImportError:
        raise TokenroofError("this needs scipy: pip install 'tokenroof[techniques]'") from None
    return scipy.special


def facts(topic: str) -> dict[str, Any]:
    """The published numbers of a topic: the TOML file of that name next to this module."""
    return load_toml(Path(__file__).with_name(f"{topic}.toml"))
