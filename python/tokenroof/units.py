"""Quantities as their sources spell them (``"3.35 TB/s"``), read into SI floats.

Decimal prefixes are powers of ten (1 GB = 1e9 B); binary ones are written with an ``i`` (1 GiB = 2**30 B).
"""

from __future__ import annotations

import math
import re

from .errors import SpecError

__all__ = ["DIMENSIONS", "format_si", "parse_quantity"]

_DECIMAL = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_SMALL = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9}
_BINARY = {f"{p}i": 2.0 ** (10 * i) for i, p in enumerate("KMGTP", start=1)}


def _bytes_units() -> dict[str, float]:
    units = {f"{p}B": f for p, f in (_DECIMAL | _BINARY).items()}
    return units | {"bytes": 1.0}


#: For each dimension: unit spelling -> factor to SI.
DIMENSIONS: dict[str, dict[str, float]] = {
    "bytes": _bytes_units(),
    "bytes/s": {f"{u}/s": f for u, f in _bytes_units().items()}
    | {f"{p}b/s": f / 8 for p, f in _DECIMAL.items()}
    | {f"{p}bps": f / 8 for p, f in _DECIMAL.items()},
    "flop/s": {f"{p}{u}": f for p, f in _DECIMAL.items() for u in ("FLOPS", "FLOP/s", "OPS", "OP/s")},
    "s": {f"{p}s": f for p, f in _SMALL.items()} | {"min": 60.0, "h": 3600.0, "years": 365.25 * 86400.0},
    "W": {"W": 1.0, "kW": 1e3, "MW": 1e6, "mW": 1e-3},
    "USD": {"USD": 1.0, "kUSD": 1e3, "MUSD": 1e6},
    "USD/h": {"USD/h": 1.0},
    "USD/J": {"USD/kWh": 1 / 3.6e6, "USD/MWh": 1 / 3.6e9},
    "1": {"": 1.0, "%": 0.01},
    "J/FLOP": {"pJ/FLOP": 1e-12, "fJ/FLOP": 1e-15},
    "J/B": {"pJ/B": 1e-12, "pJ/bit": 8e-12},
    "mm2": {"mm2": 1.0},
    "nm": {"nm": 1.0},
}

_NUMBER = re.compile(r"^\s*([+-]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


def parse_quantity(text: object, dimension: str, field: str = "quantity", where: str = "") -> float:
    """Read ``text`` as a finite, non-negative quantity of ``dimension``, in SI units.

    Parameters
    ----------
    text : str or number
        The source's own spelling with its unit. Plain numbers are accepted for dimension ``"1"`` only.
    dimension : str
        One of the keys of `DIMENSIONS`, e.g. ``"bytes/s"``.

    Raises
    ------
    SpecError
        When the unit is not one of the dimension, or the number is negative, infinite or not a number.

    Examples
    --------
    >>> parse_quantity("3.35 TB/s", "bytes/s")
    3350000000000.0
    >>> parse_quantity("180 GiB", "bytes")
    193273528320.0
    """
    units = DIMENSIONS[dimension]
    known = ", ".join(repr(u) for u in units if u) or "a plain number"
    if isinstance(text, int | float) and not isinstance(text, bool):
        if dimension != "1":
            raise SpecError(field, text, f"a string with a unit, one of {known}", where)
        number, unit = float(text), ""
    else:
        match = _NUMBER.match(text) if isinstance(text, str) else None
        if match is None:
            raise SpecError(field, text, f"a number with a unit, one of {known}", where)
        number, unit = float(match[1].replace(",", "").replace("_", "")), match[2]
        if unit not in units:
            raise SpecError(field, text, f"one of the units {known}", where)
    factor = units[unit]
    value = number * factor if factor >= 1 else number / round(1 / factor)  # 40 us is 40 / 1e6: exact
    if not math.isfinite(value) or value < 0:
        raise SpecError(field, text, "a finite number that is not negative", where)
    return value


def format_si(value: float, unit: str = "", digits: int = 3) -> str:
    """``value`` with a decimal prefix, for people: ``format_si(3.35e12, "B/s") == "3.35 TB/s"``.

    >>> format_si(0.0233, "s")
    '23.3 ms'
    """
    if value != value:
        return "-"
    if value == 0 or math.isinf(value):
        return f"{value:g} {unit}".strip()
    scales = [
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
    ]
    factor, prefix = next(((f, p) for f, p in scales if abs(value) >= f * 0.9995), scales[-1])
    return f"{value / factor:.{digits}g} {prefix}{unit}".rstrip()
