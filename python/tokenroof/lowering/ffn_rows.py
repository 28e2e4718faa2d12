"""Rows of the feed-forward blocks: dense, and routed experts with their router and shared expert."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from ..specs.operator import Kind, Operator, Weights
from .blocks import Rows
from .shape import Dense, Experts

__all__ = ["ffn_rows"]


@singledispatch
def ffn_rows(ffn: object, rows: Rows) -> Iterator[Operator]:
    """The rows of one feed-forward block, in order of execution; registers a function per class of `shape`."""
    raise TypeError(f"no rows for a feed-forward block of type {type(ffn).__name__}")


@ffn_rows.register
def _(ffn: Dense, rows: Rows) -> Iterator[Operator]:
    up = _up_width(ffn.width, ffn.gated)
    rows.biases += (up + rows.hidden) * ffn.bias
    yield rows.gemm("mlp_up", rows.hidden, up)
    yield rows.gemm("mlp_down", ffn.width, rows.hidden)


@ffn_rows.register
def _(ffn: Experts, rows: Rows) -> Iterator[Operator]:
    hidden, up = rows.hidden, _up_width(ffn.width, ffn.gated)
    inner = ffn.latent or hidden  # what an expert reads and writes
    matrices = inner * (up + ffn.width)
    # An expert's biases travel with its matrices: only those of touched experts are read.
    expert = matrices + (up + inner) * ffn.bias
    rows.biases += ffn.experts * ffn.router_bias
    yield rows.gemm("router", hidden, ffn.experts, Kind.REPLICATED, Weights.WIDE)
    if ffn.latent:  # before dispatch and after combine: every rank needs the whole vector
        yield rows.gemm("latent_down", hidden, ffn.latent, Kind.REPLICATED)
    yield rows.row("all_to_all", Kind.ALL_TO_ALL, comm_elems=inner * ffn.active, active=ffn.active, nodes=ffn.nodes)
    yield rows.row(
        "experts",
        Kind.EXPERTS,
        Weights.EXPERT,
        read_elems=expert,
        store_elems=ffn.experts * expert,
        flops_token=2 * ffn.active * matrices,
        act_elems=ffn.active * (2 * inner + up + ffn.width),
        experts=ffn.experts,
        active=ffn.active,
    )
    if ffn.latent:
        rows.norms += ffn.latent * ffn.latent_norm
        rows.biases += (ffn.latent + hidden) * ffn.shared_bias
        yield rows.gemm("latent_up", ffn.latent, hidden, Kind.REPLICATED)
    if ffn.shared_width:
        shared_up = _up_width(ffn.shared_width, ffn.gated)
        size = hidden * (shared_up + ffn.shared_width)
        rows.biases += (shared_up + hidden) * (ffn.bias or ffn.shared_bias)
        yield rows.row(
            "shared_expert",
            Kind.GEMM,
            read_elems=size,
            store_elems=size,
            flops_token=2 * size,
            act_elems=2 * hidden + shared_up + ffn.shared_width,
        )
        if ffn.shared_gate:
            yield rows.gemm("shared_gate", hidden, 1, Kind.REPLICATED, Weights.WIDE)


def _up_width(width: int, gated: bool) -> int:
    """Columns of the first matrix: a gated block computes the gate next to the value."""
    return 2 * width if gated else width
