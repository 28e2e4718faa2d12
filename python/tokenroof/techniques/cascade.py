"""Cascades: a cheap model answers first, a judge decides whether a dearer one answers again. R12 to R16.

References
----------
Chen, Zaharia, Zou: FrugalGPT. arXiv:2305.05176
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, NOT_NEGATIVE, SHARE, Numbers, broadcasts, checked, plain, shape_of, take
from ..errors import SpecError
from ._common import special

__all__ = ["accuracy", "break_even_defer", "cost", "defer_share", "judge_rates", "latency_quantile", "saving"]

_ROUNDING = 1e-12  # sums and products of a few shares may be off by some 1e-16


def cost(costs: Numbers, defer: Numbers, judge: Numbers = 0.0) -> Any:
    """(R12) Mean cost of a request through a cascade: each stage is paid by those who reach it.

    Parameters
    ----------
    costs : array, (..., stages)
        Cost of one request at each model, first to last, in any unit.
    defer : array, (..., stages - 1)
        Share of those who reach a stage that it passes on [1].
    judge : array, (..., stages - 1) or one number
        Cost of judging the answer of a stage, in the same unit.

    Returns
    -------
    float or array
        In that unit: c_0 + j_0 + P(defer)(c_1 + j_1 + ...). With seconds for costs it is the mean latency [s]: a
        deferred request has waited for every model before.

    Raises
    ------
    SpecError
        For a share outside 0 to 1, a negative cost, or lengths that do not fit.

    Examples
    --------
    >>> cost([1.0, 10.0], [0.5]), cost([1.0, 10.0, 50.0], [0.5, 0.2], judge=0.1)
    (6.0, 11.15)
    """
    c = np.atleast_1d(checked("costs", costs, NOT_NEGATIVE, "cost"))
    d = np.atleast_1d(checked("defer", defer, SHARE.known, "cost"))
    j = np.atleast_1d(checked("judge", judge, NOT_NEGATIVE, "cost"))
    judges = c.shape[-1] - 1
    if d.shape[-1] != judges:
        raise SpecError("defer", d.shape[-1], f"a share for each model but the last: {judges}", "cost")
    if j.shape[-1] not in (1, judges):
        raise SpecError("judge", j.shape[-1], f"one cost, or one for each model but the last: {judges}", "cost")
    shape_of("cost", costs=c[..., 1:], defer=d, judge=j)
    reach = np.concatenate([np.ones((*d.shape[:-1], 1)), np.cumprod(d, axis=-1)], axis=-1)
    return plain((reach * c).sum(-1) + (reach[..., :-1] * j).sum(-1))


@broadcasts(cascade=NOT_NEGATIVE, single=ABOVE_ZERO)
def saving(cascade: Numbers, single: Numbers) -> Any:
    """(R2) Share of the cost of one model that a cascade saves [1].

    FrugalGPT on OVERRULING: 2.6 instead of 9.7 dollars.

    >>> round(saving(2.6, 9.7), 3)
    0.732
    """
    return 1.0 - cascade / single


@broadcasts(auroc=SHARE.known, accept=SHARE.known)
def judge_rates(auroc: Numbers, accept: Numbers) -> Any:
    """(R13) Share of the wrong answers that a judge accepts when it accepts a share of the right ones [1].

    Parameters
    ----------
    auroc : array
        Probability that the judge scores a right answer above a wrong one [1]; 1/2 is no judge.
    accept : array
        Share of the right answers that it accepts [1]: where its threshold lies.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of 0 to 1.
    TokenroofError
        When SciPy is missing.

    Notes
    -----
    Scores of right and wrong answers are normal, of one width (the binormal curve): Phi(Phi^-1(accept) - d) with
    d = sqrt(2) Phi^-1(AUROC).

    References
    ----------
    Hanley, McNeil, Radiology 143:29, 1982. doi:10.1148/radiology.143.1.7063747

    Examples
    --------
    >>> round(judge_rates(0.5, 0.9), 9), round(judge_rates(0.8, 0.9), 3)
    (0.9, 0.536)
    """
    functions = special()
    distance = math.sqrt(2.0) * functions.ndtri(auroc)
    # NaN: a perfect judge, which takes every right answer and no wrong one
    return np.nan_to_num(functions.ndtr(functions.ndtri(accept) - distance), nan=0.0)


@broadcasts(weak_accuracy=SHARE.known, accept_right=SHARE.known, accept_wrong=SHARE.known)
def defer_share(weak_accuracy: Numbers, accept_right: Numbers, accept_wrong: Numbers) -> Any:
    """(R14) Share of the requests that a judge passes on [1]: right answers it rejects, wrong ones it rejects.

    Parameters
    ----------
    weak_accuracy : array
        Share of the requests that the first model answers right [1].
    accept_right, accept_wrong : array
        Shares of right and of wrong answers that the judge accepts [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a share outside 0 to 1.

    Examples
    --------
    >>> round(defer_share(0.6, 0.9, 0.2), 3)
    0.38
    """
    return weak_accuracy * (1.0 - accept_right) + (1.0 - weak_accuracy) * (1.0 - accept_wrong)


def accuracy(
    weak_accuracy: Numbers,
    strong_accuracy: Numbers,
    accept_right: Numbers,
    accept_wrong: Numbers,
    *,
    strong_where_weak_fails: Numbers | None = None,
) -> Any:
    """(R15) Share of the requests that a cascade of two answers right [1].

    Parameters
    ----------
    weak_accuracy, accept_right, accept_wrong : array
        As in `defer_share`.
    strong_accuracy : array
        Share that the strong model alone answers right [1].
    strong_where_weak_fails : array, optional
        The same among those that the weak model gets wrong [1], lower where both fail on the same questions.
        By default ``strong_accuracy``: errors are independent, which flatters the cascade.

    Returns
    -------
    float or array
        It can be above both models: the judge keeps right answers that the strong one would have missed.

    Raises
    ------
    SpecError
        For a share outside 0 to 1, or when the shares given contradict.

    Examples
    --------
    >>> round(accuracy(0.6, 0.8, 0.9, 0.2), 3)
    0.844
    """
    on_failures = strong_accuracy if strong_where_weak_fails is None else strong_where_weak_fails
    p, strong, right, wrong, failed = take(
        "accuracy",
        weak_accuracy=(weak_accuracy, SHARE.known),
        strong_accuracy=(strong_accuracy, SHARE.known),
        accept_right=(accept_right, SHARE.known),
        accept_wrong=(accept_wrong, SHARE.known),
        strong_where_weak_fails=(on_failures, SHARE.known),
    )
    both = np.where(p > 0.0, strong - (1.0 - p) * failed, 0.0)  # share that each of the two gets right
    contradict = (both < -_ROUNDING) | (both > p + _ROUNDING)
    if contradict.any():
        right_is = "a share that leaves the strong model between 0 and 1 where the weak one is right"
        raise SpecError("strong_where_weak_fails", float(failed[contradict][0]), right_is, "accuracy")
    both = np.clip(both, 0.0, p)
    return plain(p * right + (1.0 - right) * both + (1.0 - p) * (1.0 - wrong) * failed)


@broadcasts(strong_share=SHARE.known, weak=NOT_NEGATIVE, strong=ABOVE_ZERO, router=NOT_NEGATIVE, judge=NOT_NEGATIVE)
def break_even_defer(
    strong_share: Numbers,
    weak: Numbers,
    strong: Numbers,
    router: Numbers = 0.0,
    judge: Numbers = 0.0,
) -> Any:
    """(R16) Share of deferrals below which a cascade is cheaper than a router [1].

    phi - (judge - router + phi weak)/strong: the cascade pays the weak call and the judge of those it defers, too.

    Parameters
    ----------
    strong_share : array
        Share phi that the router sends to the strong model [1].
    weak, strong, router, judge : array
        Cost of one request of each, in any unit; strong above 0.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a share outside 0 to 1, or a negative cost.

    Examples
    --------
    >>> round(break_even_defer(0.4, 1.0, 10.0), 6)
    0.36
    """
    return strong_share - (judge - router + strong_share * weak) / strong


@broadcasts(q=SHARE.known, defer=SHARE.known, weak_s=NOT_NEGATIVE, strong_s=NOT_NEGATIVE, judge_s=NOT_NEGATIVE)
def latency_quantile(
    q: Numbers,
    defer: Numbers,
    weak_s: Numbers,
    strong_s: Numbers,
    judge_s: Numbers = 0.0,
) -> Any:
    """(R11) Latency that a share q of the requests stays below in a cascade of two, each model taking one time [s].

    As `routing.latency_quantile`; a deferred request has waited for the weak model and the judge before.

    >>> latency_quantile(0.95, [0.04, 0.06], 1.0, 4.0, 0.25).tolist()
    [1.25, 5.25]
    """
    return weak_s + judge_s + np.where(q <= 1.0 - defer, 0.0, strong_s)
