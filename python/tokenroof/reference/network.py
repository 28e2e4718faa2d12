"""Collectives by topology: latency and seconds per byte of each algorithm, of which a message takes the best
(``csrc/network.c``)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .. import formulas as fs
from ..specs import Hardware

__all__ = ["MOST_LINES", "Lines", "Network", "Split"]

MOST_LINES = 6
_MOST_SPLITS, _MOST_SPLIT_RANKS = 48, 4096.0


class Lines:
    """Times of one operation by its algorithms: the least of ``latency + slope * size``."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, float]] = []
        self.names: list[str] = []  #: of the algorithms, line by line

    def add(self, latency: float, slope: float, name: str = "") -> None:
        """Keeps what is best at some size."""
        if any(a <= latency and b <= slope for a, b in self.lines):
            return
        kept = [i for i, (a, b) in enumerate(self.lines) if not (latency <= a and slope <= b)]
        self.lines, self.names = [self.lines[i] for i in kept], [self.names[i] for i in kept]
        if len(self.lines) < MOST_LINES:
            self.lines.append((latency, slope))
            self.names.append(name)

    def seconds(self, size: float) -> float:
        """Time at this size [s]."""
        least = self.lines[0][0] + self.lines[0][1] * size
        for latency, slope in self.lines[1:]:
            least = fs._min(latency + slope * size, least)
        return least


@dataclass(frozen=True)
class _Slice:
    """A box of a torus."""

    name: str
    hops: float
    share: float
    all_to_all: float


@dataclass(frozen=True)
class Split:
    """Ranks in two dimensions: seconds, and seconds per byte along each, typical and bound."""

    latency: float
    hidden: float
    inner: float
    hidden_bound: float
    inner_bound: float


class Network:
    """How the chips of one kind are joined, in numbers [s], [s/B]."""

    def __init__(self, hw: Hardware) -> None:
        cal = hw.calibration
        up, out = hw.scaleup, hw.scaleout
        self.topology = up.topology if up else "switch"
        self.domain = up.domain if up else 1.0
        self.dims = tuple(float(n) for n in (*(up.dims if up else ()), 1, 1, 1)[:3])
        self.wrap = float(up.wrap) if up else 0.0
        self.reduction = up.reduction if up else 0.0
        self.reduction_latency = up.reduction_latency if up else 0.0
        self.alpha, self.alpha_out = cal.link_latency, cal.scaleout_latency
        in_bw, out_bw = up.bandwidth if up else 0.0, out.bandwidth if out else 0.0
        self.has_out = out_bw > 0.0
        self.per_byte, self.per_byte_out = (1.0 / w if w > 0.0 else 0.0 for w in (in_bw, out_bw))
        share = cal.link_efficiency
        self.typical, self.typical_out = (1.0 / (w * share) if w > 0.0 else 0.0 for w in (in_bw, out_bw))

    @property
    def axes(self) -> float:
        """Axes of the torus; a ring is one."""
        return 1.0 if self.topology == "ring" else 1.0 + (self.dims[1] > 1.0) + (self.dims[2] > 1.0)

    def _whole(self) -> tuple[float, float, float]:
        return (self.domain, 1.0, 1.0) if self.topology == "ring" else (self.dims[0], self.dims[1], self.dims[2])

    def _slices(self, ranks: float) -> Iterator[_Slice]:
        d0, d1, d2 = self._whole()
        z = 1.0
        while z <= d2:
            y = 1.0
            while y <= d1 and y * z <= ranks:
                x = ranks / (y * z)
                if x <= d0 and float(math.ceil(x)) == x:
                    yield self._slice((x, y, z))
                y += 1.0
            z += 1.0

    def _closed(self, part: float, whole: float) -> float:
        """Whether a part of a torus axis closes into a ring."""
        times = part / self.wrap if self.wrap > 0.0 else 0.5
        return 1.0 if part == whole or float(math.ceil(times)) == times else 0.0

    def _slice(self, part: tuple[float, float, float]) -> _Slice:
        hops = share = all_to_all = 0.0
        for chips, whole in zip(part, self._whole(), strict=True):
            closed = self._closed(chips, whole)
            hops += fs.axis_hops(chips, closed)
            share += fs.axis_share(chips, closed, self.axes)
            all_to_all = fs._max(all_to_all, fs.axis_all_to_all_per_byte(chips, closed, self.axes, self.typical))
        sides = "x".join(f"{n:.0f}" for n in part[: max(int(self.axes), 1)])
        return _Slice(f"{self.topology} {sides}", hops, share, all_to_all)

    def reduce_inside(self, ranks: float, one_phase: bool) -> Lines:
        """All-reduce over ranks of one domain."""
        lines = Lines()
        if not ranks > 1.0:
            lines.add(0.0, 0.0, "nothing to do")
        elif self.topology == "switch":
            # within one domain halves are summed with one more rank at each level and told on the way back; two-shot on
            # the way to other domains
            latency = fs.tree_latency(ranks, self.alpha) if one_phase else 2.0 * self.alpha
            name = "halving" if one_phase else "two-shot"
            lines.add(latency, fs.all_reduce_per_byte(ranks, self.typical), name)
            if one_phase:
                lines.add(self.alpha, (ranks - 1.0) * self.typical, "one-shot")
            if self.reduction > 0.0:
                lines.add(self.reduction_latency, self.per_byte / self.reduction, "in-switch")
        elif self.topology == "mesh":
            lines.add(2.0 * self.alpha, fs.mesh_all_reduce_per_byte(ranks, self.domain, self.typical), "mesh two-shot")
            if one_phase:
                lines.add(self.alpha, (self.domain - 1.0) * self.typical, "mesh one-shot")
        else:
            boxes = list(self._slices(ranks))
            for box in boxes:
                slope = fs.torus_all_reduce_per_byte(ranks, box.share, self.typical)
                lines.add(2.0 * box.hops * self.alpha, slope, box.name)
            if not boxes:  # no box holds so many: they go round one line
                share = fs.axis_share(ranks, 0.0, self.axes)
                hops = fs.axis_hops(ranks, 0.0)
                lines.add(2.0 * hops * self.alpha, fs.torus_all_reduce_per_byte(ranks, share, self.typical), "line")
        return lines

    def all_reduce(self, ranks: float) -> tuple[Lines, float]:
        """Lines by bytes of the tensor, and the bound's seconds per byte."""
        inner = fs._min(ranks, self.domain)
        outer = float(math.ceil(ranks / inner))
        share = self.typical_out / inner
        lines = Lines()
        within = self.reduce_inside(inner, not outer > 1.0)
        for (latency, slope), name in zip(within.lines, within.names, strict=True):
            if not outer > 1.0:
                lines.add(latency, slope, name)
                continue
            first = f"{name} + " if inner > 1.0 else ""
            ring, tree = fs.ring_latency(outer, self.alpha_out), fs.tree_latency(outer, self.alpha_out)
            lines.add(latency + ring, slope + fs.all_reduce_per_byte(outer, share), f"{first}ring")
            lines.add(latency + tree, slope + 2.0 * share, f"{first}tree")
        inside = self.per_byte if self.topology == "switch" else fs.all_reduce_per_byte(inner, self.per_byte)
        return lines, fs.all_reduce_per_byte_bound(inner, outer, inside, self.per_byte_out)

    def all_to_all_inside(self, ranks: float) -> float:
        """Seconds per byte that a rank sends to the ranks of its domain, itself included."""
        if not ranks > 1.0:
            return 0.0
        if self.topology == "switch":
            return fs.all_to_all_per_byte(ranks, self.typical)
        if self.topology == "mesh":
            return (self.domain - 1.0) / ranks * self.typical
        least = math.inf
        for box in self._slices(ranks):
            least = fs._min(least, box.all_to_all)
        return least if least < math.inf else fs.axis_all_to_all_per_byte(ranks, 0.0, self.axes, self.typical)

    def one_link(self) -> float:
        """Seconds per byte to one other chip of the domain."""
        if self.topology == "switch" or not self.domain > 1.0:
            return self.typical
        return (self.domain - 1.0 if self.topology == "mesh" else 2.0 * self.axes) * self.typical

    def exchange(self, ranks: float) -> tuple[float, float]:
        """Among ranks that hold caches of different sequences: seconds, seconds per byte."""
        if not ranks > 1.0:
            return 0.0, 0.0
        inner = fs._min(ranks, self.domain)
        out = (ranks - inner) / ranks
        latency = 2.0 * (self.alpha_out if out > 0.0 else self.alpha)
        return latency, inner / ranks * self.all_to_all_inside(inner) + out * self.typical_out

    def splits(self, ranks: float) -> list[Split]:
        """Two-dimensional splits of ranks of one domain. In a torus each dimension takes whole axes of a box."""
        found: list[Split] = []
        if not ranks > 1.0 or ranks > self.domain or ranks > _MOST_SPLIT_RANKS:
            return found
        if self.topology in ("switch", "mesh"):
            for x in map(float, range(2, int(ranks))):
                y = ranks / x
                if float(math.ceil(y)) != y:
                    continue
                mesh = self.topology == "mesh"
                on_x, on_y = ((1.0, (n - 1.0) / (self.domain - 1.0) if mesh else 1.0) for n in (x, y))
                self._add_split(found, x, y, on_x, on_y)
            return found
        if self.topology == "ring":
            return found
        whole = self._whole()
        for z in map(float, range(1, int(whole[2]) + 1)):
            for y in map(float, range(1, int(whole[1]) + 1)):
                x = ranks / (y * z)
                if y * z > ranks or x > whole[0] or float(math.ceil(x)) != x:
                    continue
                for mask in range(1, 7):
                    sides = [self._side((x, y, z), mask, of) for of in (0, 1)]
                    (n_y, *on_of_y), (n_x, *on_of_x) = sides
                    if n_x > 1.0 and n_y > 1.0:
                        self._add_split(found, n_x, n_y, (on_of_x[0], on_of_x[1]), (on_of_y[0], on_of_y[1]))
        return found

    def _side(self, part: tuple[float, float, float], mask: int, of: int) -> tuple[float, float, float]:
        """Ranks, hops and share of the bandwidth of the axes that one dimension takes."""
        size, hops, share = 1.0, 0.0, 0.0
        for i, (chips, whole) in enumerate(zip(part, self._whole(), strict=True)):
            if mask >> i & 1 == of:
                closed = self._closed(chips, whole)
                hops += fs.axis_hops(chips, closed)
                share += fs.axis_share(chips, closed, self.axes)
                size = size * chips
        return size, hops, share

    def _add_split(
        self, found: list[Split], x: float, y: float, on_x: tuple[float, float], on_y: tuple[float, float]
    ) -> None:
        one = Split(
            2.0 * (on_x[0] + on_y[0]) * self.alpha,
            fs.gather_per_byte(y, on_y[1], self.typical) / x,
            fs.gather_per_byte(x, on_x[1], self.typical) / y,
            fs.gather_per_byte(y, 1.0, self.per_byte) / x,
            fs.gather_per_byte(x, 1.0, self.per_byte) / y,
        )
        if any(s.latency <= one.latency and s.hidden <= one.hidden and s.inner <= one.inner for s in found):
            return
        if len(found) < _MOST_SPLITS:
            found.append(one)
