"""Routing: each request goes to a weak or to a strong model before anything is generated. R1 to R11 of docs/routing.md.

A router is a curve: the share of requests sent to the strong model, and the part of the quality gap that this recovers.

References
----------
Ong et al.: RouteLLM. arXiv:2406.18665
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, F64, FINITE, NOT_NEGATIVE, SHARE, Kind, Numbers, broadcasts, checked, plain, take
from ..errors import SpecError, UnknownNameError
from ._common import bisect, facts, special

__all__ = [
    "affordable_router",
    "apgr",
    "break_even_share",
    "cost",
    "cpt",
    "fit_cpt",
    "latency",
    "latency_quantile",
    "pgr",
    "published",
    "quality",
    "saving",
    "saving_ratio",
]

_WITHIN = Kind("a share above 0 and below 1", 0.0, 1.0, open_below=True, open_above=True).known
_GAP = Kind("above 0: 80 % of the gap needs more strong answers than 50 %", 0.0, open_below=True)


@broadcasts(strong_share=SHARE.known, weak=NOT_NEGATIVE, strong=NOT_NEGATIVE, router=NOT_NEGATIVE)
def cost(strong_share: Numbers, weak: Numbers, strong: Numbers, router: Numbers = 0.0) -> Any:
    """(R1) Mean cost of a request: router + (1 - phi) weak + phi strong.

    Parameters
    ----------
    strong_share : array
        Share phi of the requests that the strong model answers [1].
    weak, strong, router : array
        Cost of one request at the weak model, at the strong one, and of deciding. Any unit, the same for all: USD,
        ``usd_per_mtok`` or ``joules_per_token`` of a sweep, FLOP.

    Returns
    -------
    float or array
        In that unit.

    Raises
    ------
    SpecError
        For a share outside 0 to 1, or a negative cost.

    Examples
    --------
    GPT-4 at 24.7 and Mixtral at 0.24 USD per million tokens, 13.4 % strong:

    >>> round(cost(0.134, 0.24, 24.7), 4)
    3.5176
    """
    return router + (1.0 - strong_share) * weak + strong_share * strong


@broadcasts(strong_share=SHARE.known, weak=NOT_NEGATIVE, strong=ABOVE_ZERO, router=NOT_NEGATIVE)
def saving(strong_share: Numbers, weak: Numbers, strong: Numbers, router: Numbers = 0.0) -> Any:
    """(R2) Share of the cost of always using the strong model that routing saves [1]; negative where it costs more.

    (1 - phi)(1 - weak/strong) - router/strong. Parameters as in `cost`, ``strong`` above 0.

    Hybrid LLM avoids up to 40 % of the calls; that is 40 % of the cost only where the weak model is free.

    >>> saving(0.6, 0.0, 1.0), round(saving(0.6, 0.25, 1.0), 3)
    (0.4, 0.3)
    """
    return (1.0 - strong_share) * (1.0 - weak / strong) - router / strong


@broadcasts(strong_share=SHARE.known, weak=NOT_NEGATIVE, strong=NOT_NEGATIVE, router=NOT_NEGATIVE, than=SHARE.known)
def saving_ratio(
    strong_share: Numbers,
    weak: Numbers,
    strong: Numbers,
    router: Numbers = 0.0,
    *,
    than: Numbers = 1.0,
) -> Any:
    """(R3) Cost of sending a share ``than`` to the strong model at random, over the cost with the router [1].

    Parameters
    ----------
    strong_share, weak, strong, router : array
        As in `cost`; the denominator must be above 0.
    than : array
        1: always the strong model. What a random router needs for the same quality, PGR itself if quality is linear:
        then the ratio says what the router knows. The two differ a lot, and printed ratios do not always say which.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a share outside 0 to 1, or a negative cost.

    Examples
    --------
    RouteLLM at half of the quality gap on MT-Bench: 7.0 times cheaper than GPT-4. A coin would need 49.03 % of the
    calls: 49.03/13.40 is the printed 3.66, a saving against the coin, in calls.

    >>> round(saving_ratio(0.134, 0.24, 24.7), 2), round(saving_ratio(0.134, 0.0, 1.0, than=0.4903), 2)
    (7.02, 3.66)
    """
    routed = checked("cost", cost(strong_share, weak, strong, router), ABOVE_ZERO, "saving_ratio")
    return ((1.0 - than) * weak + than * strong) / routed


@broadcasts(weak=NOT_NEGATIVE, strong=NOT_NEGATIVE, router=NOT_NEGATIVE)
def break_even_share(weak: Numbers, strong: Numbers, router: Numbers = 0.0) -> Any:
    """(R4) Share of strong answers above which routing costs more than always the strong model [1].

    1 - router/(strong - weak); below 0: no share pays. Parameters as in `cost`, with strong above weak.

    >>> break_even_share(0.24, 24.7, 0.2446)
    0.99
    """
    return 1.0 - router / checked("strong - weak", strong - weak, ABOVE_ZERO, "break_even_share")


@broadcasts(strong_share=SHARE.known, weak=NOT_NEGATIVE, strong=NOT_NEGATIVE)
def affordable_router(strong_share: Numbers, weak: Numbers, strong: Numbers) -> Any:
    """(R5) Most that a decision may cost before always the strong model is cheaper: (1 - phi)(strong - weak).

    Parameters and unit as in `cost`.

    >>> affordable_router(0.5, 1.0, 11.0)
    5.0
    """
    return (1.0 - strong_share) * (strong - weak)


@broadcasts(score=FINITE.known, weak_score=FINITE.known, strong_score=FINITE.known)
def pgr(score: Numbers, weak_score: Numbers, strong_score: Numbers) -> Any:
    """(R6) Performance gap recovered: (score - weak)/(strong - weak) [1].

    Parameters
    ----------
    score, weak_score, strong_score : array
        Quality of the routed pair and of each model alone, in any unit; the two models must differ.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        When both models are as good.

    Examples
    --------
    >>> pgr(8.8, 8.3, 9.3)
    0.5
    """
    gap = strong_score - weak_score
    if (gap == 0.0).any():
        raise SpecError("strong_score - weak_score", 0.0, "a gap between the two models: not 0", "pgr")
    return (score - weak_score) / gap


@broadcasts(strong_share=SHARE.known, a=ABOVE_ZERO, b=ABOVE_ZERO)
def quality(strong_share: Numbers, a: Numbers = 1.0, b: Numbers = 1.0) -> Any:
    """(R7) Gap recovered at a share of strong answers, by a curve of two parameters: the Beta distribution's [1].

    Parameters
    ----------
    strong_share : array
        Share phi of the requests that the strong model answers [1].
    a, b : array
        Parameters above 0, from `fit_cpt`. 1, 1: a coin.

    Returns
    -------
    float or array
        I_phi(a, b), from 0 at no strong answer to 1 at all of them.

    Raises
    ------
    SpecError
        For a number outside of its range.
    TokenroofError
        When SciPy is missing.

    Notes
    -----
    One parameter (phi^theta) is not enough: fitted to RouteLLM's APGR of 0.802 it says CPT50 = 6 % for a measured 13.4.

    Examples
    --------
    >>> quality(0.25), round(quality(0.134, *fit_cpt(0.134, 0.3131)), 6)
    (0.25, 0.5)
    """
    return special().betainc(a, b, strong_share)


@broadcasts(gap=SHARE.known, a=ABOVE_ZERO, b=ABOVE_ZERO)
def cpt(gap: Numbers, a: Numbers = 1.0, b: Numbers = 1.0) -> Any:
    """(R8) Call-performance threshold: least share of strong answers that recovers so much of the gap [1].

    The inverse of `quality`; parameters and errors as there.

    >>> cpt(0.8), round(cpt(0.8, *fit_cpt(0.134, 0.3131)), 6)
    (0.8, 0.3131)
    """
    return special().betaincinv(a, b, gap)


@broadcasts(a=ABOVE_ZERO, b=ABOVE_ZERO)
def apgr(a: Numbers = 1.0, b: Numbers = 1.0) -> Any:
    """(R9) Average gap recovered over all shares of strong answers: b/(a + b) [1]; 1/2 for a coin.

    Parameters as in `quality`. Examples: RouteLLM's router, fitted to its two thresholds; measured is 0.802.

    >>> apgr(), round(apgr(*fit_cpt(0.134, 0.3131)), 3)
    (0.5, 0.817)
    """
    return b / (a + b)


def fit_cpt(cpt50: Numbers, cpt80: Numbers) -> tuple[Any, Any]:
    """(R10) The curve of `quality` through two published thresholds.

    Parameters
    ----------
    cpt50, cpt80 : array
        Shares of strong answers that recover 50 and 80 % of the gap [1], 0 < cpt50 < cpt80 < 1.

    Returns
    -------
    (float, float) or (array, array)
        a and b.

    Raises
    ------
    SpecError
        When the thresholds are not in order, or no such curve goes through them.
    TokenroofError
        When SciPy is missing.

    Examples
    --------
    >>> [round(x, 3) for x in fit_cpt(0.5, 0.8)]  # a coin
    [1.0, 1.0]
    """
    low, high = take("fit_cpt", cpt50=(cpt50, _WITHIN), cpt80=(cpt80, _WITHIN))
    checked("cpt80 - cpt50", high - low, _GAP, "fit_cpt")
    beta = special()

    def b_of(a: F64) -> F64:
        """ln b with which half of the gap is recovered at cpt50; a larger b recovers more."""
        return bisect(lambda log_b: beta.betainc(a, np.exp(log_b), low) - 0.5, *_range(a))

    def rises(log_a: F64) -> F64:  # a narrower curve (larger a and b) recovers more between the thresholds
        missing: F64 = beta.betainc(np.exp(log_a), np.exp(b_of(np.exp(log_a))), high) - 0.8
        return missing

    log_a = bisect(rises, *_range(low))
    a, b = np.exp(log_a), np.exp(b_of(np.exp(log_a)))
    missed = np.maximum(np.abs(beta.betainc(a, b, low) - 0.5), np.abs(beta.betainc(a, b, high) - 0.8))
    if np.any(missed > 1e-6):  # the ends of the searched range were reached
        raise SpecError("cpt50, cpt80", (cpt50, cpt80), "two thresholds that a Beta curve can go through")
    return plain(a), plain(b)


def _range(like: F64) -> tuple[F64, F64]:
    """ln of the parameters looked at: 0.001 is all at both ends, a million a step of a thousandth in the middle."""
    return np.full_like(like, -7.0), np.full_like(like, 14.0)


def latency(strong_share: Numbers, weak_s: Numbers, strong_s: Numbers, router_s: Numbers = 0.0) -> Any:
    """(R1) Mean latency of a routed request [s]: `cost`, with times [s] for costs.

    The router's own time comes before each request, but no request waits for the weak model as in a cascade.

    >>> latency(0.5, 1.0, 4.0, 0.01)
    2.51
    """
    return cost(strong_share, weak_s, strong_s, router_s)


@broadcasts(q=SHARE.known, strong_share=SHARE.known, weak_s=NOT_NEGATIVE, strong_s=NOT_NEGATIVE, router_s=NOT_NEGATIVE)
def latency_quantile(
    q: Numbers,
    strong_share: Numbers,
    weak_s: Numbers,
    strong_s: Numbers,
    router_s: Numbers = 0.0,
) -> Any:
    """(R11) Latency that a share q of the requests stays below, each model taking one time [s].

    Parameters
    ----------
    q : array
        0.95 for the 95th percentile [1].
    strong_share, weak_s, strong_s, router_s : array
        As in `latency`; strong_s at least weak_s.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Examples
    --------
    The 95th percentile is the strong model's as soon as it answers more than one request in twenty.

    >>> latency_quantile(0.95, [0.04, 0.06], 1.0, 4.0, 0.25).tolist()
    [1.25, 4.25]
    """
    checked("strong_s - weak_s", strong_s - weak_s, NOT_NEGATIVE, "latency_quantile")
    return router_s + np.where(q <= 1.0 - strong_share, weak_s, strong_s)


def published(kind: str = "routers") -> dict[str, Any]:
    """Published ``"routers"``, their ``"overheads"``, ``"prices"`` and ``"cascades"``, each with its source.

    >>> published()["routellm-mt-bench"]["cpt50"], published("overheads")["bert"]["usd_per_million"]
    (0.134, 3.19)
    """
    known = {name: table for name, table in facts("routing").items() if name != "sources"}
    if kind not in known:
        raise UnknownNameError("kind", kind, known)
    table: dict[str, Any] = known[kind]
    return table
