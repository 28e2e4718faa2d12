"""Prefix caching and offload: what it saves to keep a prompt's cache, and where. P1 to P8 of docs/prefix_cache.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, F64, NOT_NEGATIVE, SHARE, Numbers, broadcasts, checked, plain, take
from ..errors import SpecError
from ._common import bisect

__all__ = [
    "blended_price",
    "break_even_bandwidth",
    "break_even_seconds",
    "hit_rates",
    "load_seconds",
    "prefill_seconds",
    "recompute_seconds",
    "token_hit_rate",
    "zipf",
]


@broadcasts(whole_s=NOT_NEGATIVE, prefix_s=NOT_NEGATIVE, rest_s=NOT_NEGATIVE)
def prefill_seconds(whole_s: Numbers, prefix_s: Numbers, rest_s: Numbers) -> Any:
    """(P1) Prefill of a prompt whose prefix is cached [s].

    Parameters
    ----------
    whole_s, prefix_s, rest_s : array
        ``ttft_s`` of the core at the length of the prompt, of its cached prefix, and of what is left [s].

    Returns
    -------
    float or array
        max(whole - prefix, rest): what is left attends to the prefix, too, and takes no less time than alone.

    Raises
    ------
    SpecError
        For a negative time.

    Notes
    -----
    Exact where arithmetic decides, for work adds up token by token. Where reading weights decides (less than some 300
    tokens are left) it is the time of reading them once, without the prefix's cache: low by that read.

    Examples
    --------
    >>> prefill_seconds(1.0, 0.75, 0.125), prefill_seconds(1.0, 0.99, 0.02)
    (0.25, 0.02)
    """
    return np.maximum(whole_s - prefix_s, rest_s)


def token_hit_rate(hits: Numbers, rates: Numbers, tokens: Numbers) -> Any:
    """(P2) Share of all prompt tokens that a cache has [1].

    Parameters
    ----------
    hits, rates, tokens : array, (..., prefixes)
        Hit rate [1], requests per second and length [tokens] of each prefix.

    Returns
    -------
    float or array, (...)

    Raises
    ------
    SpecError
        For a number outside of its range.

    Examples
    --------
    DeepSeek's day: 342 of 608 thousand million input tokens came from its cache on disk.

    >>> round(token_hit_rate([1.0, 0.0], 1.0, [342e9, 266e9]), 4)
    0.5625
    """
    hit, rate, size = take(
        "token_hit_rate", hits=(hits, SHARE.known), rates=(rates, NOT_NEGATIVE), tokens=(tokens, NOT_NEGATIVE)
    )
    weight = rate * size
    return plain((hit * weight).sum(-1) / weight.sum(-1))


def hit_rates(rates: Numbers, sizes: Numbers, capacity: float) -> F64:
    """(P3) Hit rate of each prefix in a cache that drops the least recently used, by Che's approximation [1].

    Parameters
    ----------
    rates : array, (prefixes)
        Requests for each, independent of each other [1/s, or any unit].
    sizes : array, (prefixes) or one number
        Of each, in tokens or bytes.
    capacity : float
        Of the cache, in the same unit.

    Returns
    -------
    array, (prefixes)
        1 - exp(-rate t) with the t at which the prefixes asked for in t fill the cache.

    Raises
    ------
    SpecError
        For a negative number.

    References
    ----------
    Che, Tung, Wang, IEEE JSAC 20:1305, 2002. doi:10.1109/JSAC.2002.801752

    Examples
    --------
    >>> hit_rates([4.0, 1.0, 1.0], 100.0, 150.0).round(3).tolist()
    [0.814, 0.343, 0.343]
    """
    rate, size = np.atleast_1d(*take("hit_rates", rates=(rates, NOT_NEGATIVE.known), sizes=(sizes, NOT_NEGATIVE.known)))
    room = float(checked("capacity", capacity, NOT_NEGATIVE.known, "hit_rates"))
    asked = rate > 0
    if room >= float((size * asked).sum()):
        return asked.astype(np.float64)

    def overfull(log_t: F64) -> F64:
        return np.asarray(-(size * np.expm1(-rate * np.exp(log_t))).sum() - room, dtype=np.float64)

    scale = -np.log(rate[asked].max())  # t in units of the most popular prefix's time between two requests
    hits: F64 = -np.expm1(-rate * np.exp(bisect(overfull, scale - 700.0, scale + 700.0)))
    return hits


def zipf(count: int, exponent: float = 1.0) -> F64:
    """(P4) Popularity of so many prefixes that falls as rank^-exponent; adds up to 1 [1].

    >>> zipf(3).round(4).tolist()
    [0.5455, 0.2727, 0.1818]
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SpecError("count", count, "a whole number of prefixes, at least 1")
    weights = np.arange(1, count + 1, dtype=np.float64) ** -float(
        checked("exponent", exponent, NOT_NEGATIVE.known, "zipf")
    )
    return np.asarray(weights / weights.sum())


@broadcasts(hit_rate=SHARE.known, miss=NOT_NEGATIVE, hit=NOT_NEGATIVE)
def blended_price(hit_rate: Numbers, miss: Numbers, hit: Numbers) -> Any:
    """(P5) Mean price of an input token: (1 - h) miss + h hit, in the unit of the prices.

    DeepSeek-R1: 0.55 and 0.14 USD per million tokens, 56.3 % hits.

    >>> round(blended_price(342 / 608, 0.55, 0.14), 4)
    0.3194
    """
    return (1.0 - hit_rate) * miss + hit_rate * hit


@broadcasts(flops_per_token=NOT_NEGATIVE, flops_per_s=ABOVE_ZERO)
def recompute_seconds(flops_per_token: Numbers, flops_per_s: Numbers) -> Any:
    """(P6) Time to make the cache of one token anew [s].

    Parameters
    ----------
    flops_per_token : array
        2 N, or ``Model.flops_per_token`` and the context's [FLOP].
    flops_per_s : array
        Peak times the share of it that prefill reaches [FLOP/s].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a negative number.

    Examples
    --------
    Llama-3-70B at half of an H100's bf16 peak, in microseconds:

    >>> round(recompute_seconds(2 * 70.55e9, 0.5 * 989e12) * 1e6)
    285
    """
    return flops_per_token / flops_per_s


@broadcasts(kv_bytes_per_token=NOT_NEGATIVE, bytes_per_s=ABOVE_ZERO)
def load_seconds(kv_bytes_per_token: Numbers, bytes_per_s: Numbers) -> Any:
    """(P7) Time to load the cache of one token from where it was put [s].

    Llama-3-70B over PCIe 5.0 x16 at 64 GB/s, in microseconds:

    >>> round(load_seconds(327_680, 64e9) * 1e6, 2)
    5.12
    """
    return kv_bytes_per_token / bytes_per_s


@broadcasts(kv_bytes_per_token=NOT_NEGATIVE, flops_per_token=NOT_NEGATIVE, flops_per_s=ABOVE_ZERO)
def break_even_bandwidth(kv_bytes_per_token: Numbers, flops_per_token: Numbers, flops_per_s: Numbers) -> Any:
    """(P7) Bandwidth below which computing a prefix anew is faster than loading it [B/s]: cache over (P6).

    >>> round(break_even_bandwidth(327_680, 2 * 70.55e9, 0.5 * 989e12) / 1e9, 2)
    1.15
    """
    return kv_bytes_per_token / (flops_per_token / flops_per_s)


@broadcasts(recompute_usd_per_token=NOT_NEGATIVE, kv_bytes_per_token=ABOVE_ZERO, usd_per_byte_s=ABOVE_ZERO)
def break_even_seconds(recompute_usd_per_token: Numbers, kv_bytes_per_token: Numbers, usd_per_byte_s: Numbers) -> Any:
    """(P8) Time between two uses of a prefix beyond which keeping it costs more than making it anew [s].

    Parameters
    ----------
    recompute_usd_per_token : array
        Cost of the prefill of one token [USD].
    kv_bytes_per_token : array
        Its cache [B].
    usd_per_byte_s : array
        Rent of a byte of storage for a second [USD/(B s)], above 0.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a negative number.

    References
    ----------
    The five-minute rule: Gray, Putzolu, SIGMOD 1987. doi:10.1145/38713.38755

    Examples
    --------
    0.2 USD per million tokens, 70 kB, a disk at 0.1 USD per GB and month: 21 hours.

    >>> round(break_even_seconds(0.2e-6, 70_272, 0.1 / 1e9 / (730.5 * 3600)) / 3600)
    21
    """
    return recompute_usd_per_token / (kv_bytes_per_token * usd_per_byte_s)
