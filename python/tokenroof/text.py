"""Tables and numbers as text, for terminals and ``print``; drawn by rich."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from ._native import AXES, UNITS
from .axes.fields import is_field, unit_of_field
from .derived import unit_of
from .errors import TokenroofError
from .units import format_si

__all__ = ["format_cell", "render", "table_text"]

_SI_UNITS = {"s": "s", "B": "B", "FLOP": "FLOP", "W": "W", "J": "J", "B/s": "B/s", "FLOP/s": "FLOP/s"}


def format_cell(column: str, value: Any) -> str:
    """One value of a column with its unit, short: ``format_cell("tpot_s", 0.0233) == "23.3 ms"``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or value is None:
        return value or "-"
    if isinstance(value, float) and math.isnan(value):
        return "-"
    unit = _unit(column)
    if unit in _SI_UNITS:
        return format_si(value, _SI_UNITS[unit])
    if unit == "USD":
        return f"${value:,.3g}" if value < 1000 else f"${value:,.0f}"
    if column in ("mfu", "mbu"):
        return f"{value:.1%}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{int(value):,}"


def _unit(column: str) -> str:
    """The unit of a column, an expression or a field's axis; empty of anything else."""
    if column in UNITS or column.isidentifier():
        return UNITS.get(column, "")
    if is_field(column) and column.partition(".")[0] in AXES:
        return unit_of_field(column)
    try:
        return unit_of(column)
    except TokenroofError:  # a heading of another table
        return ""


def render(renderable: Any, width: int = 1000) -> str:
    """A rich object as plain text without colours or trailing blanks."""
    from rich.console import Console

    out = StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def table_text(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], title: str | None = None) -> str:
    """Rows as an aligned table, numbers to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    names = list(columns)
    table = RichTable(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for name in names:
        words = all(isinstance(row[name], str) for row in rows)
        table.add_column(name, justify="left" if words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(format_cell(name, row[name]) for name in names))
    return render(table)
