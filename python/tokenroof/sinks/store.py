"""Columns of every point, kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..derived import check_columns
from ..errors import SpecError
from ..plan import Plan
from .base import Sink

__all__ = ["Store", "Stored", "memory_bytes"]


@dataclass
class Stored:
    """Columns of the points from ``begin`` on."""

    begin: int
    columns: dict[str, npt.NDArray[Any]]


class Store(Sink[Stored]):
    """Columns of every point, kept as float64 or, rounded to nearest, as float32."""

    what = "store"
    shared = True

    def __init__(self, columns: str | Iterable[str], dtype: npt.DTypeLike = np.float64) -> None:
        self.columns, self.dtype = check_columns(columns), _float(dtype)

    def start(self, plan: Plan) -> Stored:
        return self.piece(plan, 0, plan.size)

    def piece(self, plan: Plan, begin: int, end: int) -> Stored:
        return Stored(begin, {name: np.empty(end - begin, self.dtype) for name in self.columns})

    def visit(self, plan: Plan, begin: int, end: int, state: Stored) -> None:
        place = slice(begin - state.begin, end - state.begin)
        plan.store(begin, end, self.columns, [state.columns[name][place] for name in self.columns])

    def merge(self, into: Stored, other: Stored) -> None:
        """Copy a piece to its place; ``into`` must reach around it."""
        for name, values in other.columns.items():
            first = other.begin - into.begin
            into.columns[name][first : first + len(values)] = values

    def miss(self, state: Stored, spans: Iterable[tuple[int, int]]) -> None:
        for begin, end in spans:
            for values in state.columns.values():
                values[begin - state.begin : end - state.begin] = np.nan


def _float(dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float64, np.float32):
        raise SpecError("dtype", dtype, "float64 or float32")
    return found


def memory_bytes() -> int:
    """Memory that this process may still take: what is free, within the limit of its control group."""
    limits = [2**63]
    for path, key in (("/proc/meminfo", "MemAvailable:"), ("/sys/fs/cgroup/memory.max", "")):
        try:
            text = Path(path).read_text(encoding="ascii")
        except OSError:
            continue  # another system, or no control groups
        words = text.partition(key)[2].split() if key else text.split()
        if words and words[0].isdigit():
            limits.append(int(words[0]) * (1024 if key else 1))
    return min(limits)
