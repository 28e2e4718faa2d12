"""Our side: what the operator table says that transformers computes and stores, row by row.

Where transformers does a thing differently on purpose, the difference is derived from the shape and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenroof.lowering import model_from_hf
from tokenroof.lowering.config import ConfigReader
from tokenroof.lowering.families.wrappers import text_config
from tokenroof.lowering.registry import read_shape
from tokenroof.lowering.shape import (
    Attention,
    CompressedAttention,
    LatentAttention,
    LayerGroup,
    Mixer,
    Recurrent,
    Shape,
    SideBySide,
)
from tokenroof.specs import Kind, Operator


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape that a ``config.json`` is lowered to."""
    return read_shape(ConfigReader(text_config(config, "config"), "config"))


def has_scan(config: Mapping[str, Any]) -> bool:
    """Whether a config has a recurrent mixer."""
    return any(row.state_elems for row in model_from_hf(config).operators)


def params_by_row(config: Mapping[str, Any]) -> dict[str, int]:
    """Stored elements of each row that has any."""
    return {row.name: round(row.params) for row in model_from_hf(config).operators if row.params}


@dataclass(frozen=True)
class Line:
    """One row of the operator table next to what transformers should show for it."""

    row: str
    ours: float
    theirs: float
    why: str = ""  #: why they differ


def flops(config: Mapping[str, Any], queries: int, cached: int, *, head: bool) -> list[Line]:
    """FLOPs of ``queries`` new tokens after ``cached`` ones, every new token through the head.

    Eager attention multiplies whole matrices and masks afterwards: all pairs of a prefill, not half of them, and in a
    window too. A decode step sees the cache, which holds no more than the window.
    """
    lines = [line for row, group in _rows(config) for line in _flops(row, group, queries, cached, head)]
    if not config["model_type"].startswith("llama4"):
        return lines
    experts = {row.name: row.experts / row.active for row, _ in _rows(config) if row.active}
    why = "every token passes through every expert, most with a score of zero"
    return [
        Line(line.row, line.ours, line.theirs * experts[line.row], why) if line.row in experts else line
        for line in lines
    ]


def _flops(row: Operator, group: LayerGroup | None, queries: int, cached: int, head: bool) -> Iterator[Line]:
    mixer = _mixer(row, group)
    if isinstance(mixer, Recurrent) and (row.kind is Kind.ATTENTION or row.name.startswith("dt_proj")):
        why = "not compared within recurrent mixers, but for their projections"
        yield Line(row.name, row.count * row.flops_token * queries, 0.0, why)  # `theirs.run` leaves them out too
        return
    if row.kind is Kind.HEAD and not head:
        return
    keys = cached + queries
    per_pair = row.flops_ctx_decode if cached else row.flops_ctx_prefill
    token_work = row.count * row.flops_token * queries
    ours = token_work + row.count * per_pair * queries * min(keys, row.window)
    theirs, why = token_work + row.count * per_pair * queries * keys, ""
    if row.window < keys:
        why = "eager attention computes all pairs of a prefill"
        if cached and not _sparse(mixer):
            theirs, why = ours, ""
    if per_pair and isinstance(mixer, LatentAttention) and row.name.startswith("attention"):
        expanded = 2.0 * mixer.heads * (mixer.nope + mixer.rope + mixer.v_dim)
        again = 2.0 * mixer.kv_rank * mixer.heads * (mixer.nope + mixer.v_dim)
        theirs = token_work + row.count * (expanded * queries * keys + again * cached)
        why = "latent attention is expanded, the cached latents anew in each step"
    if isinstance(mixer, CompressedAttention) and _kind(row) in ("indexer", "compressed_attention"):
        theirs = token_work + row.count * per_pair * queries * (keys - keys % mixer.ratio)
        why = "a compressed entry is there once it is whole, and eager attention computes them all"
        if _kind(row) == "indexer" and mixer.indexer:
            theirs *= mixer.indexer.head_dim / (mixer.indexer.head_dim + 1)
            why = "the scores' weighted sum is no matrix product"
    yield Line(row.name, ours, theirs, why if ours != theirs else "")


#: Bytes of an element of the cache, in models of 16 bits.
_KV_BYTES = 2.0


def cache(config: Mapping[str, Any], tokens: int) -> list[Line]:
    """Bytes of cache and state after a prefill of ``tokens`` tokens of one sequence, in a model of 16 bits."""
    return [
        _cache(row, _mixer(row, group), config, tokens)
        for row, group in _rows(config)
        if row.kv_store_elems or row.state_elems
    ]


def _cache(row: Operator, mixer: Mixer | None, config: Mapping[str, Any], tokens: int) -> Line:
    item = row.state_bytes if row.state_elems else _KV_BYTES
    elems = row.count * (row.kv_store_elems * min(tokens, row.window) + row.state_elems)
    ours, theirs, why = elems * item, elems * item, ""
    if row.kv_store_elems and row.window <= tokens:
        theirs = row.count * row.kv_store_elems * (row.window - 1) * item
        why = "between steps a window lacks one token"
    if config.get("new_decoder_architecture") and row.heads > row.kv_heads:  # Falcon
        theirs, why = ours * row.heads / row.kv_heads, "grouped keys are repeated before they are stored"
    if isinstance(mixer, Recurrent) and mixer.conv and row.name.startswith("conv"):
        theirs = row.count * mixer.conv.channels * mixer.conv.kernel * item
        why = "a convolution keeps its newest input too"
    if isinstance(mixer, Recurrent) and mixer.kind == "lightning":
        theirs, why = elems * 2.0, "the state of linear attention has the model's 16 bits"
    if isinstance(mixer, CompressedAttention) and _kind(row) != "attention":
        theirs = row.count * _compressed(row, mixer, tokens) * item
        why = "only whole entries and what lacks to the next"
    elif isinstance(mixer, CompressedAttention) and not mixer.ratio:
        theirs, why = 2 * theirs, "keys that serve as values are kept twice"
    return Line(row.name, ours, theirs, why if ours != theirs else "")


def _compressed(row: Operator, mixer: CompressedAttention, tokens: int) -> float:
    """Compressed entries after ``tokens`` tokens, or what is kept for those that are not whole.

    Overlapping entries need two values of a token, and half of what made the last entry.
    """
    rest, whole = tokens % mixer.ratio, tokens - tokens % mixer.ratio
    if not _kind(row).endswith("_buffer"):
        return row.kv_store_elems * whole
    if not mixer.indexer:
        return row.kv_store_elems * rest
    value_and_weight = row.kv_store_elems / 3 * 2
    return value_and_weight * (2 * rest + (mixer.ratio if whole else 0))


def _kind(row: Operator) -> str:
    return row.name.partition(".")[0]


def _mixer(row: Operator, group: LayerGroup | None) -> Mixer | None:
    """The mixer that a row belongs to, or would if it were a mixer's."""
    mixer = group.mixer if group else None
    if not isinstance(mixer, SideBySide):
        return mixer
    return next(part for part in mixer.parts if isinstance(part, Recurrent) == bool(row.state_elems))


def _sparse(mixer: Mixer | None) -> bool:
    return isinstance(mixer, Attention | LatentAttention) and mixer.indexer is not None


def _rows(config: Mapping[str, Any]) -> Iterator[tuple[Operator, LayerGroup | None]]:
    """Rows with the layer group that they belong to."""
    groups = {group.label: group for group in shape_of(config).groups}
    only = next(iter(groups.values())) if set(groups) == {""} else None
    for row in model_from_hf(config).operators:
        label = row.name.partition(".")[2]
        yield row, groups.get(label, only) if label or only else None
