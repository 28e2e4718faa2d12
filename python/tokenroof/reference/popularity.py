"""Experts of unlike popularity: what a skewed router does to the experts that a batch touches (``csrc/inputs.c``)."""

from __future__ import annotations

from functools import cache

from .. import formulas as fs

__all__ = ["expected_experts", "popularity"]


@cache
def popularity(experts: float, active: float, skew: float) -> tuple[float, ...]:
    """Probability that expert e = 1, 2, ... is among a token's, under Zipf popularity e^-skew [1].

    Shares are scaled to the sum ``active``; one that would exceed 1 is 1, and the rest is scaled again.

    >>> popularity(4.0, 1.0, 0.0), [round(share, 3) for share in popularity(4.0, 2.0, 2.0)]
    ((0.25, 0.25, 0.25, 0.25), [1.0, 0.59, 0.262, 0.148])
    """
    n = int(experts)
    share = [float(e + 1) ** -skew for e in range(n)]
    sure, rest = 0, 0.0
    for e in range(n - 1, -1, -1):
        rest += share[e]
    scale = active / rest
    while sure < n and float(sure) < active and scale * share[sure] > 1.0:
        rest = 0.0
        for e in range(n - 1, sure, -1):
            rest += share[e]
        sure += 1
        scale = (active - float(sure)) / rest if rest > 0.0 else 0.0
    return tuple(1.0 if e < sure else max(min(scale * share[e], 1.0), 0.0) for e in range(n))


def expected_experts(experts: float, active: float, skew: float, tokens: float) -> float:
    """Distinct experts that ``tokens`` independent tokens touch: (1), or the sum of (24) where routing is skewed.

    >>> expected_experts(8.0, 2.0, 0.0, 4.0), round(expected_experts(8.0, 2.0, 1.0, 4.0), 3)
    (5.46875, 4.625)
    """
    if not skew:
        return fs.expected_experts(experts, active, tokens)
    total = 0.0
    for share in popularity(experts, active, skew):
        total += fs.expert_touched(share, tokens)
    return total
