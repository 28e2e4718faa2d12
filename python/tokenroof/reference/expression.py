"""Expressions in plain Python: what `csrc/expr.c` does, one point at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ..expressions import Name, Node, Number

__all__ = ["evaluate"]


def _least(x: float, y: float) -> float:
    return x if x < y or math.isnan(x) else y


def _most(x: float, y: float) -> float:
    return x if x > y or math.isnan(x) else y


def _over(x: float, y: float) -> float:
    """Division as IEEE 754 has it: by zero it is infinite, 0/0 is NaN."""
    if y:
        return x / y
    return math.nan if x == 0 or math.isnan(x) else math.copysign(math.inf, x) * math.copysign(1.0, y)


def _whole(rounded: Callable[[float], int]) -> Callable[[float], float]:
    def of(x: float) -> float:
        return math.copysign(float(rounded(x)), x) if math.isfinite(x) else x

    return of


_OPERATIONS: dict[str, Callable[..., float]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": _over,
    "min": _least,
    "max": _most,
    "<=": lambda x, y: float(x <= y),
    "<": lambda x, y: float(x < y),
    ">=": lambda x, y: float(x >= y),
    ">": lambda x, y: float(x > y),
    "==": lambda x, y: float(x == y),
    "!=": lambda x, y: float(x != y),
    "neg": lambda x: -x,
    "abs": abs,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
}


def evaluate(tree: Node, values: Mapping[str, float]) -> float:
    """The value of an expression's tree at a point, whose columns and axis values are ``values``.

    A point that cannot exist (status from 16 on) has no value: that is for the caller to know.

    >>> from tokenroof.expressions import parse_expression
    >>> units = {"usd_per_mtok": "USD", "tpot_s": "s"}
    >>> evaluate(parse_expression("usd_per_mtok + 0.5 * tpot_s", units).tree, {"usd_per_mtok": 2.0, "tpot_s": 0.25})
    2.125
    """
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Name):
        return values[tree.name]
    return _OPERATIONS[tree.operation](*(evaluate(value, values) for value in tree.values))
