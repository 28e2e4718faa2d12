"""From a shape to its operator table: one row per kind of work and layer group, in order of execution."""

from __future__ import annotations

from collections.abc import Iterator

from ..specs.operator import Kind, Operator, Stage, Weights
from .blocks import Rows
from .ffn_rows import ffn_rows
from .mixer_rows import mixer_rows
from .shape import Attention, Dense, Extra, LayerGroup, Shape

__all__ = ["operators"]


def operators(shape: Shape) -> tuple[Operator, ...]:
    """The rows of ``shape``: coefficients per execution, counts per forward pass.

    Notes
    -----
    A matrix of P elements costs 2 P FLOP per token. Biases and norms hold parameters but cost nothing: their work hides
    in the kernels next to them, and a bound must not charge it.
    """
    return tuple(_rows(shape))


def _rows(shape: Shape) -> Iterator[Operator]:
    width = shape.embed_width or shape.hidden
    table = float(shape.vocab * width)
    yield _lookup("embedding", float((shape.embed_rows or shape.vocab) * width), width)
    if shape.positions:
        yield _lookup("positions", float(shape.positions * shape.hidden), shape.hidden)
    if width != shape.hidden:
        yield _edge_gemm("embedding_up", Stage.FIRST, width, shape.hidden)
    if shape.embed_norm_params:
        yield _edge_norm("embedding_norm", Stage.FIRST, shape.embed_norm_params)
    if shape.per_layer_width:
        every = shape.layers * shape.per_layer_width
        yield _lookup("per_layer_embedding", float(shape.per_layer_vocab * every), every)
        yield _edge_gemm("per_layer_proj", Stage.FIRST, shape.hidden, every)
        yield _edge_norm("per_layer_norm", Stage.FIRST, shape.per_layer_width)
    yield from (_edge_extra(extra, Stage.FIRST) for extra in shape.first)
    for group in shape.groups:
        yield from _group_rows(group, shape)
    yield Operator("stage_handover", Kind.POINT_TO_POINT, comm_elems=float(shape.hidden * shape.streams))
    yield from (_edge_extra(extra, Stage.LAST) for extra in shape.last)
    if shape.final_norm_params:
        yield _edge_norm("final_norm", Stage.LAST, shape.final_norm_params)
    if width != shape.hidden:
        yield _edge_gemm("head_down", Stage.LAST, shape.hidden, width)
    yield Operator(
        "lm_head",
        Kind.HEAD,
        Weights.HEAD,
        Stage.LAST,
        read_elems=table,
        store_elems=0.0 if shape.tied else table,
        tied_elems=table if shape.tied else 0.0,
        flops_token=2.0 * table,
        act_elems=float(width + shape.vocab),
    )
    if shape.head_bias:
        yield _edge_norm("head_bias", Stage.LAST, shape.vocab)


def _lookup(name: str, table: float, width: int) -> Operator:
    """A table of which a token reads one row."""
    return Operator(name, Kind.EMBEDDING, Weights.HEAD, Stage.FIRST, store_elems=table, act_elems=2.0 * width)


def _edge_gemm(name: str, stage: Stage, n_in: int, n_out: int) -> Operator:
    """A matrix before the first or after the last layer."""
    size = float(n_in * n_out)
    return Operator(
        name,
        Kind.REPLICATED,
        Weights.LINEAR,
        stage,
        read_elems=size,
        store_elems=size,
        flops_token=2.0 * size,
        act_elems=float(n_in + n_out),
    )


def _edge_norm(name: str, stage: Stage, params: int) -> Operator:
    """Small parameters before the first or after the last layer."""
    elems = float(params)
    return Operator(name, Kind.REPLICATED, Weights.WIDE, stage, read_elems=elems, store_elems=elems)


def _edge_extra(extra: Extra, stage: Stage) -> Operator:
    """Further matrices before the first or after the last layer."""
    size, flops, act = float(extra.params), float(extra.flops), float(extra.act)
    return Operator(
        extra.name,
        Kind.REPLICATED,
        Weights.WIDE if extra.wide else Weights.LINEAR,
        stage,
        read_elems=size,
        store_elems=size,
        flops_token=flops,
        act_elems=act,
    )


def _group_rows(group: LayerGroup, shape: Shape) -> Iterator[Operator]:
    hidden = shape.hidden
    rows = Rows(hidden, group.count, group.label, group.repeat)
    rows.norms += group.norm_params
    both = group.parallel and group.ffn is not None
    inner: float | None = 0.0
    if group.mixer is not None:
        block = list(mixer_rows(group.mixer, rows))
        yield from block
        inner = _inner_width(group.mixer, block, hidden)
        if not both:
            yield rows.collective("all_reduce_mixer", Kind.ALL_REDUCE, hidden, inner or 0.0)
    if group.ffn is not None:
        block = list(ffn_rows(group.ffn, rows))
        yield from block
        width = _inner_width(group.ffn, block, hidden)
        if both:
            width = None if inner is None or width is None else inner + width
        yield rows.collective("all_reduce_ffn", Kind.ALL_REDUCE, hidden, width or 0.0)
    for extra in group.extras:
        yield rows.row(
            extra.name,
            Kind.REPLICATED,
            Weights.WIDE if extra.wide else Weights.LINEAR,
            read_elems=extra.params,
            store_elems=extra.params,
            flops_token=extra.flops,
            act_elems=extra.act,
        )
    if shape.per_layer_width:
        rows.norms += hidden
        yield rows.gemm("per_layer_gate", hidden, shape.per_layer_width, Kind.REPLICATED)
        yield rows.gemm("per_layer_out", shape.per_layer_width, hidden, Kind.REPLICATED)
    if rows.norms:
        yield rows.small("norms", rows.norms)
    if rows.biases:
        yield rows.small("biases", rows.biases)


def _inner_width(block: object, rows: list[Operator], hidden: int) -> float | None:
    """Elements per token inside a block whose matrices all start or end at the hidden state.

    None for other blocks: latents, states and routed experts have matrices in between.
    """
    if not isinstance(block, Attention | Dense):
        return None
    return sum(row.act_elems - hidden for row in rows if row.kind is Kind.GEMM)
