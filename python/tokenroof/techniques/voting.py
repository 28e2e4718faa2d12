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

from ..amounts import COUNT, F64, NOT_NEGATIVE, PORTION, SHARE, Kind, Numbers, broadcasts, plain, shape_of, take

__all__ = ["calls", "cost", "expected_votes", "k_min", "latency", "plain_success", "step_success", "success"]

_TARGET = Kind("a number above 0 and below 1", 0.0, 1.0, open_below=True, open_above=True).known


@broadcasts(p=SHARE.known, k=COUNT.known)
def step_success(p: Numbers, k: Numbers) -> Any:
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
    return np.exp(-_log1p_ratio(p, k))


@broadcasts(p=SHARE.known, k=COUNT.known, steps=COUNT.known, per_subtask=COUNT.known)
def success(p: Numbers, k: Numbers, steps: Numbers, per_subtask: Numbers = 1) -> Any:
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
    return np.exp(-steps / per_subtask * _log1p_ratio(p, k))


@broadcasts(p=SHARE.known, steps=COUNT.known)
def plain_success(p: Numbers, steps: Numbers) -> Any:
    """(V3) Probability that so many steps in a row come out right without votes, p^s [1].

    A step that fails once in a hundred is expected to fail first after 1/(1 - p) = 100 steps.

    >>> round(plain_success(0.99, 100), 3)
    0.366
    """
    return p**steps


@broadcasts(p=SHARE.known, steps=COUNT.known, target=_TARGET, per_subtask=COUNT.known)
def k_min(p: Numbers, steps: Numbers, target: Numbers = 0.95, per_subtask: Numbers = 1) -> Any:
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
    log_r = np.log1p(-p) - np.log(p)
    k = np.maximum(np.ceil(np.log(np.expm1(-np.log(target) * per_subtask / steps)) / log_r), 1.0)
    return np.where(p > 0.5, np.where(p == 1.0, 1.0, k), np.inf)


@broadcasts(p=SHARE.known, k=COUNT.known)
def expected_votes(p: Numbers, k: Numbers) -> Any:
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
    drift = 2.0 * p - 1.0
    votes = k * np.tanh(k * np.arctanh(drift)) / drift  # 1 - 2 r^k/(1 + r^k), and ln r = -2 artanh(2 p - 1)
    return np.where(drift == 0.0, k * k, votes)


@broadcasts(p=SHARE.known, k=COUNT.known, steps=COUNT.known, valid=PORTION.known, per_subtask=COUNT.known)
def calls(p: Numbers, k: Numbers, steps: Numbers, valid: Numbers = 1.0, per_subtask: Numbers = 1) -> Any:
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
    counted = valid * p ** (per_subtask - 1.0)
    return steps / per_subtask * np.asarray(expected_votes(p, k)) / counted


@broadcasts(
    p=SHARE.known,
    k=COUNT.known,
    steps=COUNT.known,
    output_tokens=NOT_NEGATIVE,
    usd_per_mtok_out=NOT_NEGATIVE,
    input_tokens=NOT_NEGATIVE,
    usd_per_mtok_in=NOT_NEGATIVE,
    valid=PORTION.known,
    per_subtask=COUNT.known,
)
def cost(
    p: Numbers,
    k: Numbers,
    steps: Numbers,
    *,
    output_tokens: Numbers,
    usd_per_mtok_out: Numbers,
    input_tokens: Numbers,
    usd_per_mtok_in: Numbers,
    valid: Numbers = 1.0,
    per_subtask: Numbers = 1,
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
    one = output_tokens * usd_per_mtok_out + input_tokens * usd_per_mtok_in
    return np.asarray(calls(p, k, steps, valid, per_subtask)) * one * 1e-6


def latency(
    p: Numbers,
    k: Numbers,
    steps: Numbers,
    call_s: Numbers,
    *,
    parallel: bool = True,
    valid: Numbers = 1.0,
    per_subtask: Numbers = 1,
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
    every = np.asarray(calls(p, k, steps, valid, per_subtask))
    s, m, one = take("latency", steps=(steps, COUNT), per_subtask=(per_subtask, COUNT), call_s=(call_s, NOT_NEGATIVE))
    shape = shape_of("latency", calls=every, call_s=one)
    return plain(np.broadcast_to((s / m if parallel else every) * one, shape))


def _log1p_ratio(p: F64, k: F64) -> F64:
    """ln(1 + r^k), r = (1 - p)/p, without overflow."""
    log_r = np.log1p(-p) - np.log(p)
    result: F64 = np.logaddexp(0.0, k * log_r)
    return result
