"""Cache memory of many sequences at once: how much of it a chip needs, and how much of what is reserved is used."""

from __future__ import annotations

from ..amounts import ABOVE_ZERO, BELOW_ONE, COUNT, NOT_NEGATIVE, Numbers, broadcasts

__all__ = ["cache_bytes_per_chip", "paged_share", "reserved_share"]


@broadcasts(sequences=NOT_NEGATIVE, context=NOT_NEGATIVE, bytes_per_token=NOT_NEGATIVE, chips=ABOVE_ZERO)
def cache_bytes_per_chip(sequences: Numbers, context: Numbers, bytes_per_token: Numbers, chips: Numbers) -> Numbers:
    """(F9) Cache that each of many chips holds when they share all sequences evenly [B].

    Parameters
    ----------
    sequences : Numbers
        In flight [1], e.g. by Little's law (F6).
    context : Numbers
        Mean cached tokens of one [tokens].
    bytes_per_token : Numbers
        Cache of a token [B].
    chips : Numbers
        That decode [1].

    Examples
    --------
    DeepSeek's day: 92,600 streams of 4989 tokens at 70,272 B over 131.4 nodes of 8.

    >>> round(cache_bytes_per_chip(92_600, 4989, 70_272, 131.4 * 8) / 1e9, 1)
    30.9
    """
    return sequences * context * bytes_per_token / chips


@broadcasts(live=NOT_NEGATIVE, reserved=ABOVE_ZERO, external=BELOW_ONE)
def reserved_share(live: Numbers, reserved: Numbers, external: Numbers = 0.0) -> Numbers:
    """(F10) Share of cache memory that holds tokens when each sequence reserves a stretch: live / reserved, less holes.

    Parameters
    ----------
    live : Numbers
        Tokens that a sequence holds in the mean over its life, each sequence weighted by its time [tokens].
    reserved : Numbers
        Tokens that it reserves, weighted alike [tokens]: the longest allowed, the next power of two, or its own end.
    external : Numbers
        Share of memory between stretches, too small for another [1].

    References
    ----------
    Kwon et al., PagedAttention, figure 2. arXiv:2309.06180

    Examples
    --------
    >>> reserved_share(512.0, 2048.0)
    0.25
    """
    return live / reserved * (1.0 - external)


@broadcasts(live=ABOVE_ZERO, block=COUNT)
def paged_share(live: Numbers, block: Numbers) -> Numbers:
    """(F11) Share of cache memory that holds tokens when blocks are given out one by one [1].

    The last block of a sequence is empty by (block - 1)/2 tokens in the mean.

    Parameters
    ----------
    live : Numbers
        Mean tokens of a sequence [tokens].
    block : Numbers
        Tokens of a block [tokens].

    Examples
    --------
    vLLM measured 96.3 % with short sequences (doi:10.1145/3600006.3613165):

    >>> round(paged_share(200.0, 16), 4), round(paged_share(330.0, 16), 4)
    (0.9639, 0.9778)
    """
    return live / (live + (block - 1.0) / 2.0)
