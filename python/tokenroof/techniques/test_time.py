"""Test-time compute: more samples for a better answer, and what they are worth. T1 to T13 of docs/test_time.md.

``p`` is the probability that one sample is right. Questions differ in it: `coverage_beta` and `majority_mixed` are the
same laws where they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SpecError
from ._numbers import F64, amount, bisect, number, plain, share, special, whole

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


def coverage(p: npt.ArrayLike, n: npt.ArrayLike) -> Any:
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
    p, n = share("p", p), whole("n", n)
    with np.errstate(divide="ignore"):
        return plain(-np.expm1(n * np.log1p(-p)))


def best_of(p: npt.ArrayLike, n: npt.ArrayLike, selection: npt.ArrayLike = 1.0) -> Any:
    """(T2) Best of n: coverage times the share of the covered questions where a right sample is chosen [1].

    ``selection`` 1 is a perfect verifier (tests, a proof checker). Other parameters as in `coverage`.

    >>> round(best_of(0.5, 2, 0.8), 6)
    0.6
    """
    return plain(np.asarray(coverage(p, n)) * share("selection", selection))


def coverage_beta(a: npt.ArrayLike, b: npt.ArrayLike, n: npt.ArrayLike) -> Any:
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
    a, b = amount("a", a, above=0.0), amount("b", b, above=0.0)
    return plain(-np.expm1(beta(a, b + whole("n", n)) - beta(a, b)))


def fit_beta(one: npt.ArrayLike, n: npt.ArrayLike, many: npt.ArrayLike) -> tuple[Any, Any]:
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
    mean, n, many = np.broadcast_arrays(share("one", one), whole("n", n, 2), share("many", many))
    most = np.asarray(coverage(mean, n))
    if np.any((mean <= 0) | (many <= mean) | (many >= most)):
        raise SpecError("one, n, many", (one, plain(n), many), "one < many < 1 - (1 - one)^n, all above 0")

    def misses(log_size: F64) -> F64:  # more alike questions (a larger a + b) cover more
        size = np.exp(log_size)
        missing: F64 = np.asarray(coverage_beta(mean * size, (1.0 - mean) * size, n)) - many
        return missing

    size = np.exp(bisect(misses, np.full(mean.shape, -40.0), np.full(mean.shape, 30.0)))
    return plain(mean * size), plain((1.0 - mean) * size)


def coverage_power_law(a: npt.ArrayLike, b: npt.ArrayLike, n: npt.ArrayLike) -> Any:
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
    below = "a finite number below 0", lambda x: (x < 0) & (x > -np.inf)
    return plain(np.exp(number("a", a, *below) * whole("n", n) ** number("b", b, *below)))


def fit_power_law(one: npt.ArrayLike, n: npt.ArrayLike, many: npt.ArrayLike) -> tuple[Any, Any]:
    """(T4) The power law through the coverage of one sample and of n; parameters as in `fit_beta`.

    >>> a, b = fit_power_law(0.159, 250, 0.56)
    >>> round(a, 4), round(b, 4), round(coverage_power_law(a, b, 250), 6)
    (-1.8389, -0.209, 0.56)
    """
    one, n, many = share("one", one), whole("n", n, 2), share("many", many)
    if np.any((one <= 0) | (many <= one) | (many >= 1)):
        raise SpecError("one, many", (plain(one), plain(many)), "0 < one < many < 1")
    a = np.log(one)
    return plain(a), plain(np.log(np.log(many) / a) / np.log(n))


def majority(p: npt.ArrayLike, n: npt.ArrayLike) -> Any:
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
    m = np.ceil(0.5 * whole("n", n))
    return plain(special().betainc(m, m, share("p", p)))


def majority_mixed(p: npt.ArrayLike, n: npt.ArrayLike, always: npt.ArrayLike = 0.0, never: npt.ArrayLike = 0.0) -> Any:
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
    always, rest, inner = _mixture(p, always, never)
    return plain(always + rest * np.asarray(majority(inner, n)))


def plateau(p: npt.ArrayLike, always: npt.ArrayLike = 0.0, never: npt.ArrayLike = 0.0) -> Any:
    """(T7) What a majority of any number of votes tends to; parameters as in `majority_mixed` [1].

    The independent questions are all won if each vote on them is right more often than wrong, all lost if less often.

    >>> round(plateau(0.6, always=0.4, never=0.3), 3)
    0.7
    """
    always, rest, inner = _mixture(p, always, never)
    return plain(always + rest * (0.5 * (1.0 + np.sign(inner - 0.5))))


def verified(p: npt.ArrayLike, n: npt.ArrayLike, accept_right: npt.ArrayLike, accept_wrong: npt.ArrayLike) -> Any:
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
    p, n = share("p", p), whole("n", n)
    right, wrong = share("accept_right", accept_right), share("accept_wrong", accept_wrong)
    taken = p * right + (1.0 - p) * wrong
    with np.errstate(divide="ignore", invalid="ignore"):
        any_taken = -np.expm1(n * np.log1p(-taken))
        precision = np.where(taken > 0, p * right / taken, 0.0)
        left = np.where(taken < 1, p * (1.0 - right) / (1.0 - taken), 0.0)
    return plain(any_taken * precision + (1.0 - any_taken) * left)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Samples for each class of questions, and what they bring."""

    samples: F64  #: of each class of difficulty [samples per question]
    mean_samples: float  #: over all questions
    success: float  #: share of all questions [1]
    uniform: float  #: the same with as many samples, rounded down, for each question


def allocate(success: npt.ArrayLike, weights: npt.ArrayLike, budget: float) -> Allocation:
    """(T9) The best split of a mean number of samples over questions of different difficulty.

    Parameters
    ----------
    success : array, (classes, most samples)
        Share of right answers of each class with 1, 2, 3 ... samples [1], none with no sample, e.g. `coverage` of a
        column of p; any curve that does not fall. Several strategies: their maximum.
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

    >>> curves = coverage([[0.9], [0.1]], range(1, 101))
    >>> best = allocate(curves, [1, 1], 16)
    >>> best.samples.tolist(), round(best.success, 4), round(best.uniform, 4)
    ([3.0, 29.0], 0.9759, 0.9073)
    """
    curves = np.atleast_2d(share("success", success))
    part = np.atleast_1d(amount("weights", weights))
    mean = float(amount("budget", budget))
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
    return [
        (float(curve[end] - curve[start]) / (end - start), end)
        for start, end in zip(corners, corners[1:], strict=False)
    ]


def efficiency_gain(baseline: npt.ArrayLike, optimal: npt.ArrayLike, estimation: npt.ArrayLike = 0.0) -> Any:
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
    spent = amount("optimal", optimal, above=0.0) + amount("estimation", estimation)
    return plain(amount("baseline", baseline, above=0.0) / spent)


def flop_multiplier(parameters: npt.ArrayLike, inference_to_training: npt.ArrayLike) -> Any:
    """(T11) Inference compute that a small model may spend for the FLOP of a larger one, per answer of its own [1].

    Parameters
    ----------
    parameters : array
        Parameters of the larger model over those of the smaller, M [1], at least 1.
    inference_to_training : array
        Tokens generated in the models' life over tokens trained on, R [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    6 M N D + 2 M N I = 6 N D + 2 N I x with R = I/D: x = M + 3 (M - 1)/R. It says what may be spent, not what it
    buys: on easy and medium questions at R << 1 that beats the larger model, on hard ones or at R >> 1 it does not.

    References
    ----------
    Snell et al., section 7. arXiv:2408.03314

    Examples
    --------
    >>> [round(x, 2) for x in flop_multiplier(14, [0.16, 0.79, 22]).tolist()]
    [257.75, 63.37, 15.77]
    """
    m = amount("parameters", parameters, least=1.0)
    return plain(m + 3.0 * (m - 1.0) / amount("inference_to_training", inference_to_training, above=0.0))


def exchange(training_oom: npt.ArrayLike, cheap_verification: bool = False) -> tuple[Any, Any]:
    """(T12) Orders of magnitude of inference compute that replace some of training compute: least and most.

    Parameters
    ----------
    training_oom : array
        Orders of magnitude saved in training, 0 to 2, or to 4 with cheap verification.
    cheap_verification : bool
        Whether answers can be checked at next to no cost (tests, proofs).

    Returns
    -------
    (float, float) or (array, array)
        Linear between what was found: 1 for 1 to 2, 2 for 2 to 3; with verification 3 to 4 for 5 to 6.

    Raises
    ------
    SpecError
        Beyond what was found.

    References
    ----------
    Villalobos, Atkinson: Trading off compute in training and inference. Epoch AI, 2023.
    https://epoch.ai/publications/trading-off-compute-in-training-and-inference

    Examples
    --------
    >>> exchange(1), exchange(2), exchange(3.5, cheap_verification=True)
    ((1.0, 2.0), (2.0, 3.0), (5.0, 6.0))
    """
    most = 4.0 if cheap_verification else 2.0
    saved = number("training_oom", training_oom, f"a number from 0 to {most:g}", lambda x: (x >= 0) & (x <= most))
    at, least, high = [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 2.0, 3.0]
    if cheap_verification:
        at, least, high = [*at, 3.0, 4.0], [*least, 5.0, 5.0], [*high, 6.0, 6.0]
    return plain(np.interp(saved, at, least)), plain(np.interp(saved, at, high))


def growth(per_year: npt.ArrayLike, years: npt.ArrayLike) -> Any:
    """(T13) Growth over some years at a constant factor a year [1].

    Lengths of answers grow 5 times a year where models reason, 2.2 times where not (Epoch AI, 2025,
    https://epoch.ai/data-insights/output-length).

    >>> growth([5.0, 2.2], 2).round(2).tolist()
    [25.0, 4.84]
    """
    factor = amount("per_year", per_year, above=0.0)
    return plain(factor ** number("years", years, "a finite number", np.isfinite))


def _mixture(p: npt.ArrayLike, always: npt.ArrayLike, never: npt.ArrayLike) -> tuple[F64, F64, F64]:
    """Share always right, share with independent votes, probability of a right vote there."""
    p, always, never = np.broadcast_arrays(share("p", p), share("always", always), share("never", never))
    rest = 1.0 - always - never
    if np.any(rest < -1e-12):  # 0.7 + 0.3 is 1, but for a bit
        raise SpecError("always + never", plain(always + never), "at most 1")
    rest = np.maximum(rest, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(rest > 0, (p - always) / rest, 0.5)
    if np.any((inner < -1e-9) | (inner > 1 + 1e-9)):
        raise SpecError("p", plain(p), "a share from always to 1 - never")
    return always, rest, np.clip(inner, 0.0, 1.0)
