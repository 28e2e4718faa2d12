"""Limits on points, ``"tpot_s <= 0.05"``: a column or an expression, a comparison, a number."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .._native import COLUMNS, COMPARISONS
from ..derived import NUMBERED, expression
from ..errors import SpecError, UnknownNameError
from ..expressions import Expression, split_limit

__all__ = ["parse_where"]


def parse_where(where: str | Iterable[str] | None) -> list[tuple[str, str, float]]:
    """Limits as (column or expression, comparison, number).

    What is not a value compared with a number holds as a whole: it is 1 where it is true.

    >>> parse_where(["tpot_s <= 0.05", "ttft_s / tpot_s < 40"])
    [('tpot_s', '<=', 0.05), ('ttft_s / tpot_s', '<', 40.0)]
    >>> parse_where("ttft_s <= 0.5 or batch == 1")
    [('ttft_s <= 0.5 or batch == 1', '>=', 1.0)]
    """
    if not isinstance(where, Iterable | None):
        raise SpecError("where", where, "a list of 'column op number'")
    return [_limit(text) for text in ([where] if isinstance(where, str) else where or [])]


def _limit(text: str) -> tuple[str, str, float]:
    expected = f"'column op number' with op one of {' '.join(COMPARISONS)}, e.g. 'tpot_s <= 0.05'"
    if not isinstance(text, str):
        raise SpecError("where", text, expected)
    sides = split_limit(text)
    if sides is not None:
        value, _, limit = sides
        if math.isnan(limit):
            raise SpecError("where", text, "a number that is not NaN")
        if value.isidentifier() and value not in COLUMNS and value not in NUMBERED:
            raise UnknownNameError("column in where", value, COLUMNS)
        if value in COLUMNS or not _read(value, text, expected).truth:
            return sides
    if not _read(text, text, expected).truth:
        raise SpecError("where", text, expected)
    return text, ">=", 1.0


def _read(part: str, text: str, expected: str) -> Expression:
    try:
        return expression(part, "where")
    except SpecError as error:
        raise SpecError("where", text, f"{expected}, or of expressions: {error.expected}") from None
