"""What one collective costs on one chip's network: seconds, the algorithm that a message of its size takes, and why.

The same numbers as in a sweep: equations (10) to (13), (27) to (32), (34) of docs/formulas.md. By default `typical`,
with latencies and reached shares of the links; ``bound=True`` counts bytes at the datasheet bandwidth alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import catalogue
from . import formulas as fs
from .errors import SpecError
from .reference.network import Lines, Network
from .specs import Hardware
from .units import format_si, parse_quantity

__all__ = ["Collective", "all_gather", "all_reduce", "all_to_all", "point_to_point", "reduce_scatter"]

_BOUND = "bound"


@dataclass(frozen=True, slots=True)
class Collective:
    """One operation on one network, and its time."""

    operation: str
    hardware: str
    ranks: int
    bytes: float  #: of the tensor, or of what a rank sends [B]
    algorithm: str  #: what was chosen; ``"bound"`` where only bytes were counted
    latency_s: float  #: part that does not depend on the size [s]
    transfer_s: float  #: part that grows with the size [s]

    @property
    def seconds(self) -> float:
        """Time of the operation [s]."""
        return self.latency_s + self.transfer_s

    @property
    def bytes_per_s(self) -> float:
        """Size over time [B/s]; the bus bandwidth of an all-reduce is 2 (p - 1)/p of this."""
        return self.bytes / self.seconds if self.seconds > 0.0 else math.inf

    def __str__(self) -> str:
        return (
            f"{self.operation} of {format_si(self.bytes, 'B')} over {self.ranks} x {self.hardware}, {self.algorithm}: "
            f"{format_si(self.seconds, 's')} ({format_si(self.latency_s, 's')} latency, "
            f"{format_si(self.transfer_s, 's')} transfer)"
        )


def all_reduce(hardware: str | Hardware, ranks: int, bytes: float | str, bound: bool = False) -> Collective:
    """Every rank has a tensor and gets the sum of all.

    Parameters
    ----------
    hardware : str or Hardware
        Catalogue id or chip.
    ranks : int
        Chips that take part. They fill scale-up domains first; what is beyond one domain goes over the scale-out link.
    bytes : float or str
        Of the full tensor on each rank, as a number [B] or as ``"16 KB"``.
    bound : bool
        Bytes at the datasheet bandwidth, no latency, levels overlapped: equation (12).

    Returns
    -------
    Collective
        The fastest of: ``halving`` and ``one-shot`` over a switch, two-shot over a mesh, ``in-switch``, a ``ring`` or
        ``torus`` box; between domains ``ring`` or ``tree`` on top of what is done inside.

    Raises
    ------
    SpecError
        When so many ranks have no link between them, or the size is no size.

    Examples
    --------
    >>> all_reduce("h100-sxm", 8, "16 KB").algorithm, all_reduce("h100-sxm", 8, "256 MB").algorithm
    ('one-shot', 'in-switch')
    """
    hw, size = _checked(hardware, ranks, bytes)
    lines, per_byte = Network(hw).all_reduce(float(ranks))
    if bound:
        return Collective("all-reduce", hw.id, ranks, size, _BOUND, 0.0, _times(per_byte, size, ranks))
    return _best("all-reduce", hw, ranks, size, lines)


def all_gather(hardware: str | Hardware, ranks: int, bytes: float | str, bound: bool = False) -> Collective:
    """Every rank has a share of a tensor and gets all of it; parameters as in `all_reduce`, ``bytes`` of the whole.

    The second half of an all-reduce: one phase of its latency, half of its bytes.

    Examples
    --------
    >>> print(all_gather("tpu-v5e", 16, "33.5 MB"))
    all-gather of 33.5 MB over 16 x tpu-v5e, torus 4x4: 432 µs (6 µs latency, 426 µs transfer)
    """
    return _half("all-gather", hardware, ranks, bytes, bound)


def reduce_scatter(hardware: str | Hardware, ranks: int, bytes: float | str, bound: bool = False) -> Collective:
    """Every rank has a tensor and gets its share of the sum; parameters as in `all_reduce`.

    The first half of an all-reduce: one phase of its latency, half of its bytes.
    """
    return _half("reduce-scatter", hardware, ranks, bytes, bound)


def all_to_all(
    hardware: str | Hardware,
    ranks: int,
    bytes: float | str,
    bound: bool = False,
    *,
    copies: float = 1.0,
    nodes: float = 0.0,
) -> Collective:
    """Every rank sends a part of its own to each rank: the dispatch of tokens to experts, or the way back.

    Parameters
    ----------
    bytes : float or str
        That one rank sends, the part for itself included.
    bound : bool
        Bytes at the datasheet bandwidth, no latency, levels overlapped; not what the middle of a torus lets through.
    copies, nodes : float
        Ranks that each token goes to, and the most domains among them where the router limits that (DeepSeek-V3: 8 in
        4 nodes): only so many copies leave the domain. 0: no limit.

    Examples
    --------
    >>> free, limited = (all_to_all("h800-sxm", 64, "1 MB", copies=8, nodes=n) for n in (0, 4))
    >>> round(free.transfer_s / limited.transfer_s, 2)
    1.26
    """
    hw, size = _checked(hardware, ranks, bytes)
    if not 1.0 <= copies < math.inf:
        raise SpecError("copies", copies, "at least 1")
    if not 0.0 <= nodes < math.inf:
        raise SpecError("nodes", nodes, "a number of domains, 0 where nothing limits it")
    net = Network(hw)
    inner, outer = _grouped(net, ranks)
    every = inner * outer
    out = fs.leaving_share(inner, every, copies, nodes) if outer > 1.0 else 0.0
    inside = inner / every if out > 0.0 and not nodes > 0.0 else 1.0
    if bound:
        within = inside * fs.all_to_all_per_byte(inner, net.per_byte)
        slope = fs._max(within, out * net.per_byte_out)
        return Collective("all-to-all", hw.id, ranks, size, _BOUND, 0.0, _times(slope, size, ranks))
    slope = inside * net.all_to_all_inside(inner) + out * net.typical_out
    alpha = 0.0 if ranks == 1 else net.alpha_out if outer > 1.0 else net.alpha
    name = net.topology if not outer > 1.0 else f"{net.topology} + scale-out" if inner > 1.0 else "scale-out"
    return Collective("all-to-all", hw.id, ranks, size, name, alpha, _times(slope, size, ranks))


def point_to_point(
    hardware: str | Hardware, bytes: float | str, bound: bool = False, *, between_domains: bool = False
) -> Collective:
    """One chip sends to one other: the hand-over between the stages of a pipeline.

    Parameters
    ----------
    between_domains : bool
        Over the scale-out link. Inside a mesh, ring or torus a neighbour is reached over one link; a bound uses all of
        the chip's links.

    Examples
    --------
    >>> round(point_to_point("mi300x", "64 MB", bound=True).seconds * 1e6, 1)  # 448 GB/s are seven links of 64
    142.9
    >>> round(point_to_point("mi300x", "64 MB").transfer_s * 1e6)  # one of them, at the 0.8 that is reached
    1250
    """
    hw, size = _checked(hardware, 1, bytes)
    net = Network(hw)
    if between_domains and not net.has_out:
        raise SpecError("between_domains", between_domains, "a chip with a scale-out link", f"hardware {hw.id!r}")
    if not between_domains and not net.domain > 1.0:
        raise SpecError("between_domains", between_domains, "true: it is joined to no chip", f"hardware {hw.id!r}")
    if bound:
        slope = net.per_byte_out if between_domains else net.per_byte
        return Collective("point-to-point", hw.id, 2, size, _BOUND, 0.0, slope * size)
    slope, alpha = (net.typical_out, net.alpha_out) if between_domains else (net.one_link(), net.alpha)
    return Collective(
        "point-to-point", hw.id, 2, size, "scale-out" if between_domains else "one link", alpha, slope * size
    )


def _half(operation: str, hardware: str | Hardware, ranks: int, bytes: float | str, bound: bool) -> Collective:
    hw, size = _checked(hardware, ranks, bytes)
    net = Network(hw)
    inner, outer = _grouped(net, ranks)
    if bound:
        inside = fs.all_reduce_per_byte(inner, net.per_byte)
        slope = 0.5 * fs._max(inside, fs.all_reduce_per_byte(outer, net.per_byte_out / inner))
        return Collective(operation, hw.id, ranks, size, _BOUND, 0.0, _times(slope, size, ranks))
    net.reduction = 0.0  # a switch that adds saves the way of a sum; each half alone moves as much without it
    within, lines = net.reduce_inside(inner, False), Lines()
    share = net.typical_out / inner
    # half of a tree is no less than recursive doubling, which needs as many steps and (outer - 1)/outer of the bytes
    between = (
        ("ring", fs.ring_latency(outer, net.alpha_out), fs.all_reduce_per_byte(outer, share)),
        ("tree", fs.tree_latency(outer, net.alpha_out), 2.0 * share),
    )
    for (latency, slope), name in zip(within.lines, within.names, strict=True):
        name = name.replace("two-shot", "direct")
        if not outer > 1.0:
            lines.add(0.5 * latency, 0.5 * slope, name)
            continue
        for way, more, per_byte in between:
            lines.add(0.5 * (latency + more), 0.5 * (slope + per_byte), f"{name} + {way}" if inner > 1.0 else way)
    return _best(operation, hw, ranks, size, lines)


def _best(operation: str, hw: Hardware, ranks: int, size: float, lines: Lines) -> Collective:
    (latency, slope), name = min(
        zip(lines.lines, lines.names, strict=True), key=lambda line: line[0][0] + line[0][1] * size
    )
    return Collective(operation, hw.id, ranks, size, name, latency, slope * size)


def _grouped(net: Network, ranks: int) -> tuple[float, float]:
    """Ranks inside one domain, and domains."""
    inner = fs._min(float(ranks), net.domain)
    return inner, float(math.ceil(ranks / inner))


def _times(slope: float, size: float, ranks: int) -> float:
    return slope * size if ranks > 1 else 0.0


def _checked(hardware: str | Hardware, ranks: int, bytes: float | str) -> tuple[Hardware, float]:
    hw = hardware if isinstance(hardware, Hardware) else catalogue.hardware(hardware)
    where = f"hardware {hw.id!r}"
    if isinstance(ranks, bool) or not isinstance(ranks, int) or not 1 <= ranks <= 2**40:
        raise SpecError("ranks", ranks, "a whole number of chips from 1", where)
    domain = hw.scaleup.domain if hw.scaleup else 1
    if ranks > domain and not hw.scaleout:
        joined = f"at most {domain:g}: it has no link between domains" if domain > 1 else "1: it has no links"
        raise SpecError("ranks", ranks, joined, where)
    if isinstance(bytes, str):
        return hw, parse_quantity(bytes, "bytes", "bytes", where)
    if isinstance(bytes, bool) or not isinstance(bytes, int | float) or not 0 <= bytes < math.inf:
        raise SpecError("bytes", bytes, "bytes, as a number from 0 or as '16 KB'", where)
    return hw, float(bytes)
