"""Rows of the token mixers: projections, attention over the cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from ..specs.operator import Kind, Operator
from .blocks import Rows
from .shape import Attention, LatentAttention

__all__ = ["mixer_rows"]


@singledispatch
def mixer_rows(mixer: object, rows: Rows) -> Iterator[Operator]:
    """The rows of one mixer, in order of execution; registers a function per class of `shape`."""
    raise TypeError(f"no rows for a mixer of type {type(mixer).__name__}")


@mixer_rows.register
def _(mixer: Attention, rows: Rows) -> Iterator[Operator]:
    q = mixer.heads * mixer.head_dim
    kv = 2 * mixer.kv_heads * mixer.head_dim
    rows.norms += mixer.qk_norm
    rows.biases += (q + kv) * mixer.qkv_bias + rows.hidden * mixer.o_bias + mixer.heads * mixer.sinks
    yield rows.gemm("qkv_proj", rows.hidden, q + kv)
    yield rows.row(
        "attention",
        Kind.ATTENTION,
        act_elems=2 * q,
        flops_ctx_decode=4 * q,  # query times keys, weights times values: 2 FLOP each
        flops_ctx_prefill=4 * q,
        kv_read_elems=kv,
        kv_store_elems=kv,
        window=mixer.window,
        heads=mixer.heads,
        kv_heads=mixer.kv_heads,
    )
    yield rows.gemm("o_proj", q, rows.hidden)


@mixer_rows.register
def _(mixer: LatentAttention, rows: Rows) -> Iterator[Operator]:
    heads, c, rope = mixer.heads, mixer.kv_rank, mixer.rope
    q = heads * (mixer.nope + rope)
    out = heads * mixer.v_dim
    rows.norms += c + (mixer.q_rank or 0)
    rows.biases += (c + rope + (mixer.q_rank or 0) + rows.hidden) * mixer.bias
    if mixer.q_rank is None:
        yield rows.gemm("q_proj", rows.hidden, q)
    else:  # the compressed vectors are shared by all heads, so every tp rank computes them whole
        yield rows.gemm("q_a_proj", rows.hidden, mixer.q_rank, Kind.REPLICATED)
        yield rows.gemm("q_b_proj", mixer.q_rank, q)
    yield rows.gemm("kv_a_proj", rows.hidden, c + rope, Kind.REPLICATED)
    # Decode folds the key half into the query and the value half into the output (absorbed); prefill applies both to
    # each new latent (expanded). Either way a token passes every element of the matrix once: 2 FLOP per element.
    # Activations are those of the expanded form, the smaller of the two.
    yield rows.gemm("kv_b_proj", c, heads * (mixer.nope + mixer.v_dim))
    yield rows.row(
        "attention",
        Kind.ATTENTION,
        act_elems=q + out,
        flops_ctx_decode=2 * heads * (2 * c + rope),  # scores over c + rope, values over c
        flops_ctx_prefill=2 * heads * (mixer.nope + rope + mixer.v_dim),
        kv_read_elems=c + rope,
        kv_store_elems=c + rope,
        heads=heads,
        kv_heads=1,  # one latent for all heads: tp cannot split the cache
    )
    yield rows.gemm("o_proj", out, rows.hidden)
