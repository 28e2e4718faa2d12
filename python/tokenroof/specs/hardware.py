"""One accelerator and how it is wired: peaks, memory, links, power, price, calibration."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import SpecError

__all__ = ["TOPOLOGIES", "Calibration", "Hardware", "Level", "Link"]

#: How a network joins its chips; the values are those of ``enum tr_topology`` in ``tokenroof.h``.
TOPOLOGIES = ("switch", "mesh", "ring", "torus")


@dataclass(frozen=True, slots=True)
class Link:
    """A network that joins chips: every rank sends and receives at ``bandwidth`` at once, over all of its links."""

    name: str
    bandwidth: float  #: per chip and direction, all links together [B/s]
    domain: float = math.inf  #: chips that it joins
    topology: str = "switch"  #: one of `TOPOLOGIES`; a mesh has a link of its own from each chip to each other one
    dims: tuple[int, ...] = ()  #: of a torus: chips along each of its two or three axes
    wrap: int = 0  #: of a torus: parts of an axis close into a ring where a multiple of this (0: whole axes only)
    reduction: float = 0.0  #: share of the bandwidth that reduction inside the switch reaches; 0: it cannot
    reduction_latency: float = 0.0  #: of such a reduction [s]


@dataclass(frozen=True, slots=True)
class Level:
    """A level of memory besides the main one, and what may live there.

    ``near`` levels are filled before main memory (burned-in weights, a scratchpad); the others behind it (host memory
    over PCIe, flash, a remote store), and only where a run allows to offload.
    """

    name: str
    capacity: float  #: of one chip [B]
    bandwidth: float  #: reads of one chip [B/s]; ``inf``: operands are where the arithmetic is
    holds: tuple[str, ...] = ("weights",)  #: of ``"weights"`` and ``"kv"``
    near: bool = False
    byte_joules: float = math.nan  #: energy of reading a byte [J/B]; nan: as main memory


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `typical` adds to the datasheet: shares of the peaks that are reached, and fixed costs."""

    compute_efficiency: float = 1.0  #: reached share of the dense peak, large matrices
    memory_efficiency: float = 1.0  #: reached share of the memory bandwidth
    link_efficiency: float = 1.0  #: reached share of a link's bandwidth
    link_latency: float = 0.0  #: one message inside the domain, software included [s]
    scaleout_latency: float = 0.0  #: one message between domains, software included [s]
    layer_overhead: float = 0.0  #: launches and small kernels of one layer [s]
    step_overhead: float = 0.0  #: scheduler and sampling of one forward pass [s]
    serial: float = 0.0  #: share of a row's smaller time (compute, memory) that does not hide behind the larger
    kv_efficiency: float = 1.0  #: of the memory bandwidth, reading caches; over `memory_efficiency`
    attention_efficiency: float = 1.0  #: of the peak, attention over the prompt; over `compute_efficiency`
    narrow_efficiency: float = 1.0  #: of the peak, formats below 16 bit; over `compute_efficiency`
    quant_efficiency: float = (
        1.0  #: of the memory bandwidth, weights that are unpacked on the way; over `memory_efficiency`
    )
    kernel_overhead: float = 0.0  #: launch, fill and drain of one row [s], besides `layer_overhead`
    tile: float = 1.0  #: tokens that the arithmetic of a row takes at least: a tile of a matrix unit
    expert_imbalance: float = 1.0  #: busiest over mean rank of routed experts, where ep > 1
    expert_efficiency: float = 1.0  #: of the peak, routed experts' arithmetic; over `compute_efficiency`
    sequence_overhead: float = 0.0  #: host's work for a sequence in each step: sampling, text [s]
    prefill_overhead: float = 0.0  #: of a layer, which the pass over a prompt takes at least: launches one by one [s]


@dataclass(frozen=True)
class Hardware:
    """One accelerator. All numbers SI; ``nan`` where nobody says.

    Parameters
    ----------
    peaks : mapping
        Dense peak [FLOP/s] per compute format: ``bf16``, ``fp8``, ``int8``, ``fp4``, ``fp32``. Absent: not supported.
    memory_bytes, memory_bandwidth : float
        Main memory of one chip [B], [B/s].
    sram_bytes : float
        On-chip memory that can hold operands between uses [B]; 0 when unknown.
    levels : tuple of Level
        Memory besides main memory, nearest first; at most 4.
    usd_per_hour : float
        Rent of one chip [USD/h]; derived from price, life and power when it is not rented out.
    life_years : float
        Years over which a bought chip is written off.
    die_mm2, process_nm : float
        Silicon of one chip [mm2], and the node's name [nm].
    flop_joules : mapping
        Energy of an operation [J/FLOP] per compute format; for others see `joules_per_flop`.
    byte_joules, link_joules : float
        Energy of a byte of main memory, and of a byte sent over a link [J/B].
    """

    id: str
    peaks: Mapping[str, float]
    memory_bytes: float
    memory_bandwidth: float
    name: str = ""
    vendor: str = ""
    kind: str = "gpu"
    status: str = "official"
    sram_bytes: float = 0.0
    levels: tuple[Level, ...] = ()
    scaleup: Link | None = None
    scaleout: Link | None = None
    power_max: float = math.nan
    power_idle: float = math.nan
    price_usd: float = math.nan
    usd_per_hour: float = math.nan
    life_years: float = math.nan
    die_mm2: float = math.nan
    process_nm: float = math.nan
    flop_joules: Mapping[str, float] = field(default_factory=dict)
    byte_joules: float = math.nan
    link_joules: float = math.nan
    calibration: Calibration = field(default_factory=Calibration)
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        where = f"hardware {self.id!r}"
        if not self.peaks:
            raise SpecError("peaks", dict(self.peaks), "at least one dense peak", where)
        for name, value in self.peaks.items():
            _positive(f"peaks.{name}", value, where)
        for name in ("memory_bytes", "memory_bandwidth"):
            _positive(name, getattr(self, name), where)
        for link in (self.scaleup, self.scaleout):
            if link is not None:
                _positive("bandwidth", link.bandwidth, f"{where}, link {link.name!r}")
                if not link.domain >= 1 or link.domain % 1 > 0:  # inf % 1 is nan
                    expected = "a whole number of chips, at least one chip"
                    raise SpecError("domain", link.domain, expected, f"{where}, link {link.name!r}")
        for link in (self.scaleup, self.scaleout):
            if link is not None:
                _check_topology(link, f"{where}, link {link.name!r}")
        if self.scaleout is not None and self.scaleout.topology != "switch":
            raise SpecError("topology", self.scaleout.topology, "'switch': domains are joined by a fat tree", where)
        _check_levels(self.levels, where)
        if not 0 <= self.calibration.serial <= 1:
            raise SpecError("serial", self.calibration.serial, "a share, at most 1", where)
        for name in (
            "compute_efficiency",
            "memory_efficiency",
            "link_efficiency",
            "kv_efficiency",
            "attention_efficiency",
            "narrow_efficiency",
            "quant_efficiency",
            "expert_efficiency",
        ):
            value = getattr(self.calibration, name)
            if not 0 < value <= 1:
                raise SpecError(name, value, "a share above 0, at most 1", where)
        for name in ("tile", "expert_imbalance"):
            if not 1 <= getattr(self.calibration, name) < math.inf:
                raise SpecError(name, getattr(self.calibration, name), "a finite number, at least 1", where)
        for name in _SECONDS:
            value = getattr(self.calibration, name)
            if not 0 <= value < math.inf:
                raise SpecError(name, value, "a finite number of seconds, not negative", where)
        for name, value in self.flop_joules.items():
            _positive(f"flop_joules.{name}", value, where)
        optional = ("power_max", "power_idle", "price_usd", "usd_per_hour", "life_years", "die_mm2", "process_nm")
        for name in ("sram_bytes", *optional, "byte_joules", "link_joules"):
            value = getattr(self, name)
            if not isinstance(value, int | float):
                raise SpecError(name, value, "a number", where)
            if not (math.isnan(value) and name != "sram_bytes") and not 0 <= value < math.inf:
                raise SpecError(name, value, "a finite number, not negative", where)
        if self.power_idle > self.power_max:
            raise SpecError("power_idle", self.power_idle, f"at most power_max, {self.power_max:g} W", where)

    def joules_per_flop(self, compute: str) -> float:
        """Energy of an operation in a compute format [J/FLOP]; 0 where the chip says it of none, or not of memory.

        A format without a number of its own takes the power of one that has it, at full rate: a chip that meets its
        power limit in one format meets it in the others.

        >>> peaks, joules = {"bf16": 1e15, "fp8": 2e15}, {"bf16": 8e-13}
        >>> chip = Hardware("chip", peaks, 1e11, 1e12, flop_joules=joules, byte_joules=4e-11)
        >>> chip.joules_per_flop("bf16"), chip.joules_per_flop("fp8"), chip.joules_per_flop("fp4")
        (8e-13, 4e-13, 0.0)
        """
        known = next((name for name in self.flop_joules if name in self.peaks), None)
        if math.isnan(self.byte_joules) or known is None or compute not in self.peaks:
            return 0.0
        if compute in self.flop_joules:
            return self.flop_joules[compute]
        return self.flop_joules[known] * self.peaks[known] / self.peaks[compute]

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Hardware:
        """Read one chip from a TOML file in the catalogue's format (docs/catalogue.md)."""
        from ..catalogue import hardware_from_toml

        return hardware_from_toml(path)


#: Fixed costs of `Calibration`.
_SECONDS = (
    *("link_latency", "scaleout_latency", "layer_overhead", "step_overhead", "kernel_overhead"),
    *("sequence_overhead", "prefill_overhead"),
)


def _positive(field_name: str, value: float, where: str) -> None:
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SpecError(field_name, value, "a finite number above 0", where)


def _check_topology(link: Link, where: str) -> None:
    if link.topology not in TOPOLOGIES:
        raise SpecError("topology", link.topology, f"one of {', '.join(TOPOLOGIES)}", where)
    if (link.topology == "torus") != bool(link.dims):
        raise SpecError("dims", link.dims, "chips along each axis of a torus, and only of one", where)
    if not all(isinstance(n, int) and n >= 1 for n in link.dims) or len(link.dims) > 3:
        raise SpecError("dims", link.dims, "up to three whole numbers from 1", where)
    if link.dims and math.prod(link.dims) != link.domain:
        raise SpecError("dims", link.dims, f"axes whose product is the domain, {link.domain:g} chips", where)
    if link.topology in ("mesh", "ring") and math.isinf(link.domain):
        raise SpecError("domain", link.domain, f"a finite number of chips in a {link.topology}", where)
    if not isinstance(link.wrap, int) or link.wrap < 0:
        raise SpecError("wrap", link.wrap, "a whole number, 0 where only whole axes close", where)
    if not 0 <= link.reduction <= 1 or (link.reduction and link.topology != "switch"):
        raise SpecError("reduction", link.reduction, "a share of the bandwidth, of a switch", where)
    if not 0 <= link.reduction_latency < math.inf:
        raise SpecError("reduction_latency", link.reduction_latency, "a finite number of seconds", where)


def _check_levels(levels: tuple[Level, ...], where: str) -> None:
    if len(levels) > 4:
        raise SpecError("levels", len(levels), "at most 4 besides main memory", where)
    for i, level in enumerate(levels):
        at = f"{where}, level {level.name!r}"
        _positive("capacity", level.capacity, at)
        if not isinstance(level.bandwidth, int | float) or not level.bandwidth > 0:
            raise SpecError("bandwidth", level.bandwidth, "a number above 0; inf for operands in place", at)
        if not level.holds or not set(level.holds) <= {"weights", "kv"}:
            raise SpecError("holds", level.holds, "'weights', 'kv' or both", at)
        if not (math.isnan(level.byte_joules) or 0 <= level.byte_joules < math.inf):
            raise SpecError("byte_joules", level.byte_joules, "a finite number, not negative", at)
        if level.near and i and not levels[i - 1].near:
            raise SpecError("levels", level.name, "near levels first", at)
