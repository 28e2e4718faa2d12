"""What a run assumes beside its axes: the memory budget, offloading, padding, and formats that a chip lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import SpecError, UnknownNameError
from ..units import parse_quantity

__all__ = ["Options", "take_options"]

_OF = ("total", "free")
_OFFLOAD = ("weights", "kv")
_FALLBACK = ("status", "wider")
_ATTENTION = ("heads", "batch")
_SPLIT = ("1d", "2d", "auto")


@dataclass(frozen=True)
class Options:
    """Assumptions of a run. Every one is checked here, so that the rest of the package can rely on them.

    Parameters
    ----------
    memory_fraction : float
        Share of main memory that weights and cache may use.
    memory_of : {"total", "free"}
        What the share is of: all memory (vLLM's ``gpu_memory_utilization``), or for the cache alone what weights and
        reserve leave free (TensorRT-LLM's ``free_gpu_memory_fraction``).
    reserved : mapping of str to bytes
        What neither may use, by purpose: ``{"activations": "2 GB", "communication": "0.5 GB", "context": "0.5 GB"}``.
        A bare amount is taken as such a mapping of one.
    offload : iterable of {"weights", "kv"}
        What may live in the levels behind main memory.
    pad_heads : bool
        Let tp not divide the heads: shares are rounded up, and the fullest rank sets the pace.
    fallback : {"status", "wider"}
        Where a chip lacks the compute format: status 20, or the rate of the next wider format that it has.
    attention_sharding : {"heads", "batch"}
        What ranks do that tp has beyond the KV heads: hold copies of a head's caches, as engines do, or the caches of
        other sequences, at the price of an exchange of queries and outputs in each layer (arXiv:2211.05102, 3.3).
    weight_sharding : {"1d", "2d", "auto"}
        How tp splits a block of matrices: by its inner width; by both widths, so that messages shrink with the number
        of ranks (there, 3.2.2); or whichever takes less time at each batch. Only attention with caches of keys and
        values and dense feed-forward blocks can be split by both.
    cache_share : float
        Of main memory, kept for caches where weights are offloaded because they do not fit.

    Examples
    --------
    >>> Options(reserved={"activations": "2 GB", "context": 5e8}).reserved_bytes
    2500000000.0
    """

    memory_fraction: float = 0.9
    memory_of: str = "total"
    reserved: Mapping[str, float] = field(default_factory=dict)
    offload: tuple[str, ...] = ()
    pad_heads: bool = False
    fallback: str = "status"
    attention_sharding: str = "heads"
    weight_sharding: str = "1d"
    cache_share: float = 0.3  # as Pope et al. plan for caches, arXiv:2211.05102, table 1

    def __post_init__(self) -> None:
        fraction = self.memory_fraction
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction <= 1:
            raise SpecError("memory_fraction", fraction, "a share above 0, at most 1")
        if self.memory_of not in _OF:
            raise UnknownNameError("memory_of", self.memory_of, _OF)
        if self.fallback not in _FALLBACK:
            raise UnknownNameError("fallback", self.fallback, _FALLBACK)
        if self.attention_sharding not in _ATTENTION:
            raise UnknownNameError("attention_sharding", self.attention_sharding, _ATTENTION)
        if self.weight_sharding not in _SPLIT:
            raise UnknownNameError("weight_sharding", self.weight_sharding, _SPLIT)
        kept = self.cache_share
        if isinstance(kept, bool) or not isinstance(kept, int | float) or not 0 <= kept <= 1:
            raise SpecError("cache_share", kept, "a share from 0 to 1")
        if not isinstance(self.pad_heads, bool):
            raise SpecError("pad_heads", self.pad_heads, "true or false")
        given = self.reserved if isinstance(self.reserved, Mapping) else {"reserved": self.reserved}
        object.__setattr__(self, "memory_fraction", float(fraction))
        object.__setattr__(self, "cache_share", float(kept))
        object.__setattr__(self, "reserved", {name: _bytes(name, value) for name, value in given.items()})
        object.__setattr__(self, "offload", _names(self.offload))

    @property
    def reserved_bytes(self) -> float:
        """All that is reserved [B]."""
        return math.fsum(self.reserved.values())


def _bytes(name: str, value: object) -> float:
    if isinstance(value, str):
        return parse_quantity(value, "bytes", f"reserved.{name}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e30:
        raise SpecError(f"reserved.{name}", value, "bytes, as a number or as '2 GB'")
    return float(value)


def _names(value: object) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    for name in names:
        if name not in _OFFLOAD:
            raise UnknownNameError("offload", name, _OFFLOAD)
    return tuple(name for name in _OFFLOAD if name in names)


def take_options(given: dict[str, Any], options: Options | None = None) -> Options:
    """Takes the assumptions out of a call's keywords: ``options`` as a whole, or its fields by name, not both."""
    names = [f.name for f in fields(Options) if f.name in given]
    if options is not None and names:
        raise SpecError(names[0], given[names[0]], "either options or its single fields")
    return options or Options(**{name: given.pop(name) for name in names})
