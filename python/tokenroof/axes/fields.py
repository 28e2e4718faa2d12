"""Fields of models, chips and precisions as axes: what they are called, what values they take, how one is changed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import ConfigError, SpecError, UnknownNameError
from ..lowering.change import MODEL_FIELDS, changed_model
from ..specs import Calibration, Hardware, Model, Precision
from ..specs.formats import COMPUTE
from ..units import format_si, parse_quantity

__all__ = ["ALIASES", "Change", "field_axes", "is_field", "parse_field_axis", "unit_of_field", "variant"]

_LINK = {"bandwidth": "bytes/s", "domain": "1", "wrap": "1", "reduction": "1", "reduction_latency": "s"}
#: Numbers of a chip that columns follow from, with their dimensions.
HARDWARE_FIELDS: dict[str, str] = {
    "memory_bytes": "bytes",
    "memory_bandwidth": "bytes/s",
    "sram_bytes": "bytes",
    "power_max": "W",
    "power_idle": "W",
    "usd_per_hour": "USD/h",
    "peaks": "flop/s",
    **{f"peaks.{name}": "flop/s" for name in COMPUTE},
    **{f"scaleup.{name}": dimension for name, dimension in _LINK.items()},
    "scaleout.bandwidth": "bytes/s",
    **{f"calibration.{f.name}": "s" if f.name.endswith(("latency", "overhead")) else "1" for f in fields(Calibration)},
}
_NO_COLUMN = ("price_usd", "life_years", "die_mm2", "process_nm")
PRECISION_FIELDS = ("weights", "activations", "kv", "experts", "head", "state")
#: Short names of fields.
ALIASES: dict[str, str] = {
    "hardware.mem_bw": "hardware.memory_bandwidth",
    "hardware.mem": "hardware.memory_bytes",
    "hardware.sram": "hardware.sram_bytes",
    "hardware.power": "hardware.power_max",
    "hardware.price": "hardware.usd_per_hour",
    "hardware.link_bw": "hardware.scaleup.bandwidth",
    "hardware.domain": "hardware.scaleup.domain",
    "hardware.net_bw": "hardware.scaleout.bandwidth",
}
_SI = {"bytes": "B", "bytes/s": "B/s", "flop/s": "FLOP/s", "s": "s", "W": "W", "USD/h": "USD/h", "1": ""}
_FACTOR = re.compile(r"^x\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)$")
_MOST = 1 << 20  # values of one axis, and variants of one object


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a field: a number in SI units, a factor of what the object has, or a format's name."""

    field: str  #: as ``hardware.memory_bandwidth``
    value: Any
    factor: bool = False

    @property
    def label(self) -> Any:
        """As coordinates have it: SI numbers, ``"x2"``, names."""
        if self.factor:
            return f"x{self.value:g}"
        whole = isinstance(self.value, float) and self.value.is_integer() and unit_of_field(self.field) == ""
        return int(self.value) if whole else self.value

    def __str__(self) -> str:
        name = self.field.partition(".")[2]
        if self.factor or not isinstance(self.value, float):
            return f"{name}={self.label}"
        return f"{name}={format_si(self.value, unit_of_field(self.field), 6)}"


def is_field(name: object) -> bool:
    """Whether an axis's name is that of a field: ``hardware.memory_bandwidth``."""
    return isinstance(name, str) and "." in name


def field_axes() -> list[str]:
    """Every field that may be an axis, aliases too."""
    names = [f"hardware.{name}" for name in HARDWARE_FIELDS] + [f"model.{name}" for name in MODEL_FIELDS]
    return [*names, *(f"precision.{name}" for name in PRECISION_FIELDS), *ALIASES]


def unit_of_field(name: str) -> str:
    """The SI unit of a field's values, empty where they have none."""
    kind, _, field = name.partition(".")
    return _SI[HARDWARE_FIELDS.get(field, "1")] if kind == "hardware" else ""


def parse_field_axis(name: str, value: Any) -> tuple[str, tuple[Change, ...]]:
    """The field's full name and its values.

    Numbers are SI, strings have a unit (``"2 TB/s"``); ``"x2"`` is a multiple of what each object has, and
    ``"1 TB/s:16 TB/s:1 TB/s"`` or ``"1e12:16e12:x2"`` a range with both ends.

    >>> name, changes = parse_field_axis("hardware.mem_bw", ["x1", "4 TB/s", "1e12:3e12:1e12"])
    >>> name, [change.label for change in changes]
    ('hardware.memory_bandwidth', ['x1', 4000000000000.0, 1000000000000.0, 2000000000000.0, 3000000000000.0])
    """
    full = ALIASES.get(name, name)
    kind, _, field = full.partition(".")
    if kind == "hardware" and field in _NO_COLUMN:
        raise SpecError(name, value, "a field that columns follow from; cost follows from hardware.usd_per_hour")
    if full not in field_axes() and not (kind == "model" and field.isidentifier()):
        raise UnknownNameError("axis", name, field_axes())
    items = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    if isinstance(value, Mapping | bytes) or not items:
        raise SpecError(name, value, "a value or a list of them")
    read = _format if kind == "precision" else _whole if kind == "model" else _quantity
    changes = tuple(Change(full, v, factor) for item in items for v, factor in read(name, field, item))
    if len(changes) > _MOST:
        raise SpecError(name, f"{len(changes)} values", f"at most {_MOST}")
    return full, changes


def _format(name: str, field: str, item: Any) -> list[tuple[Any, bool]]:
    if not isinstance(item, str):
        raise SpecError(name, item, "the name of a format")
    return [(item, False)]  # Precision says which there are


def _whole(name: str, field: str, item: Any) -> list[tuple[Any, bool]]:
    from .counts import parse_count_axis

    if field in ("skew",):
        return [(v, factor) for v, factor in _numbers(name, "1", item)]
    match = _FACTOR.match(item.strip()) if isinstance(item, str) else None
    if match is not None:
        return [(float(match[1]), True)]
    return [(int(v), False) for v in parse_count_axis(name, item)]


def _quantity(name: str, field: str, item: Any) -> list[tuple[Any, bool]]:
    found = _numbers(name, HARDWARE_FIELDS[field], item)
    if field == "peaks" and not all(factor for _, factor in found):
        raise SpecError(name, item, "factors of all peaks, 'x2'; one format's peak is hardware.peaks.bf16")
    return found


def _numbers(name: str, dimension: str, item: Any) -> list[tuple[Any, bool]]:
    """Numbers that one item stands for."""
    if isinstance(item, str) and item.count(":") in (1, 2):
        return [(v, False) for v in _range(name, dimension, item)]
    match = _FACTOR.match(item.strip()) if isinstance(item, str) else None
    if match is not None:
        return [(float(match[1]), True)]
    return [(_number(name, dimension, item), False)]


def _number(name: str, dimension: str, item: Any) -> float:
    if isinstance(item, str):
        try:
            value = float(item)
        except ValueError:
            return parse_quantity(item, dimension, name)
    elif isinstance(item, int | float | np.integer | np.floating) and not isinstance(item, bool):
        value = float(item)
    else:
        raise SpecError(name, item, f"a number [{_SI[dimension] or '1'}], a string with its unit, 'x2' or a range")
    if not value >= 0:
        raise SpecError(name, item, "a number that is not negative")
    return value


def _range(name: str, dimension: str, text: str) -> list[float]:
    first, last, *rest = text.split(":")
    low, high = _number(name, dimension, first.strip()), _number(name, dimension, last.strip())
    step = rest[0].strip() if rest else "x2"
    match = _FACTOR.match(step)
    by = float(match[1]) if match else _number(name, dimension, step)
    if not 0 < low <= high < math.inf or not by > (1 if match else 0):
        raise SpecError(name, text, "'first:last:step' with 0 < first <= last, and a step above 0 or a factor above x1")
    count = math.log(high / low, by) if match else (high - low) / by
    if count > _MOST:
        raise SpecError(name, text, f"at most {_MOST} values")
    steps = range(int(count + 1e-9) + 1)  # the last value is in where it is a step away to ten digits
    return [low * by**i if match else low + i * by for i in steps]


def variant(base: Any, changes: tuple[Change, ...]) -> Any:
    """A model, chip or precision with fields changed; its id says which.

    Raises
    ------
    SpecError
        Where the object has no such field, or cannot hold the value.
    """
    if not changes:
        return base
    kind = changes[0].field.partition(".")[0]
    key = "name" if isinstance(base, Precision) else "id"
    name = getattr(base, key)
    updates: dict[str, Any] = {}
    try:
        for change in changes:
            _UPDATES[kind](base, updates, change)
        return replace(base, **updates, **{key: f"{name} {', '.join(map(str, changes))}"})
    except (SpecError, ConfigError) as error:
        for n in range(1, len(changes)):  # which one it is: the first that is refused
            variant(base, changes[:n])
        last = changes[-1]
        said = error.expected if isinstance(error, SpecError) else str(error)
        raise SpecError(last.field, last.label, said, f"{kind} {name!r}") from error


def _chip(chip: Hardware, updates: dict[str, Any], change: Change) -> None:
    field = change.field.removeprefix("hardware.")
    part, _, key = field.rpartition(".")
    peaks: Mapping[str, float] = updates.get("peaks", chip.peaks)
    if field == "peaks":
        updates["peaks"] = {name: peak * change.value for name, peak in peaks.items()}
    elif part == "peaks":
        if change.factor and key not in peaks:
            raise SpecError(field, change.label, f"a rate: the chip has no {key} peak to multiply")
        updates["peaks"] = {**peaks, key: _new(peaks.get(key, math.nan), change)}
    else:
        owner = updates.get(part, getattr(chip, part)) if part else chip
        if owner is None:
            raise SpecError(field, change.label, f"a chip with {part}: this one has none")
        old = getattr(owner, key)
        value: Any = _new(old, change)
        if isinstance(old, int) and float(value).is_integer():
            value = int(value)
        updates[part or key] = replace(owner, **{key: value}) if part else value


def _new(old: float, change: Change) -> float:
    if change.factor and math.isnan(old):
        raise SpecError(change.field, change.label, "a number: the catalogue has none to multiply")
    return old * change.value if change.factor else float(change.value)


def _model(model: Model, updates: dict[str, Any], change: Change) -> None:
    now = replace(model, **updates)
    made = changed_model(now, change.field.removeprefix("model."), change.value, change.factor)
    updates |= {f.name: getattr(made, f.name) for f in fields(made) if f.name != "id"}


def _precision(precision: Precision, updates: dict[str, Any], change: Change) -> None:
    updates[change.field.removeprefix("precision.")] = change.value


_UPDATES: Mapping[str, Callable[[Any, dict[str, Any], Change], None]] = {
    "hardware": _chip,
    "model": _model,
    "precision": _precision,
}
