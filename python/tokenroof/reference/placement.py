"""Where weights and cache live: near levels, main memory, levels behind it (``place`` of ``csrc/bind.c``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .. import formulas as fs
from ..specs import Hardware, Level, Options

__all__ = ["MAIN", "NOWHERE", "Placement", "place"]

MAIN, NOWHERE = "memory", "nowhere"


@dataclass(frozen=True)
class Placement:
    """What a chip's placement costs.

    Attributes
    ----------
    read, read_bound : float
        Weights, typical and bound [s/B].
    cache_bound : float
        Cache, in the fastest place that may hold it [s/B].
    places : tuple of (float, float)
        Where a cache may live, nearest first: bytes left for it, and reads over those of main memory [B], [1].
    place_joules, read_joules : tuple of float, float
        Energy of a cache's byte in each place, and of a byte of weights [J/B]; 0 where unknown.
    names : tuple of str
        Of the places.
    held : mapping of str to float
        Bytes of weights by level.
    """

    read: float
    read_bound: float
    cache_bound: float
    places: tuple[tuple[float, float], ...]
    place_joules: tuple[float, ...]
    read_joules: float
    names: tuple[str, ...]
    held: Mapping[str, float]


def place(hw: Hardware, weights: float, options: Options) -> Placement:
    """Fill the levels with weights, nearest first; what room they leave is the cache's."""
    share, of_free = options.memory_fraction, options.memory_of == "free"
    inv, inv_typical = 1.0 / hw.memory_bandwidth, 1.0 / (hw.memory_bandwidth * hw.calibration.memory_efficiency)
    main = hw.memory_bytes * (1.0 if of_free else share) - options.reserved_bytes
    joules = _known(hw.byte_joules, 0.0)
    levels = [x for x in hw.levels if _may(x, "weights", options) or _may(x, "kv", options)]
    if not levels:
        room = (main - weights) * share if of_free else main - weights
        return Placement(inv_typical, inv, inv, ((room, 1.0),), (joules,), joules, (MAIN,), {MAIN: weights})
    order: list[Level | None] = [level for level in levels if level.near]
    order += [None, *(level for level in levels if not level.near)]
    behind = 0.0
    for each_level in levels:
        if not each_level.near and _may(each_level, "weights", options):
            behind += each_level.capacity
    rest, typical, bound, fastest, per_weight = weights, 0.0, 0.0, inv, 0.0
    each: list[float] = []
    places: list[tuple[float, float]] = []
    names: list[str] = []
    held: dict[str, float] = {}
    for level in order:
        room = level.capacity if level else main
        here_inv = 1.0 / level.bandwidth if level else inv
        here_typical = 1.0 / (level.bandwidth * hw.calibration.memory_efficiency) if level else inv_typical
        per_byte = _known(level.byte_joules, joules) if level else joules
        here = 0.0
        if level is None:
            here = fs.placed(rest, fs.main_for_weights(rest, room, behind, options.cache_share))
        elif _may(level, "weights", options):
            here = fs.placed(rest, room)
        rest -= here
        if weights > 0.0:
            typical += here / weights * here_typical
            per_weight += here / weights * per_byte
            bound = fs._max(bound, here / weights * here_inv)
        if here:
            held[level.name if level else MAIN] = here
        if level is None or _may(level, "kv", options):
            left = (room - here) * share if level is None and of_free else room - here
            fastest = fs._min(here_inv, fastest)
            places.append((left, here_typical / inv_typical))
            each.append(per_byte)
            names.append(level.name if level else MAIN)
    if rest > 0.0:
        typical += rest / weights * inv_typical
        bound += rest / weights * inv
        per_weight += rest / weights * joules
        places = [(0.0 - rest, slow) for _, slow in places]
        held[NOWHERE] = rest
    return Placement(typical, bound, fastest, tuple(places), tuple(each), per_weight, tuple(names), held)


def _known(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def _may(level: Level, what: str, options: Options) -> bool:
    return what in level.holds and (level.near or what in options.offload)
