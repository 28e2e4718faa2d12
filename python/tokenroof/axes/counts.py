"""Axes of whole numbers: what a user may write for them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..errors import SpecError

__all__ = ["COUNTS", "parse_count_axis"]

#: Axes that hold whole numbers.
COUNTS = ("tp", "pp", "ep", "dp", "cp", "isl", "osl", "batch")
_RANGE = re.compile(r"^\s*(\d+)\s*:\s*(\d+)\s*(?::\s*(x?)(\d+))?\s*$")
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
