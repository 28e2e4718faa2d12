"""Counting machines: chips for a load, spares for failures, racks, chips of a power line, distance in time."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from ..amounts import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    BELOW_ONE,
    COUNT,
    F64,
    NOT_NEGATIVE,
    PORTION,
    WHOLE,
    Numbers,
    broadcasts,
)
from ..errors import SpecError

__all__ = [
    "availability",
    "chips_by_flops",
    "chips_by_power",
    "racks",
    "replica_availability",
    "replicas_for",
    "round_trip_s",
    "spares_for",
    "tokens_per_s_by_flops",
    "up_share",
]

_MOST_SPARES = 1_000_000
_FIBRE_M_PER_S = 2.0e8  # light in glass: two thirds of that in vacuum


@broadcasts(peak_flops=NOT_NEGATIVE, flop_per_token=ABOVE_ZERO, mfu=PORTION)
def tokens_per_s_by_flops(peak_flops: Numbers, flop_per_token: Numbers, mfu: Numbers = 1.0) -> Numbers:
    """(F26) Tokens that a chip makes if arithmetic alone decides [tokens/s]: C mfu / f.

    Parameters
    ----------
    peak_flops : Numbers
        Dense peak C [FLOP/s].
    flop_per_token : Numbers
        f, two for each active parameter [FLOP].
    mfu : Numbers
        Share of the peak that is reached [1]: 0.07 to 0.15 where decode at scale was published.

    Examples
    --------
    >>> tokens_per_s_by_flops(3e15, 3e9)
    1000000.0
    """
    return peak_flops * mfu / flop_per_token


@broadcasts(tokens_per_s=NOT_NEGATIVE, flop_per_token=NOT_NEGATIVE, peak_flops=ABOVE_ZERO, mfu=PORTION)
def chips_by_flops(tokens_per_s: Numbers, flop_per_token: Numbers, peak_flops: Numbers, mfu: Numbers = 1.0) -> Numbers:
    """(F27) Chips for an output if arithmetic alone decides [1], not rounded: T f / (C mfu).

    Memory, batches and limits on time are not in it: `fleet` has them. Arguments as (F26), T in [tokens/s].

    References
    ----------
    Liu et al., MobileLLM, appendix I, where "100 million chips" comes from. arXiv:2402.14905

    Examples
    --------
    One in twenty people at 50 tokens/s, 220e9 FLOP a token and 60 TFLOP/s, which prints 1e8. By its own formula it is
    fewer; with two FLOP for each of 280e9 active parameters and the chip's dense peak it is fewer still.

    >>> rate = 7.88e9 * 0.05 * 50
    >>> print(f"{chips_by_flops(rate, 220e9, 60e12):.3g} {chips_by_flops(rate, 2 * 280e9, 989.4e12):.3g}")
    7.22e+07 1.12e+07
    """
    return tokens_per_s * flop_per_token / (peak_flops * mfu)


@broadcasts(tokens_per_s=NOT_NEGATIVE, tokens_per_s_per_replica=ABOVE_ZERO, load=PORTION)
def replicas_for(tokens_per_s: Numbers, tokens_per_s_per_replica: Numbers, load: Numbers = 1.0) -> Numbers:
    """(F28) Replicas for an output [1]: ceil(T / (rate x load)).

    Parameters
    ----------
    tokens_per_s, tokens_per_s_per_replica : Numbers
        Output wanted, and of one replica in steady state [tokens/s].
    load : Numbers
        Share of that rate that is planned with [1]: what is left swallows bursts.

    Examples
    --------
    >>> replicas_for(22.9e6, 10e3), replicas_for(22.9e6, 10e3, 0.8)
    (2290.0, 2863.0)
    """
    return np.ceil(tokens_per_s / (tokens_per_s_per_replica * load))


@broadcasts(hours_between_failures=ABOVE_ZERO, hours_to_repair=NOT_NEGATIVE)
def up_share(hours_between_failures: Numbers, hours_to_repair: Numbers) -> Numbers:
    """(F29) Share of time that a chip is up [1]: MTBF / (MTBF + MTTR).

    Examples
    --------
    Training Llama 3, 16,384 H100 had 419 unexpected interruptions in 54 days (arXiv:2407.21783): 50,676 hours of a
    chip between two of them. A day to repair makes

    >>> round(up_share(16384 * 54 * 24 / 419, 24.0), 5)
    0.99953
    """
    return hours_between_failures / (hours_between_failures + hours_to_repair)


@broadcasts(chip_availability=PORTION, chips=COUNT)
def replica_availability(chip_availability: Numbers, chips: Numbers) -> Numbers:
    """(F30) Share of time that all chips of a replica are up [1]: a^chips. Large replicas fail often.

    >>> round(replica_availability(0.9999, 576), 3)
    0.944
    """
    return chip_availability**chips


def _log_terms(need: F64, one: F64, failures: int, term: F64) -> F64:
    """log of P(`failures` failures before the need-th success), from that of one failure less."""
    return term + np.log((need + failures - 1.0) / failures) + np.log1p(-one)


@broadcasts(need=COUNT, spare=WHOLE, one=PORTION)
def availability(need: Numbers, spare: Numbers, one: Numbers) -> Numbers:
    """(F31) Probability that at least ``need`` of ``need + spare`` replicas are up [1], failures independent.

    ``sum over i >= n of C(n+k, i) a^i (1-a)^(n+k-i)``, summed as at most k failures before the n-th success.

    Parameters
    ----------
    need, spare : Numbers
        n and k, whole [1].
    one : Numbers
        Share of time that one replica is up, a [1].

    Examples
    --------
    >>> [round(availability(16, spare, 0.99), 5) for spare in (0, 1, 2)]
    [0.85146, 0.98769, 0.99927]
    """
    need, spare, one = np.broadcast_arrays(need, spare, one)
    term = need * np.log(one)
    total = np.exp(term)
    for failures in range(1, int(np.nanmax(spare, initial=0.0)) + 1):
        term = _log_terms(need, one, failures, term)
        total = np.where(failures <= spare, total + np.exp(term), total)
    return np.minimum(total, 1.0)


@broadcasts(need=COUNT, one=PORTION, target=BELOW_ONE)
def spares_for(need: Numbers, one: Numbers, target: Numbers) -> Numbers:
    """(F32) Fewest spare replicas with which ``need`` are up with a probability of at least ``target`` [1], by (F31).

    Raises
    ------
    SpecError
        Where a million would not do: replicas are down most of the time.

    Examples
    --------
    >>> spares_for(16, 0.99, 0.999), spares_for(2286, 0.97, 0.999)
    (2.0, 99.0)
    """
    need, one, target = np.broadcast_arrays(need, one, target)
    if (hopeless := need * (1.0 - one) / one > _MOST_SPARES).any():  # more would be down in the mean
        _refuse(one[hopeless])
    term = need * np.log(one)
    total, spares = np.exp(term), np.zeros(need.shape)
    for failures in range(1, _MOST_SPARES + 1):
        short = total < target
        if not short.any():
            return spares
        term = _log_terms(need, one, failures, term)
        spares = np.where(short, failures, spares)
        total = np.where(short, total + np.exp(term), total)
    return _refuse(one[total < target])


def _refuse(one: F64) -> NoReturn:
    raise SpecError("one", float(one.min()), f"replicas up often enough for {_MOST_SPARES:,} spares", "spares_for")


@broadcasts(watts=NOT_NEGATIVE, watts_per_rack=ABOVE_ZERO)
def racks(watts: Numbers, watts_per_rack: Numbers = 40.8e3) -> Numbers:
    """(F33) Racks for machines that draw so much, before the PUE [1]: ceil(P / P_rack).

    The default is four servers of eight H100 at 10.2 kW.

    References
    ----------
    NVIDIA, DGX SuperPOD: Data Center Design Featuring DGX H100 Systems.

    Examples
    --------
    >>> racks(18_288 * 1275.0)
    572.0
    """
    return np.ceil(watts / watts_per_rack)


@broadcasts(site_watts=NOT_NEGATIVE, watts_per_chip=ABOVE_ZERO, pue=AT_LEAST_ONE)
def chips_by_power(site_watts: Numbers, watts_per_chip: Numbers, pue: Numbers = 1.0) -> Numbers:
    """(F34) Chips that a site's power is enough for, servers included in ``watts_per_chip`` [1].

    >>> round(chips_by_power(100e9, 1000.0))
    100000000
    """
    return np.floor(site_watts / (watts_per_chip * pue))


@broadcasts(distance_m=NOT_NEGATIVE, detour=AT_LEAST_ONE)
def round_trip_s(distance_m: Numbers, detour: Numbers = 1.0) -> Numbers:
    """(F35) Time of light in fibre to a far region and back [s]: it delays the first token, never those after it.

    Parameters
    ----------
    distance_m : Numbers
        As the crow flies [m].
    detour : Numbers
        Length of the fibre over that [1].

    Examples
    --------
    >>> round_trip_s(10e6)
    0.1
    """
    return 2.0 * distance_m * detour / _FIBRE_M_PER_S
