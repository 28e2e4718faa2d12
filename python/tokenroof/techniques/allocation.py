"""A budget of samples split over questions of different difficulty. T9 and T10 of docs/test_time.md."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, F64, NOT_NEGATIVE, SHARE, Numbers, broadcasts, checked
from ..errors import SpecError

__all__ = ["Allocation", "allocate", "efficiency_gain"]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Samples for each class of questions, and what they bring."""

    samples: F64  #: of each class of difficulty [samples per question]
    mean_samples: float  #: over all questions
    success: float  #: share of all questions [1]
    uniform: float  #: the same with as many samples, rounded down, for each question


def allocate(success: Numbers, weights: Numbers, budget: float) -> Allocation:
    """(T9) The best split of a mean number of samples over questions of different difficulty.

    Parameters
    ----------
    success : array, (classes, most samples)
        Share of right answers of each class with 1, 2, 3 ... samples [1], none with no sample: any curve that does not
        fall, e.g. `test_time.coverage` of a column of p. Several strategies: their maximum.
    weights : array, (classes)
        Share of the questions in each class; scaled to add up to 1.
    budget : float
        Samples per question, mean over all [samples].

    Returns
    -------
    Allocation
        At most the budget: what the last step would exceed is left.

    Raises
    ------
    SpecError
        When shapes do not fit, a curve falls, or the budget is below 0.

    Notes
    -----
    Steps go to the class with the largest gain per sample along the upper concave hulls of the curves. That is the
    best of all splits of what it spends (Fox, Oper. Res. 14:209, 1966, doi:10.1287/opre.14.2.209). Classes must be
    known: an estimate of the difficulty costs samples too, `efficiency_gain` charges them.

    Examples
    --------
    Half of the questions are easy (90 %), half hard (10 %): the easy ones need one or two samples.

    >>> from tokenroof.techniques.test_time import coverage
    >>> curves = coverage([[0.9], [0.1]], range(1, 101))
    >>> best = allocate(curves, [1, 1], 16)
    >>> best.samples.tolist(), round(best.success, 4), round(best.uniform, 4)
    ([3.0, 29.0], 0.9759, 0.9073)
    """
    curves = np.atleast_2d(checked("success", success, SHARE.known, "allocate"))
    part = np.atleast_1d(checked("weights", weights, NOT_NEGATIVE.known, "allocate"))
    mean = float(checked("budget", budget, NOT_NEGATIVE.known, "allocate"))
    if curves.ndim != 2 or part.shape != curves.shape[:1] or not part.sum() > 0:
        raise SpecError("weights", part.shape, f"one weight, not all 0, for each of {curves.shape[0]} classes")
    part = part / part.sum()
    curves = np.concatenate([np.zeros((len(curves), 1)), curves], axis=1)
    if np.any(np.diff(curves, axis=1) < -1e-12):  # sums of probabilities may be off by some 1e-16
        raise SpecError("success", "...", "curves that do not fall with more samples")
    steps = sorted(
        ((gain, row, end) for row, curve in enumerate(curves) for gain, end in _hull(curve)), key=lambda step: -step[0]
    )
    samples, spent = np.zeros(len(part)), 0.0
    for gain, row, end in steps:
        price = (end - samples[row]) * part[row]
        if gain <= 0.0 or spent + price > mean * (1 + 1e-12):
            break
        spent += price
        samples[row] = end
    reached = float(part @ curves[np.arange(len(part)), samples.astype(int)])
    even = min(int(mean), curves.shape[1] - 1)
    return Allocation(samples, float(part @ samples), reached, float(part @ curves[:, even]))


def _hull(curve: F64) -> list[tuple[float, int]]:
    """Steps of the upper concave hull that starts at no sample: gain per sample, samples at its end."""
    corners = [0]
    for at in range(1, len(curve)):
        while len(corners) > 1:
            before, last = corners[-2], corners[-1]
            if (curve[last] - curve[before]) * (at - last) > (curve[at] - curve[last]) * (last - before):
                break
            corners.pop()
        corners.append(at)
    return [(float(curve[end] - curve[start]) / (end - start), end) for start, end in pairwise(corners)]


@broadcasts(baseline=ABOVE_ZERO, optimal=ABOVE_ZERO, estimation=NOT_NEGATIVE)
def efficiency_gain(baseline: Numbers, optimal: Numbers, estimation: Numbers = 0.0) -> Any:
    """(T10) Compute of a uniform strategy over that of an adaptive one that is as good [1].

    Parameters
    ----------
    baseline, optimal : array
        Samples per question of the two [samples].
    estimation : array
        Samples per question that finding out its difficulty takes [samples].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    References
    ----------
    Snell et al. arXiv:2408.03314: 16 for 64, and 64 for 256; the 2048 samples per question by which they sort the
    questions are not counted.

    Examples
    --------
    >>> efficiency_gain([64, 256], [16, 64]).tolist(), round(efficiency_gain(64, 16, 2048), 3)
    ([4.0, 4.0], 0.031)
    """
    return baseline / (optimal + estimation)
