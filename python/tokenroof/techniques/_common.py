"""What techniques share: a search for zeros, SciPy's functions, published numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..amounts import F64
from ..catalogue._toml import load_toml
from ..errors import TokenroofError

__all__ = ["bisect", "facts", "special"]

_HALVINGS = 200  # to 1e-60 of the first interval; most searches end after 60, between two neighbouring doubles


def bisect(increasing: Callable[[F64], F64], low: npt.ArrayLike, high: npt.ArrayLike) -> F64:
    """Where each element of an increasing function of the element passes zero, between ``low`` and ``high``."""
    lower, upper = (np.array(end, dtype=np.float64) for end in np.broadcast_arrays(low, high))
    for _ in range(_HALVINGS):
        middle = 0.5 * (lower + upper)
        if np.all((middle == lower) | (middle == upper)):
            break
        below = increasing(middle) < 0
        lower, upper = np.where(below, middle, lower), np.where(below, upper, middle)
    return 0.5 * (lower + upper)


def special() -> Any:
    """SciPy's special functions; the techniques that need them say so when it is missing."""
    try:
        import scipy.special
    except ImportError:
        raise TokenroofError("this needs scipy: pip install 'tokenroof[techniques]'") from None
    return scipy.special


def facts(topic: str) -> dict[str, Any]:
    """The published numbers of a topic: the TOML file of that name next to this module."""
    return load_toml(Path(__file__).with_name(f"{topic}.toml"))
