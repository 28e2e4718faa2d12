"""Numbers and names as people read them."""

from __future__ import annotations

import math
from typing import Any

import tokenroof as tr

WIDTH = 118  # of the screens
Row = dict[str, Any]


def words(value: float) -> str:
    """A large number in words: 18 billion."""
    for scale, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if value >= scale:
            return f"{value / scale:.3g}{name}"
    return f"{value:,.0f}"


def number(value: float, form: str) -> str:
    """A number, or a dash where it is unknown."""
    return "-" if math.isnan(value) else format(value, form)


def rented(hardware: str) -> bool:
    """Whether the chip's hourly price is a rent; otherwise it is what wear and electricity of a bought one cost."""
    return tr.hardware(hardware).facts.get("price.rent", {}).get("grade") != "derived"


def layout(row: Row) -> str:
    """The layout in one word, ones left out: tp8pp2."""
    return "".join(f"{n}{row[n]}" for n in ("tp", "pp", "ep", "dp") if row[n] > 1) or "tp1"


def marked(kind: str, id: str) -> str:
    """A name, marked where its maker has not published or shipped the thing."""
    status = getattr(tr, kind)(id).status
    return id if status == "official" else f"{id} ({status.upper()})"


def columns(rows: list[tuple[str, ...]], left: int = 1) -> list[str]:
    """Lines of a table whose first ``left`` columns are words and whose others are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.ljust if at < left else str.rjust for at in range(len(widths))]
    return ["  ".join(s(c, w) for s, c, w in zip(sides, row, widths, strict=True)).rstrip() for row in rows]
