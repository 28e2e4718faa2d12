"""Rounds of speculative decoding in closed form: a draft proposes g tokens, the target checks them all. S1 to S6.

`speculation` has the same names, and puts the core's step times into them. The output's distribution is that of the
target alone, so quality does not enter.

References
----------
Leviathan, Kalman, Matias. arXiv:2211.17192; Chen et al. arXiv:2302.01318
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    COUNT,
    NOT_NEGATIVE,
    SHARE,
    WHOLE,
    Numbers,
    broadcasts,
    checked,
    plain,
    take,
)
from ..errors import SpecError
from ._common import bisect

__all__ = [
    "Tree",
    "acceptance_of",
    "expected_tokens",
    "expected_tokens_by_position",
    "operations",
    "speedup",
]


@broadcasts(acceptance=SHARE.known, length=WHOLE.known)
def expected_tokens(acceptance: Numbers, length: Numbers) -> Any:
    """(S1) Tokens that one round yields: those accepted, and one of the target's own.

    Parameters
    ----------
    acceptance : array
        Probability a that a draft token is accepted where all before it were [1].
    length : array
        Tokens g that are drafted [1], from 0: plain decoding.

    Returns
    -------
    float or array
        (1 - a^(g + 1))/(1 - a), between 1 and g + 1 [tokens per sequence and round].

    Raises
    ------
    SpecError
        For an acceptance outside 0 to 1, or a length that is not a whole number.

    References
    ----------
    arXiv:2211.17192, equation 1

    Examples
    --------
    >>> round(expected_tokens(0.8, 5), 2), expected_tokens(1.0, 5), expected_tokens(0.5, 0)
    (3.69, 6.0, 1.0)
    """
    most = length + 1.0
    tokens = -np.expm1(most * np.log(acceptance)) / (1.0 - acceptance)
    return np.clip(np.where(acceptance == 1.0, most, tokens), 1.0, most)  # a bit of rounding at either end


def expected_tokens_by_position(acceptance: Numbers) -> Any:
    """(S2) The same where acceptance differs by position: 1 + a_1 + a_1 a_2 + ...

    Parameters
    ----------
    acceptance : array, (..., length)
        Probability that the draft's first, second ... token is accepted where all before it were [1].

    Returns
    -------
    float or array, (...)

    Raises
    ------
    SpecError
        For an acceptance outside 0 to 1.

    Examples
    --------
    >>> expected_tokens_by_position([0.75, 0.5])
    2.125
    """
    a = np.atleast_1d(checked("acceptance", acceptance, SHARE.known, "expected_tokens_by_position"))
    return plain(1.0 + np.cumprod(a, axis=-1).sum(-1))


@dataclass(frozen=True)
class Tree:
    """(S3) A tree of draft tokens, of which the target accepts one path: E = 1 + sum over nodes of the path's product.

    Parameters
    ----------
    parents : sequence of int
        Of each node its parent's number, -1 for those after the last token; parents come first.
    acceptance : sequence of float
        Probability that a node is the target's choice, given its parent is [1]. Of all nodes with one parent at most
        one can be: their probabilities add up to at most 1.

    Raises
    ------
    SpecError
        When a parent comes after its child, or probabilities do not fit.

    References
    ----------
    Miao et al.: SpecInfer. doi:10.1145/3620666.3651335

    Examples
    --------
    Two candidates for the next token, and one more after the first of them.

    >>> tree = Tree([-1, -1, 0], [0.6, 0.2, 0.5])
    >>> round(tree.tokens, 6), tree.nodes, tree.widths
    (2.1, 3, (2, 1))
    """

    parents: tuple[int, ...]
    acceptance: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parents", tuple(int(p) for p in self.parents))
        shares = checked("acceptance", self.acceptance, SHARE.known, "Tree")
        object.__setattr__(self, "acceptance", tuple(shares.tolist()))
        if not self.parents or len(self.parents) != len(self.acceptance):
            raise SpecError("parents", len(self.parents), f"one for each of {len(self.acceptance)} nodes, at least one")
        sums: dict[int, float] = {}
        for node, (parent, a) in enumerate(zip(self.parents, self.acceptance, strict=True)):
            if not -1 <= parent < node:
                raise SpecError(f"parents[{node}]", parent, "-1, or the number of a node before it")
            sums[parent] = sums.get(parent, 0.0) + a
        worst = max(sums, key=lambda parent: sums[parent])
        if sums[worst] > 1.0 + 1e-9:
            raise SpecError("acceptance", sums[worst], f"at most 1 over the nodes after node {worst}")

    @classmethod
    def chain(cls, acceptance: Sequence[float]) -> Tree:
        """One token after the other, as in `expected_tokens_by_position`."""
        return cls(tuple(range(-1, len(acceptance) - 1)), tuple(acceptance))

    @property
    def nodes(self) -> int:
        """Draft tokens that the target checks."""
        return len(self.parents)

    @property
    def tokens(self) -> float:
        """Tokens that one round yields."""
        reached: list[float] = []
        for parent, a in zip(self.parents, self.acceptance, strict=True):
            reached.append(a * (1.0 if parent < 0 else reached[parent]))
        return 1.0 + sum(reached)

    @property
    def widths(self) -> tuple[int, ...]:
        """Nodes of each depth: the draft's steps, and the tokens of each."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(0 if parent < 0 else depth[parent] + 1)
        return tuple(depth.count(d) for d in range(max(depth) + 1))


@broadcasts(tokens=AT_LEAST_ONE, step_s=NOT_NEGATIVE, verify_s=ABOVE_ZERO, draft_s=NOT_NEGATIVE)
def speedup(tokens: Numbers, step_s: Numbers, verify_s: Numbers, draft_s: Numbers) -> Any:
    """(S4) Speed against plain decoding: tokens x step / (draft + verification) [1].

    Parameters
    ----------
    tokens : array
        That one round yields, (S1) to (S3).
    step_s : array
        A plain decode step of the target [s]: ``tpot_s`` of a sweep.
    verify_s : array
        The target's step that checks all draft tokens, at the same batch [s].
    draft_s : array
        All of the draft's steps of a round [s].

    Returns
    -------
    float or array
        At most ``tokens`` where checking takes no less time than a plain step.

    Raises
    ------
    SpecError
        For a negative number.

    Examples
    --------
    Leviathan's closed form is verify_s = step_s and draft_s = g c step_s, true while memory decides:

    >>> round(speedup(expected_tokens(0.8, 7), 1.0, 1.0, 7 * 0.04), 2)
    3.25
    """
    return tokens * step_s / (verify_s + draft_s)


@broadcasts(acceptance=SHARE.known, length=WHOLE.known, draft_ratio=NOT_NEGATIVE)
def operations(acceptance: Numbers, length: Numbers, draft_ratio: Numbers = 0.0) -> Any:
    """(S5) Arithmetic per token against plain decoding: (g c' + g + 1)/E, never below 1 [1].

    Parameters
    ----------
    acceptance, length : array
        As in `expected_tokens`.
    draft_ratio : array
        FLOP of the draft per token over those of the target, c' [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    References
    ----------
    arXiv:2211.17192, theorem 3.11

    Examples
    --------
    >>> round(operations(0.8, 2), 2), round(operations(0.9, 10), 2)
    (1.23, 1.6)
    """
    return (length * draft_ratio + length + 1.0) / np.asarray(expected_tokens(acceptance, length))


def acceptance_of(tokens: Numbers, length: Numbers) -> Any:
    """(S6) Acceptance that a published number of tokens per round stands for: the inverse of (S1) [1].

    Parameters
    ----------
    tokens : array
        Tokens per round, from 1 to length + 1 ("tau", "acceptance length").
    length : array
        Tokens drafted [1], at least 1.

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For more tokens than a round can yield.

    Examples
    --------
    DeepSeek-V3's prediction block applied seven times yields 3.2 tokens:

    >>> round(acceptance_of(3.2, 7), 3)
    0.707
    """
    tau, g = take("acceptance_of", tokens=(tokens, AT_LEAST_ONE.known), length=(length, COUNT.known))
    if (over := tau > g + 1.0).any():
        raise SpecError("tokens", float(tau[over][0]), "at most length + 1", "acceptance_of")
    return plain(bisect(lambda a: np.asarray(expected_tokens(a, g)) - tau, np.zeros(tau.shape), np.ones(tau.shape)))
