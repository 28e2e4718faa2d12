"""Decomposition and voting (MAKER): a task of s steps, each voted on until one answer leads by k votes.

Votes are independent; a wrong vote always goes to the same wrong answer, the worst case, so that a vote is a step of a
random walk between -k and k. Formulas V1 to V7 of docs/voting.md.

References
----------
Meyerson et al.: Solving a Million-Step LLM Task with Zero Errors. arXiv:2511.09030
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._numbers import F64, amount, number, plain, share, whole

__all__ = ["calls", "cost", "expected_votes", "k_min", "latency", "plain_success", "step_success", "success"]


def step_success(p: npt.ArrayLike, k: npt.ArrayLike) -> Any:
    """(V1) Probability that the right answer is the first to lead by k votes [1].

    Parameters
    ----------
    p : array
        Probability that one vote is right [1].
    k : array
        Votes by which an answer must lead [1].

    Returns
    -------
    float or array
        Of the broadcast shape.

    Raises
    ------
    SpecError
        For p outside 0 to 1, or k that is not a whole number from 1.

    Notes
    -----
    1/(1 + r^k) with r = (1 - p)/p: the gambler's ruin between -k and k.

    References
    ----------
    Feller: An Introduction to Probability Theory and Its Applications I, XIV.2; arXiv:2511.09030

    Examples
    --------
    >>> step_success(0.9, 1), round(step_success(0.9, 2), 6)
    (0.9, 0.987805)
    """
    p, k = share("p", p), whole("k", k)
    return plain(np.exp(-_log1p_ratio(p, k)))


def success(p: npt.ArrayLike, k: npt.ArrayLike, steps: npt.ArrayLike, per_subtask: npt.ArrayLike = 1) -> Any:
    """(V2) Probability that all of a task's steps come out right [1].

    Parameters
    ----------
    p : array
        Probability that one vote gets one step right [1].
    k : array
        Votes by which an answer must lead [1].
    steps : array
        Steps s of the task [1].
    per_subtask : array
        Steps m that one call makes [1]; 1 is the finest decomposition.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    (1 + r^k)^(-s/m), r = (1 - p)/p. Calls of m steps are wrong in one of them at the worst, so that r stays that of a
    step.

    Examples
    --------
    A million steps at 99.78 % each: three votes ahead suffice, two do not.

    >>> round(success(0.9978, 3, 1_048_575), 4), round(success(0.9978, 2, 1_048_575), 4)
    (0.9888, 0.0061)
    """
    p, k, steps, per_subtask = share("p", p), whole("k", k), whole("steps", steps), whole("per_subtask", per_subtask)
    return plain(np.exp(-steps / per_subtask * _log1p_ratio(p, k)))


def plain_success(p: npt.ArrayLike, steps: npt.ArrayLike) -> Any:
    """(V3) Probability that so many steps in a row come out right without votes, p^s [1].

    A step that fails once in a hundred is expected to fail first after 1/(1 - p) = 100 steps.

    >>> round(plain_success(0.99, 100), 3)
    0.366
    """
    return plain(share("p", p) ** whole("steps", steps))


def k_min(p: npt.ArrayLike, steps: npt.ArrayLike, target: npt.ArrayLike = 0.95, per_subtask: npt.ArrayLike = 1) -> Any:
    """(V4) Least lead k with which a task of s steps succeeds with probability ``target`` [votes].

    Parameters
    ----------
    p : array
        Probability that one vote gets one step right [1].
    steps, per_subtask : array
        Steps s of the task, steps m of one call [1].
    target : array
        Probability t of a task without error [1], above 0 and below 1.

    Returns
    -------
    float or array
        Whole numbers; ``inf`` where p is at most one half: there no number of votes is enough.

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    ceil(ln(t^(-m/s) - 1)/ln((1 - p)/p)), at least 1: it grows as ln s. Where rounding decides, `success` does.

    Examples
    --------
    >>> k_min([0.6429, 0.996, 0.9978], 1_048_575).tolist()
    [29.0, 4.0, 3.0]
    """
    p, steps, per_subtask = share("p", p), whole("steps", steps), whole("per_subtask", per_subtask)
    target = number("target", target, "a number above 0 and below 1", lambda x: (x > 0) & (x < 1))
    p, steps, per_subtask, target = np.broadcast_arrays(p, steps, per_subtask, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_r = np.log1p(-p) - np.log(p)
        k = np.maximum(np.ceil(np.log(np.expm1(-np.log(target) * per_subtask / steps)) / log_r), 1.0)
    return plain(np.where(p > 0.5, np.where(p == 1.0, 1.0, k), np.inf))


def expected_votes(p: npt.ArrayLike, k: npt.ArrayLike) -> Any:
    """(V5) Mean votes until one answer leads by k, exactly [votes].

    Parameters
    ----------
    p, k : array
        As in `step_success`.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    k (1 - 2 r^k/(1 + r^k))/(2 p - 1), r = (1 - p)/p: Wald's identity; k^2 at p = 1/2. MAKER's own cost leaves the
    bracket out, which is 1 where success is near certain.

    References
    ----------
    Feller I, XIV.3; arXiv:2511.09030

    Examples
    --------
    >>> round(expected_votes(0.9978, 3), 3), expected_votes(0.5, 3), expected_votes(1.0, 3)
    (3.013, 9.0, 3.0)
    """
    p, k = share("p", p), whole("k", k)
    p, k = np.broadcast_arrays(p, k)
    drift = 2.0 * p - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        votes = k * np.tanh(k * np.arctanh(drift)) / drift  # 1 - 2 r^k/(1 + r^k), and ln r = -2 artanh(2 p - 1)
    return plain(np.where(drift == 0.0, k * k, votes))


def calls(
    p: npt.ArrayLike, k: npt.ArrayLike, steps: npt.ArrayLike, valid: npt.ArrayLike = 1.0, per_subtask: npt.ArrayLike = 1
) -> Any:
    """(V6) Calls to the model for the whole task [calls]: (s/m) E[votes]/(v p^(m - 1)).

    Parameters
    ----------
    p, k, steps, per_subtask : array
        As in `success`.
    valid : array
        Share v of the answers that can be read and are not discarded [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    In the worst case an answer of m steps counts for the right one (p^m) or for its rival (p^(m - 1) (1 - p)); all
    others, 1 - p^(m - 1), are votes for answers that nobody else gives. Cost is thus exponential in m, and m = 1 best.

    Examples
    --------
    >>> round(calls(0.9978, 3, 1_048_575))
    3159627
    """
    return plain(_calls(p, k, steps, valid, per_subtask))


def cost(
    p: npt.ArrayLike,
    k: npt.ArrayLike,
    steps: npt.ArrayLike,
    *,
    output_tokens: npt.ArrayLike,
    usd_per_mtok_out: npt.ArrayLike,
    input_tokens: npt.ArrayLike,
    usd_per_mtok_in: npt.ArrayLike,
    valid: npt.ArrayLike = 1.0,
    per_subtask: npt.ArrayLike = 1,
) -> Any:
    """(V6) Cost of the whole task [USD]: calls times what one call's input and output cost.

    Parameters
    ----------
    p, k, steps, valid, per_subtask : array
        As in `calls`.
    output_tokens, input_tokens : array
        Of one call [tokens]. Each vote reads the whole prompt again: leaving it out is 12 to 31 % low for MAKER.
    usd_per_mtok_out, usd_per_mtok_in : array
        Prices [USD per million tokens]: what an interface asks, or ``usd_per_mtok`` of a sweep.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Examples
    --------
    gpt-4.1-mini on the towers of Hanoi with 20 discs, as MAKER did it, for 3,500 dollars:

    >>> round(cost(0.9978, 3, 1_048_575, output_tokens=538, usd_per_mtok_out=1.6, input_tokens=600,
    ...            usd_per_mtok_in=0.4))
    3478
    """
    one = amount("output_tokens", output_tokens) * amount("usd_per_mtok_out", usd_per_mtok_out)
    one = one + amount("input_tokens", input_tokens) * amount("usd_per_mtok_in", usd_per_mtok_in)
    return plain(_calls(p, k, steps, valid, per_subtask) * one * 1e-6)


def latency(
    p: npt.ArrayLike,
    k: npt.ArrayLike,
    steps: npt.ArrayLike,
    call_s: npt.ArrayLike,
    *,
    parallel: bool = True,
    valid: npt.ArrayLike = 1.0,
    per_subtask: npt.ArrayLike = 1,
) -> Any:
    """(V7) Time of the whole task [s]: steps wait for each other, whatever votes do.

    Parameters
    ----------
    p, k, steps, valid, per_subtask : array
        As in `calls`.
    call_s : array
        One call [s]: ``e2e_s`` of a point or sweep at the prompt's and answer's lengths.
    parallel : bool
        Whether enough votes for a decision are cast at the same time: (s/m) calls in a row, the least there can be.
        Otherwise votes follow one another: the most.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Examples
    --------
    A million steps of 2 s are 24 days, however many chips vote.

    >>> round(latency(0.9978, 3, 1_048_575, 2.0) / 86400, 1)
    24.3
    """
    call_s = amount("call_s", call_s)
    calls = _calls(p, k, steps, valid, per_subtask)
    if parallel:
        calls = np.broadcast_to(whole("steps", steps) / whole("per_subtask", per_subtask), calls.shape)
    return plain(calls * call_s)


def _calls(p: npt.ArrayLike, k: npt.ArrayLike, steps: npt.ArrayLike, valid: npt.ArrayLike, m: npt.ArrayLike) -> F64:
    valid = number("valid", valid, "a number above 0, at most 1", lambda x: (x > 0) & (x <= 1))
    p, steps, m = share("p", p), whole("steps", steps), whole("per_subtask", m)
    with np.errstate(divide="ignore"):
        counted = valid * p ** (m - 1.0)
        calls: F64 = steps / m * np.asarray(expected_votes(p, k)) / counted
    return calls


def _log1p_ratio(p: F64, k: F64) -> F64:
    """ln(1 + r^k), r = (1 - p)/p, without overflow."""
    with np.errstate(divide="ignore"):
        log_r: F64 = np.log1p(-p) - np.log(p)
    result: F64 = np.logaddexp(0.0, k * log_r)
    return result
