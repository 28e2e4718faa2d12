"""Test-time compute: more samples for a better answer, and what they are worth. T1 to T13 of docs/test_time.md.

``p`` is the probability that one sample is right. Questions differ in it: `coverage_beta` and `majority_mixed` are the
same laws where they do. `allocation` and `tradeoffs` have T9 to T13, by the same names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, COUNT, F64, SHARE, Kind, Numbers, broadcasts, plain, take
from ..errors import SpecError
from ._common import bisect, special
from .allocation import Allocation, allocate, efficiency_gain
from .tradeoffs import exchange, flop_multiplier, growth

__all__ = [
    "Allocation",
    "allocate",
    "best_of",
    "coverage",
    "coverage_beta",
    "coverage_power_law",
    "efficiency_gain",
    "exchange",
    "fit_beta",
    "fit_power_law",
    "flop_multiplier",
    "growth",
    "majority",
    "majority_mixed",
    "plateau",
    "verified",
]

_SEVERAL = Kind("a whole number, at least 2", 2.0, whole=True).known
_ROUNDING = 1e-12  # sums of a few shares may be off by some 1e-16
_BELOW_ZERO = Kind("a finite number below 0", most=0.0, open_above=True).known


@broadcasts(p=SHARE.known, n=COUNT.known)
def coverage(p: Numbers, n: Numbers) -> Any:
    """(T1) Probability that at least one of n independent samples is right, 1 - (1 - p)^n [1].

    Parameters
    ----------
    p : array
        Probability that one sample is right [1].
    n : array
        Samples [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For p outside 0 to 1, or n that is not a whole number from 1.

    Examples
    --------
    If every issue of SWE-bench Lite were as hard as the mean one, 250 samples would solve them all; 56 % are measured.

    >>> round(coverage(0.159, 250), 6)
    1.0
    """
    return -np.expm1(n * np.log1p(-p))


@broadcasts(p=SHARE.known, n=COUNT.known, selection=SHARE.known)
def best_of(p: Numbers, n: Numbers, selection: Numbers = 1.0) -> Any:
    """(T2) Best of n: coverage times the share of the covered questions where a right sample is chosen [1].

    ``selection`` 1 is a perfect verifier (tests, a proof checker). Other parameters as in `coverage`.

    >>> round(best_of(0.5, 2, 0.8), 6)
    0.6
    """
    return np.asarray(coverage(p, n)) * selection


@broadcasts(a=ABOVE_ZERO, b=ABOVE_ZERO, n=COUNT.known)
def coverage_beta(a: Numbers, b: Numbers, n: Numbers) -> Any:
    """(T3) Coverage of n samples where p differs between questions as Beta(a, b): 1 - B(a, b + n)/B(a, b) [1].

    Parameters
    ----------
    a, b : array
        Parameters of the distribution, above 0; its mean a/(a + b) is the coverage of one sample. `fit_beta`.
    n : array
        Samples [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.
    TokenroofError
        When SciPy is missing.

    Examples
    --------
    Evenly spread p: n/(n + 1).

    >>> round(coverage_beta(1.0, 1.0, 9), 12)
    0.9
    """
    beta = special().betaln
    return -np.expm1(beta(a, b + n) - beta(a, b))


def fit_beta(one: Numbers, n: Numbers, many: Numbers) -> tuple[Any, Any]:
    """(T3) The Beta distribution of p that gives two published coverages.

    Parameters
    ----------
    one, many : array
        Coverage of one sample and of n samples [1], 0 < one < many < coverage of equal questions.
    n : array
        Samples of the second [1], at least 2.

    Returns
    -------
    (float, float) or (array, array)
        a and b.

    Raises
    ------
    SpecError
        When no distribution gives both.
    TokenroofError
        When SciPy is missing.

    Examples
    --------
    SWE-bench Lite: 15.9 % and 56 % of 250; most issues are nearly hopeless, some easy.

    >>> a, b = fit_beta(0.159, 250, 0.56)
    >>> round(a, 4), round(b, 4), round(coverage_beta(a, b, 250), 6)
    (0.122, 0.6454, 0.56)
    """
    mean, n, many = take("fit_beta", one=(one, SHARE.known), n=(n, _SEVERAL), many=(many, SHARE.known))
    most = np.asarray(coverage(mean, n))
    if np.any((mean <= 0) | (many <= mean) | (many >= most)):
        raise SpecError("one, n, many", (one, plain(n), many), "one < many < 1 - (1 - one)^n, all above 0")

    def misses(log_size: F64) -> F64:  # more alike questions (a larger a + b) cover more
        size = np.exp(log_size)
        missing: F64 = np.asarray(coverage_beta(mean * size, (1.0 - mean) * size, n)) - many
        return missing

    size = np.exp(bisect(misses, np.full(mean.shape, -40.0), np.full(mean.shape, 30.0)))
    return plain(mean * size), plain((1.0 - mean) * size)


@broadcasts(a=_BELOW_ZERO, b=_BELOW_ZERO, n=COUNT.known)
def coverage_power_law(a: Numbers, b: Numbers, n: Numbers) -> Any:
    """(T4) Coverage as an exponentiated power law, exp(a n^b), a and b below 0 [1].

    Parameters
    ----------
    a, b : array
        From `fit_power_law`; exp(a) is the coverage of one sample.
    n : array
        Samples [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    References
    ----------
    Brown et al.: Large Language Monkeys, section 3. arXiv:2407.21787

    Examples
    --------
    >>> round(coverage_power_law(-1.0, -0.5, 4), 6)  # exp(-1/2)
    0.606531
    """
    return np.exp(a * n**b)


def fit_power_law(one: Numbers, n: Numbers, many: Numbers) -> tuple[Any, Any]:
    """(T4) The power law through the coverage of one sample and of n; parameters as in `fit_beta`.

    >>> a, b = fit_power_law(0.159, 250, 0.56)
    >>> round(a, 4), round(b, 4), round(coverage_power_law(a, b, 250), 6)
    (-1.8389, -0.209, 0.56)
    """
    one, n, many = take("fit_power_law", one=(one, SHARE.known), n=(n, _SEVERAL), many=(many, SHARE.known))
    if np.any((one <= 0) | (many <= one) | (many >= 1)):
        raise SpecError("one, many", (plain(one), plain(many)), "0 < one < many < 1")
    a = np.log(one)
    return plain(a), plain(np.log(np.log(many) / a) / np.log(n))


@broadcasts(p=SHARE.known, n=COUNT.known)
def majority(p: Numbers, n: Numbers) -> Any:
    """(T5) Probability that more than half of n independent votes are right; half a tie counts [1].

    Parameters
    ----------
    p : array
        Probability that one vote is right [1]; all wrong votes agree, the worst case.
    n : array
        Votes [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.
    TokenroofError
        When SciPy is missing.

    Notes
    -----
    The binomial tail I_p(m, m), m = ceil(n/2): an even number of votes is worth as much as one less.

    References
    ----------
    Condorcet's theorem, 1785; NIST Handbook of Mathematical Functions, 8.17.5

    Examples
    --------
    >>> [round(majority(0.6, n), 5) for n in (1, 5, 11, 101)]
    [0.6, 0.68256, 0.7535, 0.9791]
    """
    m = np.ceil(0.5 * n)
    return special().betainc(m, m, p)


@broadcasts(p=SHARE.known, n=COUNT.known, always=SHARE.known, never=SHARE.known)
def majority_mixed(p: Numbers, n: Numbers, always: Numbers = 0.0, never: Numbers = 0.0) -> Any:
    """(T6) Majority vote where the errors of a question's votes correlate [1].

    Parameters
    ----------
    p : array
        Probability that one vote is right, over all questions [1].
    n : array
        Votes [1].
    always, never : array
        Shares of the questions that every vote gets right, and that every vote gets wrong in the same way [1]. Votes on
        the rest are independent, each right with (p - always)/(1 - always - never).

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range, or shares that p contradicts.
    TokenroofError
        When SciPy is missing.

    Examples
    --------
    >>> round(majority_mixed(0.6, 5), 5), round(majority_mixed(0.6, 5, always=0.4, never=0.3), 5)
    (0.68256, 0.63704)
    """
    rest, inner = _independent(p, always, never)
    return always + rest * np.asarray(majority(inner, n))


@broadcasts(p=SHARE.known, always=SHARE.known, never=SHARE.known)
def plateau(p: Numbers, always: Numbers = 0.0, never: Numbers = 0.0) -> Any:
    """(T7) What a majority of any number of votes tends to; parameters as in `majority_mixed` [1].

    The independent questions are all won if each vote on them is right more often than wrong, all lost if less often.

    >>> round(plateau(0.6, always=0.4, never=0.3), 3)
    0.7
    """
    rest, inner = _independent(p, always, never)
    return always + rest * (0.5 * (1.0 + np.sign(inner - 0.5)))


@broadcasts(p=SHARE.known, n=COUNT.known, accept_right=SHARE.known, accept_wrong=SHARE.known)
def verified(p: Numbers, n: Numbers, accept_right: Numbers, accept_wrong: Numbers) -> Any:
    """(T8) Search with an imperfect verifier: one of the accepted samples, or any where none is accepted [1].

    Parameters
    ----------
    p : array
        Probability that one sample is right [1].
    n : array
        Samples [1].
    accept_right, accept_wrong : array
        Shares of right and of wrong samples that the verifier accepts [1].

    Returns
    -------
    float or array
        Probability that the answer is right. More samples lead to p r/(p r + (1 - p) w), however many: false alarms set
        the ceiling (r, w: the two shares).

    Raises
    ------
    SpecError
        For a number outside of its range.

    Examples
    --------
    >>> verified(0.25, 1, 0.9, 0.1), verified(0.25, 64, 1.0, 0.0) == coverage(0.25, 64)
    (0.25, True)
    >>> round(verified(0.25, 10_000, 0.9, 0.1), 6)
    0.75
    """
    taken = p * accept_right + (1.0 - p) * accept_wrong
    any_taken = -np.expm1(n * np.log1p(-taken))
    precision = np.where(taken > 0, p * accept_right / taken, 0.0)
    left = np.where(taken < 1, p * (1.0 - accept_right) / (1.0 - taken), 0.0)
    return any_taken * precision + (1.0 - any_taken) * left


def _independent(p: F64, always: F64, never: F64) -> tuple[F64, F64]:
    """Share of the questions with independent votes, probability of a right vote there."""
    rest = 1.0 - always - never
    if np.any(rest < -_ROUNDING):  # 0.7 + 0.3 is 1, but for a bit
        raise SpecError("always + never", plain(always + never), "at most 1")
    rest = np.maximum(rest, 0.0)
    won = np.where(rest > 0.0, p - always, 0.0)
    if np.any((won < -_ROUNDING) | (won > rest + _ROUNDING)):
        raise SpecError("p", plain(p), "a share from always to 1 - never")
    inner = np.where(rest > 0.0, won / rest, 0.5)
    return rest, np.clip(inner, 0.0, 1.0)
