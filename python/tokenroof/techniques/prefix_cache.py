"""Prefix caching and offload: what it saves to keep a prompt's cache, and where. P1 to P9 of docs/prefix_cache.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SpecError
from ._numbers import F64, amount, bisect, plain, share

__all__ = [
    "blended_price",
    "break_even_bandwidth",
    "break_even_seconds",
    "hit_rates",
    "load_seconds",
    "paged_useful",
    "prefill_seconds",
    "recompute_seconds",
    "token_hit_rate",
    "zipf",
]


def prefill_seconds(whole_s: npt.ArrayLike, prefix_s: npt.ArrayLike, rest_s: npt.ArrayLike) -> Any:
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
    return plain(np.maximum(amount("whole_s", whole_s) - amount("prefix_s", prefix_s), amount("rest_s", rest_s)))


def token_hit_rate(hits: npt.ArrayLike, rates: npt.ArrayLike, tokens: npt.ArrayLike) -> Any:
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
    hit = share("hits", hits)
    weight = np.broadcast_to(amount("rates", rates) * amount("tokens", tokens), hit.shape)
    return plain((hit * weight).sum(-1) / weight.sum(-1))


def hit_rates(rates: npt.ArrayLike, sizes: npt.ArrayLike, capacity: float) -> F64:
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
    rate, size = np.broadcast_arrays(np.atleast_1d(amount("rates", rates)), amount("sizes", sizes))
    room = float(amount("capacity", capacity))
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
    weights = np.arange(1, count + 1, dtype=np.float64) ** -float(amount("exponent", exponent))
    return np.asarray(weights / weights.sum())


def blended_price(hit_rate: npt.ArrayLike, miss: npt.ArrayLike, hit: npt.ArrayLike) -> Any:
    """(P5) Mean price of an input token: (1 - h) miss + h hit, in the unit of the prices.

    DeepSeek-R1: 0.55 and 0.14 USD per million tokens, 56.3 % hits.

    >>> round(blended_price(342 / 608, 0.55, 0.14), 4)
    0.3194
    """
    h = share("hit_rate", hit_rate)
    return plain((1.0 - h) * amount("miss", miss) + h * amount("hit", hit))


def recompute_seconds(flops_per_token: npt.ArrayLike, flops_per_s: npt.ArrayLike) -> Any:
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
    return plain(amount("flops_per_token", flops_per_token) / amount("flops_per_s", flops_per_s, above=0.0))


def load_seconds(kv_bytes_per_token: npt.ArrayLike, bytes_per_s: npt.ArrayLike) -> Any:
    """(P7) Time to load the cache of one token from where it was put [s].

    Llama-3-70B over PCIe 5.0 x16 at 64 GB/s, in microseconds:

    >>> round(load_seconds(327_680, 64e9) * 1e6, 2)
    5.12
    """
    return plain(amount("kv_bytes_per_token", kv_bytes_per_token) / amount("bytes_per_s", bytes_per_s, above=0.0))


def break_even_bandwidth(
    kv_bytes_per_token: npt.ArrayLike, flops_per_token: npt.ArrayLike, flops_per_s: npt.ArrayLike
) -> Any:
    """(P7) Bandwidth below which computing a prefix anew is faster than loading it [B/s]: cache over (P6).

    >>> round(break_even_bandwidth(327_680, 2 * 70.55e9, 0.5 * 989e12) / 1e9, 2)
    1.15
    """
    return plain(
        amount("kv_bytes_per_token", kv_bytes_per_token) / np.asarray(recompute_seconds(flops_per_token, flops_per_s))
    )


def break_even_seconds(
    recompute_usd_per_token: npt.ArrayLike, kv_bytes_per_token: npt.ArrayLike, usd_per_byte_s: npt.ArrayLike
) -> Any:
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
    rent = amount("kv_bytes_per_token", kv_bytes_per_token, above=0.0)
    rent = rent * amount("usd_per_byte_s", usd_per_byte_s, above=0.0)
    return plain(amount("recompute_usd_per_token", recompute_usd_per_token) / rent)


def paged_useful(length: npt.ArrayLike, block: npt.ArrayLike) -> Any:
    """(P9) Share of a paged cache's memory that holds tokens, mean over the fill of the last block [1].

    Parameters
    ----------
    length, block : array
        Tokens of a live sequence, tokens of a block.

    Returns
    -------
    float or array
        length/(length + (block - 1)/2). A contiguous cache reserved for max_len tokens: length/max_len.

    Raises
    ------
    SpecError
        For a number below 1.

    References
    ----------
    Kwon et al.: PagedAttention. doi:10.1145/3600006.3613165

    Examples
    --------
    >>> round(paged_useful(200, 16), 4)  # vLLM measured 96.3 %
    0.9639
    """
    n = amount("length", length, least=1.0)
    return plain(n / (n + 0.5 * (amount("block", block, least=1.0) - 1.0)))
