"""Columns of the caller's: expressions over the library's columns and the axes that hold numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from ._native import AXES, COLUMNS, UNITS
from .errors import SpecError, UnknownNameError
from .expressions import Expression, parse_expression

__all__ = ["NUMBERED", "check_columns", "expression", "unit_of"]

#: Axes whose values an expression may use.
NUMBERED = AXES[3:]
_UNITS: Mapping[str, str] = UNITS | dict.fromkeys(NUMBERED, "1")


@lru_cache(maxsize=1024)
def expression(text: str, field: str = "column") -> Expression:
    """An expression over columns and axes.

    >>> expression("tokens_per_s_per_chip / usd_per_mtok").unit
    '1/USD/s'
    """
    return parse_expression(text, _UNITS, field)


def unit_of(column: str) -> str:
    """The unit of a column of the library or of an expression; empty where a coefficient decides it."""
    return UNITS[column] if column in UNITS else expression(column).unit


def check_columns(columns: str | Iterable[str]) -> list[str]:
    """Names of columns and expressions as a list; unknown names are refused with the nearest that exist."""
    if not isinstance(columns, Iterable):
        raise SpecError("columns", columns, "names of columns")
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise SpecError("columns", names, f"at least one of {', '.join(COLUMNS)}")
    for name in names:
        if name in COLUMNS:
            continue
        if not isinstance(name, str) or (name.isidentifier() and name not in NUMBERED):
            raise UnknownNameError("column", name, COLUMNS)
        expression(name)
    return names
