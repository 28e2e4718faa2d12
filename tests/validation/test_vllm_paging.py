"""Kwon et al., PagedAttention (arXiv:2309.06180), figure 2: how much of the cache memory holds tokens.

The shares of token states, of what is reserved for tokens to come, of what no token will use, and of holes outside are
of one workload, ShareGPT; the lengths of its requests are printed as means only, in figure 11. So the rows follow from
each other and from these means, not from inputs of their own, and cannot be met exactly.
"""

from __future__ import annotations

import numpy as np
import pytest

from tokenroof.fleets.paging import paged_share, reserved_share

#: Share that holds tokens, that is inside a reservation and never used, and that is outside.
PUBLISHED = {"max": (0.204, 0.573, 0.089), "pow2": (0.268, 0.136, 0.416), "oracle": (0.382, 0.0, 0.366)}
SLOT = 2048
#: Tokens held over those at the end, in the mean of a request's life: from the system that reserves no more.
HELD = 0.382 / (1.0 - 0.366)


@pytest.mark.parametrize("system", ["max", "pow2"])
def test_systems_follow_from_the_one_that_knows_the_end(system: str) -> None:
    useful, unused, outside = PUBLISHED[system]
    ended = (1.0 - unused - outside) / (1.0 - outside)  # of a reservation, what will hold tokens at the end
    assert reserved_share(HELD * ended, 1.0, outside) == pytest.approx(useful, rel=0.01)


def test_lengths_explain_the_shares() -> None:
    """Prompts of 161 tokens and outputs of 338 in the mean, these as spread as an exponential.

    A request is in memory for its output's time, so long ones count more. Measured lengths end at 2048, an exponential
    does not: it is cut off there.
    """
    prompt, mean = 161.31, 337.99
    output = np.arange(1.0, SLOT - prompt)
    weight = np.exp(-output / mean) * output  # chance x time in memory
    live = np.average(prompt + output / 2.0, weights=weight)
    end = np.average(prompt + output, weights=weight)
    assert reserved_share(live, end, PUBLISHED["oracle"][2]) == pytest.approx(0.382, rel=0.02)
    assert reserved_share(live, SLOT, PUBLISHED["max"][2]) == pytest.approx(0.204, rel=0.10)


def test_pages_hold_tokens() -> None:
    """96.3 % are printed for blocks of 16; half a block a request would leave 98 %: the rest is not said."""
    final = (0.204 / HELD) / (1.0 - 0.089) * SLOT
    assert 0.963 < paged_share(HELD * final, 16) < 0.99
