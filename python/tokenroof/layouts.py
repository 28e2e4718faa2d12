"""Layouts of a replica: every legal way to spread models over up to so many chips, inside domains and across them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .axes import Axes, Zipped, zipped
from .errors import SpecError
from .plan import Plan
from .specs import Options

__all__ = ["LAYOUT", "candidates", "layouts", "legal_layouts"]

#: Axes that together are a layout.
LAYOUT = ("tp", "pp", "ep", "dp", "cp")
_ILLEGAL = 16


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


def legal_layouts(named: Mapping[str, Any], chips: int, *, cp: bool = False, options: Options | None = None) -> Zipped:
    """Every layout of up to ``chips`` chips that some model, chip and precision of a sweep can have, as zipped axes.

    ``named`` are the sweep's axes; those of models, chips and precisions decide.
    """
    objects = {n: v for n, v in named.items() if n.partition(".")[0] in ("model", "hardware", "precision")}
    values = candidates(Axes(objects), chips, cp)
    columns = np.meshgrid(*values.values(), indexing="ij")
    tp, pp, ep, dp, cps = (column.ravel() for column in columns)
    ranks = tp * dp * cps
    table = np.stack((tp, pp, ep, dp, cps))[:, (ranks * pp <= chips) & (ranks % ep == 0)]
    grid = dict(zip(LAYOUT, table, strict=True))
    status = Plan(Axes(objects | {"layout": zipped(**grid)}), options=options).native.statuses()
    legal = np.asarray((status.reshape(-1, table.shape[1]) < _ILLEGAL).any(axis=0))
    if not legal.any():  # nothing can exist whatever the layout: one that says so
        legal[0] = True
    return zipped(**{name: column[legal] for name, column in grid.items()})


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
    found = legal_layouts(named, chips, cp=cp, options=options).axes
    plan = Plan(Axes(named | {"layout": zipped(found)}), options=options)
    legal = plan.native.statuses() < _ILLEGAL
    rows = np.stack([found[name] for name in LAYOUT], axis=1)[legal].tolist()
    listed = [dict(zip(LAYOUT, row, strict=True)) for row in rows]
    return sorted(listed, key=lambda layout: (_chips(layout), *layout.values()))


def _chips(layout: dict[str, int]) -> int:
    return layout["tp"] * layout["pp"] * layout["dp"] * layout["cp"]
