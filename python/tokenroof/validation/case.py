"""A measurement that the engine can evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..specs import Hardware, Model, Precision

__all__ = ["METRICS", "Case", "Skipped"]

#: What a measurement is, and how it follows from a point's columns (`predict`).
#: Times [s] unless said otherwise; rates count tokens of the whole system.
METRICS: dict[str, str] = {
    "step": "one decode step of a static batch: tpot_s",
    "prefill": "prefill of a batch of prompts, alone on the machine: their tokens through the layers, in one pass",
    "ttft": "time to first token of one unloaded request: ttft_s",
    "request": "a static batch from start to end: prefill of all its prompts, then osl - 1 steps",
    "loaded_tpot": "mean time between tokens in a closed loop of so many requests: a step, others' prefills between",
    "loaded_ttft": "time to first token in that loop, queueing for others' prefills included",
    "throughput": "output tokens/s of the system in steady state, prefill interleaved",
    "gemm": "one matrix product of m x k by k x n",
    "experts": "routed experts of one layer: all their products for some tokens",
    "attention_decode": "attention of one step over a cache, one layer",
    "attention_prefill": "causal attention of prompts, one layer",
    "all_reduce": "one all-reduce of a tensor",
}


@dataclass(frozen=True)
class Case:
    """One measured number with everything that decides it."""

    id: str
    source: str  #: short name of who measured
    metric: str  #: one of `METRICS`
    measured: float  #: [s], or [tokens/s] for throughput
    hardware: Hardware
    precision: Precision
    model: Model | None = None  #: None for an operator on its own
    layout: Mapping[str, int] = field(default_factory=dict)  #: tp, pp, ep, dp, cp
    batch: int = 1  #: static batch, or requests in the closed loop, of one replica
    isl: int = 1
    osl: int = 1
    replicas: int = 1  #: alike ones that the number covers
    shape: Mapping[str, float] = field(default_factory=dict)  #: of an operator: m, n, k, heads, bytes, ...
    phase: str = ""  #: decode, prefill or mixed, as the source says
    software: str = ""
    flag: str = ""  #: why the source's own number is doubted; empty: it is not
    assumed: tuple[str, ...] = ()  #: what the source does not say and was assumed to evaluate it


@dataclass(frozen=True)
class Skipped:
    """A row that cannot be evaluated, and why."""

    id: str
    source: str
    reason: str
