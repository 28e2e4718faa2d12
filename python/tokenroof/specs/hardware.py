"""One accelerator and how it is wired: peaks, memory, links, power, price, calibration."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import SpecError

__all__ = ["Calibration", "Hardware", "Link"]


@dataclass(frozen=True, slots=True)
class Link:
    """A network that joins chips: every rank sends and receives at ``bandwidth`` at once."""

    name: str
    bandwidth: float  #: per chip and direction [B/s]
    domain: float = math.inf  #: chips that it joins


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
    usd_per_hour : float
        Rent of one chip [USD/h]; derived from price, life and power when it is not rented out.
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
    scaleup: Link | None = None
    scaleout: Link | None = None
    power_max: float = math.nan
    power_idle: float = math.nan
    price_usd: float = math.nan
    usd_per_hour: float = math.nan
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
        for name in ("compute_efficiency", "memory_efficiency", "link_efficiency"):
            value = getattr(self.calibration, name)
            if not 0 < value <= 1:
                raise SpecError(name, value, "a share above 0, at most 1", where)
        for name in ("link_latency", "scaleout_latency", "layer_overhead", "step_overhead"):
            value = getattr(self.calibration, name)
            if not 0 <= value < math.inf:
                raise SpecError(name, value, "a finite number of seconds, not negative", where)
        for name in ("sram_bytes", "power_max", "power_idle", "price_usd", "usd_per_hour"):
            value = getattr(self, name)
            if not isinstance(value, int | float):
                raise SpecError(name, value, "a number", where)
            if not (math.isnan(value) and name != "sram_bytes") and not 0 <= value < math.inf:
                raise SpecError(name, value, "a finite number, not negative", where)
        if self.power_idle > self.power_max:
            raise SpecError("power_idle", self.power_idle, f"at most power_max, {self.power_max:g} W", where)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Hardware:
        """Read one chip from a TOML file in the catalogue's format (docs/catalogue.md)."""
        from ..catalogue import hardware_from_toml

        return hardware_from_toml(path)


def _positive(field_name: str, value: float, where: str) -> None:
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SpecError(field_name, value, "a finite number above 0", where)
