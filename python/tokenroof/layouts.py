"""Layouts of a replica: every legal way to spread models over up to so many chips, inside domains and across them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._native import F64
from .axes import Axes
from .errors import SpecError
from .plan import Plan
from .specs import Options

__all__ = ["LAYOUT", "candidates", "layouts"]

#: Axes that together are a layout.
LAYOUT = ("tp", "pp", "ep", "dp", "cp")
_ILLEGAL = 16.0
_MOST = 1 << 22  # combinations to look at; a layout search is no sweep


def candidates(axes: Axes, chips: int, cp: bool = False) -> dict[str, list[int]]:
    """Values worth trying on each axis of the layout: divisors of ``chips`` and powers of two up to it.

    ``tp`` also takes the divisors of any model's heads up to ``chips``; ``pp`` stops at the deepest model; ``ep`` is 1
    where no model routes; ``cp`` is 1 unless asked for.
    """
    if not isinstance(chips, int) or isinstance(chips, bool) or chips < 1:
        raise SpecError("chips", chips, "the most chips of a replica, a whole number from 1")
    sizes = {n for n in range(1, chips + 1) if chips % n == 0} | {
        2**i for i in range(chips.bit_length()) if 2**i <= chips
    }
    heads = {int(op.heads) for m in axes.models for op in m.operators if op.heads}
    tp = sizes | {n for n in range(1, min(chips, 64) + 1) if any(h % n == 0 for h in heads)}
    routed = any(op.experts for m in axes.models for op in m.operators)
    deepest = max(m.layers for m in axes.models)
    return {
        "tp": sorted(tp),
        "pp": sorted(n for n in sizes if n <= deepest),
        "ep": sorted(sizes) if routed else [1],
        "dp": sorted(sizes),
        "cp": sorted(sizes) if cp else [1],
    }


def layouts(
    model: Any, hardware: Any, chips: int, *, precision: Any = "bf16", cp: bool = False, options: Options | None = None
) -> list[dict[str, int]]:
    """Every legal layout of one model on up to ``chips`` chips of one kind, by number of chips.

    Parameters
    ----------
    model, hardware, precision : str or object
    chips : int
        Most chips of a replica.
    cp : bool
        Whether context parallelism is tried.

    Examples
    --------
    >>> [layout for layout in layouts("mixtral-8x7b", "h100-sxm", 2)]
    [{'tp': 1, 'pp': 1, 'ep': 1, 'dp': 1, 'cp': 1}, {'tp': 1, 'pp': 1, 'ep': 2, 'dp': 2, 'cp': 1}, \
{'tp': 1, 'pp': 2, 'ep': 1, 'dp': 1, 'cp': 1}, {'tp': 2, 'pp': 1, 'ep': 1, 'dp': 1, 'cp': 1}, \
{'tp': 2, 'pp': 1, 'ep': 2, 'dp': 1, 'cp': 1}]
    """
    named = {"model": model, "hardware": hardware, "precision": precision}
    first = Axes(named)
    if len(first.models) != 1 or len(first.hardware) != 1:
        raise SpecError("model", first.labels("model"), "one model and one kind of chip: several are a Sweep")
    values = candidates(first, chips, cp)
    if math.prod(map(len, values.values())) > _MOST:
        raise SpecError("chips", chips, f"fewer: more than {_MOST} layouts to look at")
    plan = Plan(Axes(named | values), options=options)
    status, used = plan.store(0, plan.size, ["status", "chips"])
    legal = np.flatnonzero((status < _ILLEGAL) & (used <= chips))
    found = [dict(zip(LAYOUT, row, strict=True)) for row in _rows(values, legal)]
    return sorted(found, key=lambda layout: (_chips(layout), *layout.values()))


def _rows(values: dict[str, list[int]], points: Any) -> Iterable[list[int]]:
    index = np.unravel_index(points, [len(v) for v in values.values()])
    columns: list[F64] = [np.asarray(v)[at] for v, at in zip(values.values(), index, strict=True)]
    return np.stack(columns, axis=1).astype(int).tolist() if len(points) else []


def _chips(layout: dict[str, int]) -> int:
    return layout["tp"] * layout["pp"] * layout["dp"] * layout["cp"]
