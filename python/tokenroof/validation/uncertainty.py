"""Where a measurement is expected, given what the engine says: 10 to 90 % of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._native import F64
from ..calibration import Calibrated
from .case import Case

if TYPE_CHECKING:
    from .calibrate import Held

__all__ = ["CLASSES", "DEFAULT", "coverage", "interval", "spread_of", "spreads"]

#: Rows from which a spread of its own is taken.
_ENOUGH = 20

#: Metrics whose errors are alike.
CLASSES = {
    "step": "decode",
    "request": "decode",
    "loaded_tpot": "loaded",
    "throughput": "loaded",
    "prefill": "prefill",
    "ttft": "prefill",
    "loaded_ttft": "queue",
    "gemm": "operator",
    "experts": "operator",
    "attention_decode": "operator",
    "attention_prefill": "operator",
    "all_reduce": "operator",
}
#: Logarithms of measured over typical where a file says nothing: half as fast, or a third faster.
DEFAULT = (-0.3, 0.7)


def spread_of(case: Case, calibration: Calibrated) -> tuple[float, float]:
    """Logarithms of measured over typical time that a tenth of measurements is below, and a tenth above.

    Of the chip's kind where enough of it was measured, else the one of all chips.
    """
    return _spread(calibration.spread, case)


def _spread(of: Mapping[str, Mapping[str, tuple[float, float]]], case: Case) -> tuple[float, float]:
    what = CLASSES.get(case.metric, "")
    return of.get(case.hardware.kind, {}).get(what) or of.get("unmeasured", {}).get(what) or DEFAULT


def interval(cases: Sequence[Case], typical: F64, calibration: Calibrated) -> tuple[F64, F64]:
    """Low and high of each case, in the unit of `Case.measured`."""
    spread = np.array([spread_of(case, calibration) for case in cases]).reshape(-1, 2)
    rate = np.array([case.metric == "throughput" for case in cases], dtype=bool)
    low, high = np.where(rate, -spread[:, 1], spread[:, 0]), np.where(rate, -spread[:, 0], spread[:, 1])
    return typical * np.exp(low), typical * np.exp(high)


def spreads(cases: Sequence[Case], held: Sequence[Held]) -> dict[str, dict[str, tuple[float, float]]]:
    """Spreads of left-out cases, by kind of chip and class of metric; ``unmeasured``: of all kinds together.

    What a fit has seen tells too little: only cases that it did not see say how wrong it is elsewhere.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for group in held:
        for place, error in zip(group.places.tolist(), group.errors.tolist(), strict=True):
            for kind in (cases[place].hardware.kind, "unmeasured"):
                found.setdefault((kind, CLASSES[cases[place].metric]), []).append(-error)
    out: dict[str, dict[str, tuple[float, float]]] = {}
    for (kind, what), logs in sorted(found.items()):
        if len(logs) >= _ENOUGH:
            low, high = np.quantile(logs, [0.1, 0.9])
            out.setdefault(kind, {})[what] = (float(low), float(high))
    return out


def coverage(
    cases: Sequence[Case], held: Sequence[Held], of: Mapping[str, Mapping[str, tuple[float, float]]]
) -> tuple[int, float]:
    """How many left-out cases there are, and the share that lies in its interval."""
    inside = []
    for group in held:
        for place, error in zip(group.places.tolist(), group.errors.tolist(), strict=True):
            low, high = _spread(of, cases[place])
            inside.append(low <= -error <= high)
    return len(inside), sum(inside) / len(inside) if inside else float("nan")
