"""Tree search: how many tokens a tree of thoughts or a Monte-Carlo search reads and writes. T14 to T17.

Prompts are read again by every call, unless calls that share a prefix share its prefill (`Tokens.distinct_input`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts import COUNT, F64, NOT_NEGATIVE, WHOLE, Numbers, broadcasts, plain, take

__all__ = ["Tokens", "beam", "cost", "mcts", "nodes"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a search reads and writes; each a float or an array of the broadcast shape."""

    calls: Any  #: calls to the model, proposals and evaluations
    input: Any  #: tokens of all prompts [tokens]
    distinct_input: Any  #: tokens that are read where calls share the prefill of what their prompts have in common
    output: Any  #: tokens generated [tokens]


@broadcasts(depth=COUNT.known, width=COUNT.known, branch=COUNT.known)
def nodes(depth: Numbers, width: Numbers, branch: Numbers) -> Any:
    """(T14) Proposals of a beam search over a tree: branch at the root, then branch for each of `width` kept [1].

    Parameters
    ----------
    depth, width, branch : array
        Levels of the tree, nodes that are kept at each, proposals for each node kept [1].

    Returns
    -------
    float or array
        sum over the levels of branch min(width, branch^level).

    Raises
    ------
    SpecError
        For a number that is not whole, or below 1.

    Examples
    --------
    >>> nodes(3, 5, 3)  # 3, then 3 x 3, then 3 x 5
    27.0
    """
    return sum(parents * branch for parents in _parents(depth, width, branch))


def beam(
    depth: Numbers,
    width: Numbers,
    branch: Numbers,
    *,
    prompt: Numbers,
    thought: Numbers,
    evaluations: Numbers = 1,
    evaluation_prompt: Numbers = 0.0,
    evaluation: Numbers = 0.0,
    one_call: bool = False,
) -> Tokens:
    """(T15) Tokens of a tree of thoughts: every kept node proposes, every proposal is evaluated.

    Parameters
    ----------
    depth, width, branch : array
        As in `nodes`.
    prompt, thought : array
        Tokens of the question with its examples, and of one thought; a prompt grows by a thought a level [tokens].
    evaluations : array
        Times that each proposal is evaluated [1].
    evaluation_prompt, evaluation : array
        Tokens read beside the thoughts themselves, and written, by one evaluation [tokens].
    one_call : bool
        Whether a node's proposals are written by one call, which then reads the prompt once.

    Returns
    -------
    Tokens

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    Level l has P_l = min(width, branch^l) parents. A proposal reads prompt + l thoughts, an evaluation l + 1 thoughts.
    Distinct input: the prompts once, and each thought that a later call reads once.

    References
    ----------
    Yao et al.: Tree of Thoughts. arXiv:2305.10601

    Examples
    --------
    >>> beam(2, 1, 2, prompt=100, thought=10)
    Tokens(calls=8.0, input=480.0, distinct_input=140.0, output=40.0)
    """
    d, w, b, question, step, times, more, said = take(
        "beam",
        depth=(depth, COUNT.known),
        width=(width, COUNT.known),
        branch=(branch, COUNT.known),
        prompt=(prompt, NOT_NEGATIVE),
        thought=(thought, NOT_NEGATIVE),
        evaluations=(evaluations, WHOLE.known),
        evaluation_prompt=(evaluation_prompt, NOT_NEGATIVE),
        evaluation=(evaluation, NOT_NEGATIVE),
    )
    writers = np.ones_like(b) if one_call else b
    calls = read = made = np.zeros(d.shape)
    for level, parents in enumerate(_parents(d, w, b)):
        calls = calls + parents * (writers + b * times)
        read = read + parents * (writers * (question + level * step) + b * times * (more + (level + 1) * step))
        made = made + parents * b
    distinct = question + np.where(times > 0, more, 0.0) + made * step
    return Tokens(plain(calls), plain(read), plain(distinct), plain(made * (step + times * said)))


def mcts(
    simulations: Numbers,
    *,
    prompt: Numbers,
    thought: Numbers,
    branch: Numbers,
    mean_depth: Numbers,
    rollout: Numbers = 0.0,
    evaluation_prompt: Numbers = 0.0,
    evaluation: Numbers = 0.0,
) -> Tokens:
    """(T16) Tokens of a Monte-Carlo tree search: each simulation expands one leaf, plays on from it, judges the end.

    Parameters
    ----------
    simulations : array
        Leaves expanded [1].
    prompt, thought : array
        As in `beam` [tokens].
    branch : array
        Proposals for a leaf [1].
    mean_depth : array
        Mean thoughts above a leaf [1].
    rollout : array
        Tokens played on from the leaf [tokens]; 0 where a value model judges the leaf itself.
    evaluation_prompt, evaluation : array
        Tokens read beside thoughts and rollout, and written, by one evaluation [tokens].

    Returns
    -------
    Tokens

    Raises
    ------
    SpecError
        For a number outside of its range.

    References
    ----------
    Kocsis, Szepesvari: Bandit based Monte-Carlo planning. doi:10.1007/11871842_29

    Examples
    --------
    >>> mcts(100, prompt=500, thought=50, branch=4, mean_depth=3, rollout=200).output
    40000.0
    """
    n, question, step, b, deep, played, more, said = take(
        "mcts",
        simulations=(simulations, COUNT.known),
        prompt=(prompt, NOT_NEGATIVE),
        thought=(thought, NOT_NEGATIVE),
        branch=(branch, COUNT.known),
        mean_depth=(mean_depth, NOT_NEGATIVE),
        rollout=(rollout, NOT_NEGATIVE),
        evaluation_prompt=(evaluation_prompt, NOT_NEGATIVE),
        evaluation=(evaluation, NOT_NEGATIVE),
    )
    above = question + deep * step
    rolls = np.where(played > 0, 1.0, 0.0)
    calls = n * (b + rolls + 1.0)
    read = n * (b * above + rolls * (above + step) + (more + (deep + 1.0) * step + played))
    distinct = question + more + n * (b * step + played)
    return Tokens(plain(calls), plain(read), plain(distinct), plain(n * (b * step + played + said)))


@broadcasts(
    tokens_in=NOT_NEGATIVE, tokens_out=NOT_NEGATIVE, usd_per_mtok_in=NOT_NEGATIVE, usd_per_mtok_out=NOT_NEGATIVE
)
def cost(tokens_in: Numbers, tokens_out: Numbers, usd_per_mtok_in: Numbers, usd_per_mtok_out: Numbers) -> Any:
    """(T17) Cost of so many tokens read and written [USD].

    Parameters
    ----------
    tokens_in, tokens_out : array
        [tokens]: of `Tokens`, or measured.
    usd_per_mtok_in, usd_per_mtok_out : array
        Prices [USD per million tokens].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a negative number.

    Examples
    --------
    A tree of thoughts for one game of 24 at GPT-4's prices: 1,400 tokens read, 5,500 written. Printed is 0.74 dollars.

    >>> round(cost(1400, 5500, 30.0, 60.0), 3)
    0.372
    """
    return (tokens_in * usd_per_mtok_in + tokens_out * usd_per_mtok_out) * 1e-6


def _parents(depth: F64, width: F64, branch: F64) -> list[F64]:
    """Nodes that propose at each level: all up to the width, none below the last level."""
    levels = range(int(depth.max(initial=1)))
    return [np.where(level < depth, np.minimum(width, branch**level), 0.0) for level in levels]
