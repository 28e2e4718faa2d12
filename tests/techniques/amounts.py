"""Numbers for laws of closed forms: within what units allow, so that nothing over- or underflows."""

from __future__ import annotations

import math

from hypothesis import strategies as st


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Positive numbers, evenly over orders of magnitude."""
    return st.floats(math.log(low), math.log(high)).map(math.exp)


PARAMS, TOKENS = between(1e6, 1e14), between(1e6, 1e17)
SHARES = st.floats(0.0, 1.0)
MONEY = between(1.0, 1e12)
#: What sums and products of a few roundings may differ by.
ROUNDING = 1e-12


def at_most(less: float, more: float, rounding: float = ROUNDING) -> bool:
    return less <= more * (1 + rounding)
