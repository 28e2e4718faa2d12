"""Exact quantiles in bounded memory: passes over all points, each of which counts the next bits of the values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import F64, U64, RanksState
from ..derived import check_columns
from ..errors import SpecError
from ..groups import group_by
from ..plan import Plan, select
from .base import Gathering

__all__ = ["QUANTILE_METHODS", "Ranks", "check_shares", "quantiles"]

#: Between which of the two nearest values a quantile lies, as in `numpy.quantile`.
QUANTILE_METHODS = ("linear", "lower", "higher")
_MOST_COUNTERS = 1 << 22  # 32 MB a state
_MOST_BITS, _LEAST_BITS = 16, 4


class Ranks(Gathering[RanksState]):
    """One pass: how many values of each group begin with each of some prefixes, by their next bits (`tr_ranks`)."""

    what = "quantiles"

    def __init__(
        self,
        column: str,
        shift: int,
        bits: int,
        group: U64 | None = None,
        prefix: U64 | None = None,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
    ) -> None:
        """Windows are pairs of ``group`` and ``prefix``, ascending; without them, one of all values a group."""
        self.column, self.shift, self.bits = check_columns(column)[0], shift, bits
        self.group, self.prefix = group, prefix
        self.by, self.where, self.fits = by, where, fits

    def start(self, plan: Plan) -> RanksState:
        groups = group_by(plan.axes, self.by).native
        group = np.arange(groups.n, dtype=np.uint64) if self.group is None else self.group
        prefix = np.zeros(groups.n, np.uint64) if self.prefix is None else self.prefix
        windows = np.searchsorted(group, np.arange(groups.n + 1, dtype=np.uint64)).astype(np.uint64)
        which = select(self.where, self.fits)
        return RanksState(which, groups, self.column, self.shift, self.bits, windows, prefix)


def quantiles(
    run: Callable[[Ranks], RanksState], groups: int, column: str, q: F64, method: str, **which: Any
) -> tuple[U64, F64]:
    """Points of each group with a value, and its quantiles, of shape (groups, len(q)).

    Each pass narrows every order statistic asked for to the next bits of its double, so that memory depends on groups
    and quantiles alone and the values are those of the sorted points, bit for bit.
    """
    bits = _bits(64, groups)
    shift = 64 - bits
    state = run(Ranks(column, shift, bits, **which))
    n = state.counts.sum(axis=1)
    at = np.maximum(n.astype(np.float64) - 1.0, 0.0)[:, None] * q[None, :]  # as numpy.quantile places them
    low, high = np.floor(at), np.ceil(at)
    group = np.repeat(np.arange(groups, dtype=np.uint64), 2 * len(q))
    index = np.stack([low, high], axis=2).ravel().astype(np.uint64)  # of each order statistic, in its window
    held = n[group.astype(np.intp)] > 0
    group, index, prefix = group[held], index[held], np.zeros(int(held.sum()), np.uint64)
    window = group
    while True:
        prefix, index = _narrow(state.counts, window, prefix, index, bits)
        if not shift or not len(prefix):
            break
        pairs, inverse = np.unique(np.stack([group, prefix], axis=1), axis=0, return_inverse=True)
        bits = _bits(shift, len(pairs))
        shift -= bits
        state = run(Ranks(column, shift, bits, pairs[:, 0].copy(), pairs[:, 1].copy(), **which))
        window = inverse.ravel().astype(np.uint64)
    values = np.full(len(held), np.nan)
    values[held] = _double(prefix)
    below, above = values.reshape(groups, len(q), 2).transpose(2, 0, 1)
    if method == "lower":
        return n, below
    return n, above if method == "higher" else _between(below, above, at - low)


def _bits(left: int, windows: int) -> int:
    most = max((_MOST_COUNTERS // max(windows, 1)).bit_length() - 1, _LEAST_BITS)
    return min(left, most, _MOST_BITS)


def _narrow(counts: U64, window: U64, prefix: U64, index: U64, bits: int) -> tuple[U64, U64]:
    """The next bits of each order statistic, and its place among the values that begin with them."""
    total = np.cumsum(counts, axis=1)
    found = np.empty_like(prefix)
    left = np.empty_like(index)
    for i, (w, k) in enumerate(zip(window.tolist(), index.tolist(), strict=True)):
        bucket = int(np.searchsorted(total[w], np.uint64(k), side="right"))
        found[i] = (int(prefix[i]) << bits) | bucket
        left[i] = k - (int(total[w, bucket - 1]) if bucket else 0)
    return found, left


def _double(rank: U64) -> F64:
    """The doubles of ranks."""
    top = np.uint64(1 << 63)
    return np.where(rank >= top, rank ^ top, ~rank).view(np.float64)


def _between(below: F64, above: F64, share: F64) -> F64:
    """Linear interpolation with the roundings of `numpy.quantile`."""
    gap = above - below
    with np.errstate(invalid="ignore"):
        return np.where(share >= 0.5, above - gap * (1.0 - share), below + gap * share)


def check_shares(q: float | Sequence[float] | npt.ArrayLike) -> F64:
    """Shares from 0 to 1 as an array."""
    try:
        shares = np.atleast_1d(np.asarray(q, dtype=np.float64))
    except (TypeError, ValueError):
        shares = np.empty((0, 0))
    if shares.ndim != 1 or not len(shares) or not ((shares >= 0.0) & (shares <= 1.0)).all():
        raise SpecError("q", q, "shares from 0 to 1, e.g. [0.1, 0.5, 0.9]")
    return shares
