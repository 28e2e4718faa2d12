"""Where a measurement is expected, given what the engine says: 10 to 90 % of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._native import F64
from ..calibration import Calibrated
from .case import Case

__all__ = ["CLASSES", "DEFAULT", "interval", "spread_of"]

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
    "attention_decode": "operator",
    "attention_prefill": "operator",
    "all_reduce": "operator",
}
#: Logarithms of measured over typical where a file says nothing: half as fast, or a third faster.
DEFAULT = (-0.3, 0.7)


def spread_of(case: Case, calibration: Calibrated) -> tuple[float, float]:
    """Logarithms of measured over typical time that a tenth of measurements is below, and a tenth above.

    Of the chip's kind where its own measurements are in the calibration, else the wider one of chips that were left out.
    """
    kind = case.hardware.kind if calibration.measured(case.hardware) else "unmeasured"
    for name in (kind, "unmeasured"):
        found = calibration.spread.get(name, {}).get(CLASSES.get(case.metric, ""))
        if found is not None:
            return found
    return DEFAULT


def interval(cases: Sequence[Case], typical: F64, calibration: Calibrated) -> tuple[F64, F64]:
    """Low and high of each case, in the unit of `Case.measured`."""
    spread = np.array([spread_of(case, calibration) for case in cases]).reshape(-1, 2)
    rate = np.array([case.metric == "throughput" for case in cases], dtype=bool)
    low, high = np.where(rate, -spread[:, 1], spread[:, 0]), np.where(rate, -spread[:, 0], spread[:, 1])
    return typical * np.exp(low), typical * np.exp(high)
