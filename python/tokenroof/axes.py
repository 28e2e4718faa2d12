"""Axes of a sweep: what a user may write for them, checked before any work is done."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._native import AXES, COLUMNS, COMPARISONS, F64
from .catalogue import hardware, hardware_ids, model, model_ids
from .errors import SpecError, UnknownNameError
from .specs import Hardware, Model, Precision, precision

__all__ = ["COUNTS", "DEFAULTS", "Axes", "parse_count_axis", "parse_where"]

#: Axes that hold whole numbers, and what an axis is when a sweep does not name it.
COUNTS = ("tp", "pp", "ep", "dp", "cp", "isl", "osl", "batch")
DEFAULTS: dict[str, Any] = {
    "precision": "bf16",
    "tp": 1,
    "pp": 1,
    "ep": 1,
    "dp": 1,
    "cp": 1,
    "isl": 1024,
    "osl": 256,
    "batch": 1,
}
_RANGE = re.compile(r"^\s*(\d+)\s*:\s*(\d+)\s*(?::\s*(x?)(\d+))?\s*$")
_WHERE = re.compile(r"^\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*$")
_LARGEST = 2**52
_MOST_VALUES = 2**31


def parse_count_axis(name: str, value: Any) -> F64:
    """Whole numbers from 1 of one axis: a number, a sequence, a range, an array or a string.

    Strings: ``"1:512"`` (both ends included), ``"1:512:8"`` (in steps of 8), ``"128:131072:x2"`` (doubling).

    >>> parse_count_axis("isl", "128:1024:x2")
    array([ 128.,  256.,  512., 1024.])
    """
    expected = "whole numbers from 1, as a number, a list, a range, '1:512', '1:512:8' or '128:131072:x2'"
    if isinstance(value, str):
        return _parse_range(name, value, expected)
    if isinstance(value, bool | bytes) or value is None or isinstance(value, Mapping):
        raise SpecError(name, value, expected)
    if isinstance(value, range):
        return _progression(name, value, expected)
    if isinstance(value, Iterable) and not isinstance(value, np.ndarray):
        value = list(value)
        if any(isinstance(v, str) for v in value):
            parts = [
                _parse_range(name, v, expected) if isinstance(v, str) else parse_count_axis(name, v) for v in value
            ]
            return np.concatenate(parts)
        if any(isinstance(v, bool | np.bool_) for v in value):
            raise SpecError(name, value, expected)
    try:
        array: npt.NDArray[Any] = np.atleast_1d(np.asarray(value))
        numbers = array.dtype.kind in "iuf" or all(isinstance(v, int) for v in array.ravel().tolist())
        values = array.astype(np.float64) if numbers else np.empty(0)
    except (TypeError, ValueError, OverflowError):
        raise SpecError(name, value, expected) from None
    if array.ndim != 1 or values.size == 0 or array.dtype == bool:
        raise SpecError(name, value, expected + ", at least one")
    wrong = ~((values >= 1) & (values < _LARGEST) & (values == np.floor(values)))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise SpecError(f"{name}[{at}]", values[at].item(), "a whole number from 1 to 2**52")
    return np.ascontiguousarray(values)


def _progression(name: str, value: range, expected: str) -> F64:
    """A range as numbers, checked by its ends: a long one must not be listed first."""
    if not value:
        raise SpecError(name, value, expected + ", at least one")
    if min(value[0], value[-1]) < 1 or max(value[0], value[-1]) >= _LARGEST:
        raise SpecError(name, value, "whole numbers from 1 to 2**52")
    if len(value) > _MOST_VALUES:
        raise SpecError(name, value, "at most 2**31 values")
    return np.arange(value.start, value.stop, value.step, dtype=np.float64)


def _parse_range(name: str, text: str, expected: str) -> F64:
    if text.strip().isdecimal():
        return parse_count_axis(name, int(text))
    match = _RANGE.match(text)
    if match is None:
        raise SpecError(name, text, expected)
    first, last, times, step = int(match[1]), int(match[2]), match[3], int(match[4] or 1)
    if first < 1 or last < first or step < 1 or (times and step < 2):
        raise SpecError(name, text, "'first:last:step' with 1 <= first <= last and a step of at least 1 (x2 or more)")
    if last >= _LARGEST:
        raise SpecError(name, text, "whole numbers from 1 to 2**52")
    if times:
        count = int(math.log(last / first, step) + 1e-9) + 1
        return np.array([first * step**i for i in range(count) if first * step**i <= last], dtype=np.float64)
    return _progression(name, range(first, last + 1, step), expected)


def parse_where(where: str | Iterable[str] | None) -> list[tuple[str, str, float]]:
    """Limits such as ``"tpot_s <= 0.05"`` as (column, comparison, number).

    >>> parse_where("tpot_s <= 0.05")
    [('tpot_s', '<=', 0.05)]
    """
    limits = []
    if not isinstance(where, Iterable | None):
        raise SpecError("where", where, "a list of 'column op number'")
    for text in [where] if isinstance(where, str) else where or []:
        match = _WHERE.match(text) if isinstance(text, str) else None
        if match is None:
            ops = " ".join(COMPARISONS)
            raise SpecError("where", text, f"'column op number' with op one of {ops}, e.g. 'tpot_s <= 0.05'")
        column, op, number = match.groups()
        if column not in COLUMNS:
            raise UnknownNameError("column in where", column, COLUMNS)
        try:
            limit = float(number)
        except ValueError:
            raise SpecError("where", text, "a number after the comparison") from None
        if math.isnan(limit):
            raise SpecError("where", text, "a number that is not NaN")
        limits.append((column, op, limit))
    return limits


class Axes:
    """The named axes of a sweep: objects, values and labels, in the user's order and in the core's."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        unknown = [name for name in named if name not in AXES]
        if unknown:
            raise UnknownNameError("axis", unknown[0], AXES)
        for name in ("model", "hardware"):
            if name not in named:
                raise SpecError(name, None, f"at least one {name}: a catalogue id or an object")
        self.named: tuple[str, ...] = tuple(named)
        self.models = tuple(_objects("model", named["model"], model, Model, model_ids))
        self.hardware = tuple(_objects("hardware", named["hardware"], hardware, Hardware, hardware_ids))
        self.precisions = tuple(
            _objects("precision", named.get("precision", DEFAULTS["precision"]), precision, Precision)
        )
        self.counts: dict[str, F64] = {n: parse_count_axis(n, named.get(n, DEFAULTS[n])) for n in COUNTS}
        for name in ("model", "hardware", "precision"):
            labels = self.labels(name)
            twice = next((label for label in labels if labels.count(label) > 1), None)
            if twice is not None:
                raise SpecError(name, twice, "each name once: give one of the two objects another id")

    def labels(self, name: str) -> list[Any]:
        """The values of an axis as people read them."""
        if name == "model":
            return [m.id for m in self.models]
        if name == "hardware":
            return [h.id for h in self.hardware]
        if name == "precision":
            return [p.name for p in self.precisions]
        return [int(v) for v in self.counts[name]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of all axes in the core's order."""
        return tuple(
            len(
                {"model": self.models, "hardware": self.hardware, "precision": self.precisions}.get(
                    n, self.counts.get(n, ())
                )
            )
            for n in AXES
        )


def _objects(name: str, value: Any, find: Any, kind: type, ids: Callable[[], list[str]] | None = None) -> list[Any]:
    """The objects that a user names.

    ``"all"`` stands for every id of the catalogue, ``"official"`` for those whose maker publishes the numbers and sells
    the thing for any model: no claims, announcements, estimates or burned-in weights.
    """
    items = [value] if isinstance(value, str | kind) else list(value) if isinstance(value, Iterable) else None
    if not items:
        raise SpecError(name, value, f"catalogue ids or {kind.__name__} objects, at least one")
    if ids is not None:
        items = [i for item in items for i in (_set(item, find, ids) if item in ("all", "official") else [item])]
    for item in items:
        if not isinstance(item, str | kind):
            raise SpecError(name, item, f"a catalogue id or a {kind.__name__}")
    return [find(item) if isinstance(item, str) else item for item in items]


def _set(name: str, find: Any, ids: Callable[[], list[str]]) -> list[str]:
    """Ids of a named set of the catalogue."""
    if name == "all":
        return ids()
    return [i for i in ids() if find(i).status == "official" and getattr(find(i), "kind", "") != "burned-in"]
