"""From a shape to its operator table: one row per kind of work and layer group, in order of execution."""

from __future__ import annotations

from collections.abc import Iterator

from ..specs.operator import Kind, Operator, Stage, Weights
from .blocks import Rows
from .ffn_rows import ffn_rows
from .mixer_rows import mixer_rows
from .shape import LayerGroup, Shape

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
    table = float(shape.vocab * shape.hidden)
    yield Operator(
        "embedding",
        Kind.EMBEDDING,
        Weights.HEAD,
        Stage.FIRST,
        store_elems=table,
        act_elems=2.0 * shape.hidden,
    )
    for group in shape.groups:
        yield from _group_rows(group, shape.hidden)
    yield Operator("stage_handover", Kind.POINT_TO_POINT, comm_elems=float(shape.hidden))
    if shape.final_norm_params:
        final = float(shape.final_norm_params)
        yield Operator("final_norm", Kind.REPLICATED, Weights.WIDE, Stage.LAST, read_elems=final, store_elems=final)
    yield Operator(
        "lm_head",
        Kind.HEAD,
        Weights.HEAD,
        Stage.LAST,
        read_elems=table,
        store_elems=0.0 if shape.tied else table,
        tied_elems=table if shape.tied else 0.0,
        flops_token=2.0 * table,
        act_elems=float(shape.hidden + shape.vocab),
    )


def _group_rows(group: LayerGroup, hidden: int) -> Iterator[Operator]:
    rows = Rows(hidden, group.count, group.label)
    rows.norms += group.norm_params
    yield from mixer_rows(group.mixer, rows)
    yield rows.collective("all_reduce_mixer", Kind.ALL_REDUCE, hidden)
    yield from ffn_rows(group.ffn, rows)
    yield rows.collective("all_reduce_ffn", Kind.ALL_REDUCE, hidden)
    if rows.norms:
        yield rows.small("norms", rows.norms)
    if rows.biases:
        yield rows.small("biases", rows.biases)
