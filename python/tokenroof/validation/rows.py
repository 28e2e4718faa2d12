"""One row of a measurement table: its fields, its notes, and the precision, layout and flags that they spell."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..points import point
from ..specs import Hardware, Model, Precision, precision
from ..specs.precision import NAMED
from .names import Unusable, find_format
from .predict import OPTIONS

__all__ = ["BOUND_ONLY", "Row", "bound_only", "capacity", "make_precision"]

#: How a flag begins that does not doubt the number: what the source leaves open decides the typical value too much.
BOUND_ONLY = "bound only: "
#: A note about speculation that says whether it was on, as opposed to one that says that nobody knows.
_SPECULATION = re.compile(r"specul|\bmtp\b|\bmtp-|eagle|medusa|draft model|lookahead", re.I)
_NO_SPECULATION = re.compile(r"not (recorded|disclosed|stated|used)|without|\boff\b|plain|baseline|probably", re.I)
_CACHE_HITS = re.compile(r"includes cached|prefix.cach\w* (on|hit)|cache.hit tokens", re.I)
_MOST = 2.0**52  #: of a count
_FLOATS = frozenset(["fp8", "mxfp8", "nvfp4", "mxfp4", "fp4"])


class Row:
    """Fields by column; what is missing reads as empty.

    Attributes
    ----------
    assumed : list of str
        What the source does not say and reading it assumed.
    """

    def __init__(self, fields: Mapping[str, str], broken: str = "") -> None:
        self.fields = {name: value.strip() for name, value in fields.items()}
        self.broken = broken  #: why the row as a whole cannot be read
        self.assumed: list[str] = []

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    def assume(self, what: str) -> None:
        """Record an assumption, once."""
        if what not in self.assumed:
            self.assumed.append(what)

    def number(self, name: str) -> float:
        """A number above 0; NaN where the field is empty."""
        text = self[name]
        if not text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            raise Unusable(f"{name}: {text[:40]!r} is no number") from None
        if not 0 < value < math.inf:
            raise Unusable(f"{name}: {text!r} is not a number above 0")
        return value

    def count(self, name: str, default: int = 0) -> int:
        """A whole number; ``default`` where the field is empty. Mean lengths are rounded."""
        value = self.number(name)
        if value > _MOST:
            raise Unusable(f"{name}: {self[name]!r} is more than 2^52")
        return default if math.isnan(value) else max(round(value), 1)

    def note(self, pattern: str) -> str:
        """The first group of ``pattern`` in the notes, or nothing."""
        found = re.search(pattern, self["notes"], re.I)
        return found[1] if found else ""

    def format(self, name: str) -> str:
        """The format in a column; empty where it says nothing."""
        return find_format(self[name], lambda text: self.assume(f"{name}: {text}"))

    def flag(self) -> str:
        """Why the source's number is doubted; empty where it is not."""
        notes = self["notes"]
        doubted = re.search(r"FLAG:\s*(.+)|((?:NEGATIVE CONTROL|SUSPICIOUS)\b.*)", notes)
        if doubted:
            return (doubted[1] or doubted[2]).strip()
        return "vendor claim" if self["kind"] == "vendor_claim" else ""

    def refuse_shortcuts(self) -> None:
        """Tokens that cost no step of their own cannot be compared without knowing how many they were."""
        for part in [*self["notes"].split(";"), self["software"]]:
            if "FLAG:" in part or self["kind"] == "vendor_claim":
                continue
            if _SPECULATION.search(part) and not _NO_SPECULATION.search(part):
                raise Unusable("speculative decoding: tokens per step are not given")
            if _CACHE_HITS.search(part):
                raise Unusable("prefix caching: the share of cached tokens is not given")


def bound_only(flag: str, why: str) -> str:
    """``flag``, or, where there is none, that only the bound can be checked and why."""
    return flag or f"{BOUND_ONLY}{why}"


def make_precision(
    row: Row,
    hardware: Hardware,
    weights: str,
    experts: str = "",
    activations: str = "",
    kv: str = "",
    moe: bool = False,
) -> Precision:
    """The precision that formats spell, with what tables leave open filled in by rules.

    - mxfp4 is the format of routed experts, the rest 16 bit (gpt-oss as published), or q8_0 (the GGUF file of it: 12.1
      GB of 20.9e9 weights); int4 weights of a model with experts are likewise those of experts (Kimi K2 as published).
    - GGUF keeps the head in a format of its own. llama.cpp multiplies quantised matrices in int8 on NVIDIA's chips.
    - Activations are in the weights' format where it is a float, in 16 bit where it is an integer or nothing is said.
    - A cache of which nothing is said is fp8 where weights are floats of 8 bit or less and the software is TensorRT-LLM
      or the chip computes in fp4, else 16 bit: what these servers default to, or are run with.
    """
    software = row["software"].lower()
    if not weights:
        row.assume("format of weights not given: 16 bit")
        weights = "bf16"
    if not kv:
        narrow = (experts or weights) in _FLOATS and ("trt" in software or "tensorrt" in software)
        narrow = narrow or ((experts or weights) in _FLOATS and "fp4" in hardware.peaks)
        kv = "fp8" if narrow and weights != "mxfp4" else "bf16"
        row.assume(f"format of the cache not given: {kv}")
    head = NAMED[weights].head if weights in NAMED else ""
    if weights == "mxfp4":
        head = "q8_0" if "llama.cpp" in software else ""
        weights, experts = head or "bf16", "mxfp4"
        activations = "bf16" if activations in ("", "mxfp4", "nvfp4") else activations
    elif weights.startswith("int4") and moe:
        weights, experts = "bf16", weights
    if not activations:
        activations = weights if weights in _FLOATS or weights == "int8" else "bf16"
    if head and "int8" in hardware.peaks and hardware.vendor == "NVIDIA":
        activations = "int8"
    return _precision(weights, activations, kv, experts if experts != weights else "", head)


@cache
def _precision(weights: str, activations: str, kv: str, experts: str, head: str) -> Precision:
    name = "/".join((weights, activations, kv))
    if not experts and not head:
        return precision(name)
    parts = [f"{what} {given}" for what, given in (("experts", experts), ("head", head)) if given]
    return Precision(", ".join((name, *parts)), weights, activations, kv, experts=experts, head=head)


def capacity(model: Model, hardware: Hardware, at: Precision, layout: Mapping[str, int], isl: int, osl: int) -> float:
    """Sequences of isl + osl tokens that one replica holds when all memory may be used; NaN where nobody can say."""
    return _capacity(model.id, hardware.id, at, tuple(sorted(layout.items())), isl, osl)


@cache
def _capacity(
    model: str, hardware: str, at: Precision, layout: tuple[tuple[str, int], ...], isl: int, osl: int
) -> float:
    axes: dict[str, Any] = dict(layout)
    return point(model, hardware, precision=at, isl=isl, osl=osl, options=OPTIONS, **axes).max_batch
