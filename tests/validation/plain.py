"""Models and chips of a few numbers: the inputs of published tables are often sizes in gigabytes, not architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenroof.specs import Hardware, Kind, Link, Model, Operator, Precision

INT8 = Precision("int8-all", "int8", "int8", "int8", head="int8")


def weights(elems: float, flops: float | None = None) -> Operator:
    """A dense row of so many weights, 2 FLOP for each by default."""
    work = 2 * elems if flops is None else flops
    return Operator("weights", Kind.GEMM, read_elems=elems, store_elems=elems, flops_token=work)


def cache(elems: float) -> Operator:
    """So many cache elements per token."""
    return Operator("attention", Kind.ATTENTION, kv_read_elems=elems, kv_store_elems=elems)


def experts(total: float, active: float, elems: float = 1.0) -> Operator:
    """A layer of routed experts of `elems` weights each."""
    return Operator(
        "experts",
        Kind.EXPERTS,
        read_elems=elems,
        store_elems=total * elems,
        flops_token=2 * active * elems,
        experts=total,
        active=active,
    )


def of(*rows: Operator, layers: int = 1) -> Model:
    """A model of just these rows."""
    return Model("plain", rows, layers=layers, hidden=1, vocab=1)


def chip(bandwidth: float, peak: float = 1e18, memory: float = 1e18, **other: Any) -> Hardware:
    """A chip of these numbers; its links cost nothing unless others are given."""
    return Hardware("chip", {"bf16": peak, "int8": peak}, memory, bandwidth, **{"scaleup": Link("free", 1e30)} | other)


def first(holds: Callable[[int], bool], high: int = 1 << 20) -> int:
    """The least whole number from 1 at which something that stays true becomes true."""
    low = 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
