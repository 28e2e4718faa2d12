"""What predictions are worth: errors, violations of bounds and coverage of intervals, by any property of the cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..catalogue._toml import load_toml
from ..errors import SpecError
from .case import Case
from .predict import Prediction
from .rows import BOUND_ONLY
from .uncertainty import CLASSES

__all__ = ["KEYS", "VERDICTS", "Group", "Result", "groups", "results", "verdict"]

#: Properties that results can be grouped by; several are joined with ``+``.
KEYS: dict[str, Callable[[Case], str]] = {
    "source": lambda case: case.source,
    "chip": lambda case: case.hardware.id,
    "model": lambda case: case.model.id if case.model else "operators",
    "phase": lambda case: case.phase,
    "metric": lambda case: case.metric,
    "class": lambda case: CLASSES.get(case.metric, case.metric),
    "software": lambda case: case.software,
}
#: What a violation of a bound can be.
VERDICTS = ("ours", "source", "assumption")
_COLUMNS = ("rows", "checked", "violations", "bias", "median", "p90", "coverage", "worst")


@dataclass(frozen=True)
class Result:
    """A case and what was predicted for it."""

    case: Case
    typical: float
    bound: float
    low: float
    high: float

    @property
    def doubted(self) -> bool:
        """Whether the source's number itself is in doubt: then it proves nothing about a bound."""
        return bool(self.case.flag) and not self.case.flag.startswith(BOUND_ONLY)

    @property
    def counts(self) -> bool:
        """Whether the row is in the errors: its number is not doubted, and nothing open decides the typical value."""
        return not self.case.flag and self.typical > 0

    @property
    def ratio(self) -> float:
        """Measured over bound, as times: below 1 the measurement was faster than the bound allows."""
        case = self.case
        return self.bound / case.measured if case.metric == "throughput" else case.measured / self.bound

    @property
    def violates(self) -> bool:
        """Whether the measurement beats the bound; equal but for rounding does not."""
        return self.bound > 0 and self.ratio < 1 - 1e-9

    @property
    def log_error(self) -> float:
        """Logarithm of predicted over measured."""
        return math.log(self.typical / self.case.measured)

    @property
    def error(self) -> float:
        """Share of the measured value by which the predicted one is off."""
        return abs(self.typical / self.case.measured - 1)

    @property
    def inside(self) -> bool:
        """Whether the measurement lies in the interval."""
        return self.low <= self.case.measured <= self.high


@dataclass(frozen=True)
class Group:
    """Results that share a property."""

    key: tuple[str, ...]
    rows: int  #: in the errors
    checked: int  #: against the bound, numbers that are not doubted
    violations: int  #: of those
    bias: float  #: median of predicted over measured, less 1
    median: float  #: of the error
    p90: float  #: of the error
    coverage: float  #: share of rows inside their interval
    worst: str  #: id of the row with the largest logarithmic error

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return {"key": list(self.key), **{name: getattr(self, name) for name in _COLUMNS}}


def results(cases: Sequence[Case], prediction: Prediction) -> list[Result]:
    """Cases of which the engine says something."""
    found = zip(cases, prediction.typical, prediction.bound, prediction.low, prediction.high, strict=True)
    return [Result(case, *map(float, values)) for case, *values in found if math.isfinite(values[1])]


def groups(found: Iterable[Result], by: str) -> list[Group]:
    """Statistics by the properties that ``by`` names, for example ``"source+metric"``, in alphabetical order.

    Raises
    ------
    SpecError
        When a property is none of `KEYS`.
    """
    names = by.split("+")
    for name in names:
        if name not in KEYS:
            raise SpecError("by", name, f"of {', '.join(KEYS)}, joined with +")
    parts: dict[tuple[str, ...], list[Result]] = {}
    for result in found:
        parts.setdefault(tuple(KEYS[name](result.case) for name in names), []).append(result)
    return [_group(key, parts[key]) for key in sorted(parts)]


def _group(key: tuple[str, ...], part: Sequence[Result]) -> Group:
    rows = [r for r in part if r.counts]
    checked = [r for r in part if not r.doubted]
    errors = np.array([r.error for r in rows] or [np.nan])
    logs = np.array([r.log_error for r in rows] or [np.nan])
    return Group(
        key,
        len(rows),
        len(checked),
        sum(r.violates for r in checked),
        math.expm1(float(np.median(logs))),
        float(np.median(errors)),
        float(np.quantile(errors, 0.9)),
        sum(r.inside for r in rows) / len(rows) if rows else math.nan,
        max(rows, key=lambda r: abs(r.log_error)).case.id if rows else "",
    )


def verdict(id: str) -> tuple[str, str]:
    """Whose error a violation is, of `VERDICTS`, and why in a sentence; empty where nobody has examined the row."""
    found = _verdicts().get(id, {})
    return str(found.get("verdict", "")), str(found.get("why", ""))


@cache
def _verdicts() -> Mapping[str, Mapping[str, object]]:
    return load_toml(Path(__file__).parent / "verdicts.toml")
