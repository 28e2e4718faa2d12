"""Rows of the token mixers: projections, attention over the cache, scans over a state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import singledispatch

from ..specs.operator import Kind, Operator
from .blocks import Rows
from .shape import Attention, CompressedAttention, Indexer, LatentAttention, Recurrent, SideBySide

__all__ = ["latent_flops_per_pair", "mixer_rows"]


@singledispatch
def mixer_rows(mixer: object, rows: Rows) -> Iterator[Operator]:
    """The rows of one mixer, in order of execution; registers a function per class of `shape`."""
    raise TypeError(f"no rows for a mixer of type {type(mixer).__name__}")


@mixer_rows.register
def _(mixer: Attention, rows: Rows) -> Iterator[Operator]:
    v_dim = mixer.v_dim or mixer.head_dim
    q, out = mixer.heads * mixer.head_dim, mixer.heads * v_dim
    kv = mixer.kv_heads * (mixer.head_dim + v_dim)
    own_kv = 0 if mixer.shared_cache else kv if mixer.kv_projections == 2 else mixer.kv_heads * mixer.head_dim
    rows.norms += mixer.qk_norm
    rows.biases += (q + own_kv) * mixer.qkv_bias + rows.hidden * mixer.o_bias + mixer.heads * mixer.sinks
    yield rows.gemm("qkv_proj", rows.hidden, q + own_kv, heads=mixer.heads)
    if mixer.gate:
        rows.biases += mixer.gate * mixer.gate_bias
        yield rows.gemm("gate_proj", rows.hidden, mixer.gate, heads=mixer.heads)
    store, window = 0 if mixer.shared_cache else kv, mixer.window
    if mixer.indexer:
        yield from _indexer_rows(mixer.indexer, rows, store)
        store, window = 0, min(window, mixer.indexer.top)
    per_pair = 2 * (q + out)  # query times keys, weights times values: 2 FLOP per element each
    inside = 1.0  # share of the work that stops at the window
    if mixer.stride:  # window + (context - window) / stride is a share of either, so that two rows say it
        everywhere = 1.0 / mixer.stride
        inside = 1.0 - everywhere
        yield rows.row(
            "attention_strided",
            Kind.ATTENTION,
            flops_ctx_decode=per_pair * everywhere,
            flops_ctx_prefill=per_pair * everywhere,
            kv_read_elems=kv * everywhere,
            kv_store_elems=store,
            heads=mixer.heads,
            kv_heads=mixer.kv_heads,
        )
        store = 0
    yield rows.row(
        "attention",
        Kind.ATTENTION,
        act_elems=q + out,
        flops_ctx_decode=per_pair * inside,
        flops_ctx_prefill=per_pair * inside,
        kv_read_elems=kv * inside,
        kv_store_elems=store,
        window=window,
        chunked=mixer.chunked,
        heads=mixer.heads,
        kv_heads=mixer.kv_heads,
    )
    yield rows.gemm("o_proj", out, rows.hidden, heads=mixer.heads)


@mixer_rows.register
def _(mixer: LatentAttention, rows: Rows) -> Iterator[Operator]:
    heads, c, rope = mixer.heads, mixer.kv_rank, mixer.rope
    q = heads * (mixer.nope + rope)
    out = heads * mixer.v_dim
    rows.norms += c + (mixer.q_rank or 0)
    rows.biases += (c + rope + (mixer.q_rank or 0) + rows.hidden) * mixer.bias
    if mixer.q_rank is None:
        yield rows.gemm("q_proj", rows.hidden, q, heads=heads)
    else:  # the compressed vectors are shared by all heads, so every tp rank computes them whole
        yield rows.gemm("q_a_proj", rows.hidden, mixer.q_rank, Kind.REPLICATED)
        yield rows.gemm("q_b_proj", mixer.q_rank, q, heads=heads)
    if mixer.gate:
        yield rows.gemm("gate_proj", rows.hidden, mixer.gate, heads=heads)
    yield rows.gemm("kv_a_proj", rows.hidden, c + rope, Kind.REPLICATED)
    # Decode folds the key half into the query and the value half into the output (absorbed); prefill applies both to
    # each new latent (expanded). Either way a new token passes every element of the matrix once: 2 FLOP per element.
    # Activations are those of the expanded form, the smaller of the two.
    yield rows.gemm("kv_b_proj", c, heads * (mixer.nope + mixer.v_dim), heads=heads)
    store, window = c + rope, math.inf
    if mixer.indexer:
        yield from _indexer_rows(mixer.indexer, rows, store)
        store, window = 0, float(mixer.indexer.top)
    elif mixer.top:  # a windowed row stores no more than its window, but any token may be chosen
        yield rows.row("latent_cache", Kind.ATTENTION, kv_store_elems=store, kv_heads=1)
        store, window = 0, float(mixer.top)
    yield rows.row(
        "attention",
        Kind.ATTENTION,
        act_elems=q + out,
        flops_ctx_decode=latent_flops_per_pair(mixer, queries=1),
        flops_ctx_prefill=latent_flops_per_pair(mixer, queries=math.inf),
        kv_read_elems=c + rope,
        kv_store_elems=store,
        window=window,
        heads=heads,
        kv_heads=1,  # one latent for all heads: tp cannot split the cache
    )
    yield rows.gemm("o_proj", out, rows.hidden, heads=heads)


def latent_flops_per_pair(mixer: LatentAttention, queries: float) -> float:
    """FLOP per query and cached token of latent attention, in the cheaper of its two forms.

    Absorbed: scores over ``c + rope``, values over ``c``, for each head. Expanded: scores over ``nope + rope``, values
    over ``v``, after each cached latent was expanded to ``heads * (nope + v)`` elements, once for all ``queries`` that
    a step brings for the sequence. A prompt without a cached prefix expands its own latents anyway: ``inf``.

    References
    ----------
    DeepSeek-V2, arXiv:2405.04434, section 2.1 and appendix C.
    """
    heads, c = mixer.heads, mixer.kv_rank
    absorbed = 2.0 * heads * (2 * c + mixer.rope)
    expanded = 2.0 * heads * (mixer.nope + mixer.rope + mixer.v_dim)
    expansion = 2.0 * c * heads * (mixer.nope + mixer.v_dim) / queries
    return min(absorbed, expanded + expansion)


def _indexer_rows(indexer: Indexer, rows: Rows, store: int, ratio: int = 1) -> Iterator[Operator]:
    """Scoring over the whole context. The cache that it chooses from is stored whole, hence with this row.

    ``ratio`` tokens share one entry of either cache; the caller then has the rows that make the entries.
    """
    q = indexer.heads * indexer.head_dim
    per_pair = 2 * (q + indexer.heads * indexer.weighted)  # scores of all heads, and their weighted sum
    rows.norms += indexer.norm_params
    yield rows.gemm("index_q_proj", indexer.q_in or rows.hidden, q, Kind.REPLICATED)
    if ratio == 1:
        yield rows.gemm("index_k_proj", rows.hidden, indexer.head_dim, Kind.REPLICATED)
    if indexer.weighted:
        yield rows.gemm("index_weights", rows.hidden, indexer.heads, Kind.REPLICATED)
    yield rows.row(
        "indexer",
        Kind.ATTENTION,
        act_elems=q,
        flops_ctx_decode=per_pair / ratio,
        flops_ctx_prefill=per_pair / ratio,
        kv_read_elems=indexer.head_dim / ratio,
        kv_store_elems=(indexer.head_dim + store) / ratio,
        kv_heads=1,
    )


@mixer_rows.register
def _(mixer: CompressedAttention, rows: Rows) -> Iterator[Operator]:
    heads, dim, rank = mixer.heads, mixer.head_dim, mixer.q_rank
    rows.norms += rank + dim
    rows.biases += heads * mixer.sinks
    yield rows.gemm("q_a_proj", rows.hidden, rank, Kind.REPLICATED)
    yield rows.gemm("q_b_proj", rank, heads * dim, heads=heads)
    yield rows.gemm("kv_proj", rows.hidden, dim, Kind.REPLICATED)
    per_pair = 4.0 * heads * dim  # query times key, weight times value: the key again
    if mixer.ratio:
        ratio, indexer = mixer.ratio, mixer.indexer
        yield from _compressor_rows("compressor", rows, dim, ratio, overlapped=indexer is not None)
        store, window = float(dim), math.inf
        if indexer:
            yield from _compressor_rows("index_compressor", rows, indexer.head_dim, ratio, overlapped=True)
            yield from _indexer_rows(indexer, rows, dim, ratio)
            store, window = 0.0, float(indexer.top * ratio)
        yield rows.row(
            "compressed_attention",
            Kind.ATTENTION,
            flops_ctx_decode=per_pair / ratio,
            flops_ctx_prefill=per_pair / ratio,
            kv_read_elems=dim / ratio,
            kv_store_elems=store / ratio,
            window=window,
            heads=heads,
            kv_heads=1,
        )
    yield rows.row(
        "attention",
        Kind.ATTENTION,
        act_elems=2 * heads * dim,
        flops_ctx_decode=per_pair,
        flops_ctx_prefill=per_pair,
        kv_read_elems=dim,
        kv_store_elems=dim,
        window=mixer.window,
        heads=heads,
        kv_heads=1,
    )
    inner, size = mixer.out_groups * mixer.out_rank, heads * dim * mixer.out_rank
    yield rows.row(
        "o_a_proj",  # block diagonal: each group of heads has a matrix of its own
        Kind.GEMM,
        read_elems=size,
        store_elems=size,
        flops_token=2 * size,
        act_elems=heads * dim + inner,
        heads=heads,
    )
    yield rows.gemm("o_b_proj", inner, rows.hidden)


def _compressor_rows(name: str, rows: Rows, dim: int, ratio: int, *, overlapped: bool) -> Iterator[Operator]:
    """Values and weights of each token, and what is kept of them until an entry is complete.

    An entry is a weighted sum over ``ratio`` tokens, or over twice as many where entries overlap: then each token has a
    value for its own entry and one for the next, so one of two is still wanted when its own entry is complete.
    """
    width = 2 * dim if overlapped else dim
    rows.norms += dim
    rows.biases += ratio * width  # a learned weight per place within an entry
    yield rows.gemm(name, rows.hidden, 2 * width, Kind.REPLICATED)
    yield rows.row(
        f"{name}_buffer",
        Kind.ATTENTION,
        kv_store_elems=3 * dim if overlapped else 2 * dim,
        window=2 * ratio if overlapped else ratio,
        kv_heads=1,
    )


@mixer_rows.register
def _(mixer: SideBySide, rows: Rows) -> Iterator[Operator]:
    for part in mixer.parts:
        yield from mixer_rows(part, rows)


@mixer_rows.register
def _(mixer: Recurrent, rows: Rows) -> Iterator[Operator]:
    *before, after = mixer.projections
    rows.biases += sum(p.n_out for p in mixer.projections if p.bias)
    for p in before:
        kind, heads = (Kind.REPLICATED, 0) if p.shared else (Kind.GEMM, mixer.heads)
        yield rows.gemm(p.name, p.n_in, p.n_out, kind, heads=heads)
    if mixer.conv:
        channels, kernel = mixer.conv.channels, mixer.conv.kernel
        rows.biases += channels * mixer.conv.bias
        yield rows.row(
            "conv",
            Kind.ATTENTION,
            read_elems=channels * kernel,
            store_elems=channels * kernel,
            flops_token=2 * channels * kernel,
            act_elems=2 * channels,
            state_elems=channels * (kernel - 1),
            state_bytes=2.0,
            kv_heads=mixer.heads,
        )
    if mixer.params:
        rows.norms += mixer.params
    yield rows.row(
        f"{mixer.kind}_scan",
        Kind.ATTENTION,
        flops_token=mixer.flops,
        act_elems=mixer.act,
        state_elems=mixer.state,
        state_bytes=mixer.state_bytes,
        heads=mixer.heads,
        kv_heads=mixer.heads,
    )
    yield rows.gemm(after.name, after.n_in, after.n_out, heads=mixer.heads)
