"""DeepSeek-V4: a short window and a compressed past, four residual streams, and experts chosen by a table at first."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import CompressedAttention, Experts, Extra, Indexer, Shape
from .common import check_active, layer_kinds, stack
from .mtp import layer_params, predictors

_SLIDING, _SPARSE, _HEAVY = "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"

#: What an entry of ``compress_ratios`` means, and the tokens that make an entry where ``compress_rates`` is absent.
_BY_RATIO = {0: _SLIDING, 4: _SPARSE, 128: _HEAVY}


@family(
    "deepseek_v4",
    "deepseek_ref",  # the reference code's own name, in repacked checkpoints
    defaults={"hc_mult": 4, "num_hash_layers": 3, "sliding_window": 128},
)
def _deepseek_v4(reader: ConfigReader) -> Shape:
    hidden, streams = reader.count("hidden_size"), reader.count("hc_mult")
    kinds = layer_kinds(reader, tuple(_BY_RATIO.values()), _kinds_by_ratio(reader)[: reader.layers()])
    attns = {kind: _attention(reader, kind) for kind in {*kinds, _SLIDING}}
    hashed = _hashed(reader)
    moe = _experts(reader)
    blocks = {False: moe, True: replace(moe, router_bias=False)}
    ffns = [blocks[by_table] for by_table in hashed]
    site = _connection(hidden, streams)
    shape = stack(
        reader,
        [attns[kind] for kind in kinds],
        ffns,
        streams=streams,
        last=(_head_connection(hidden, streams),),
        checkpoint=_checkpoint(reader, attns[_SLIDING], moe, site.params, sum(hashed)),
    )
    return replace(shape, groups=tuple(replace(group, extras=(site,)) for group in shape.groups))


def _kinds_by_ratio(reader: ConfigReader) -> list[str]:
    """By ``compress_ratios``, which goes on with the predictors' layers; else as the configuration class has it."""
    layers, ratios = reader.layers(), reader.items("compress_ratios")
    if not ratios:
        return [_SPARSE if layer % 2 and layer >= 2 else _HEAVY for layer in range(layers)]
    if len(ratios) < layers:
        raise reader.error(f"compress_ratios has {len(ratios)} entries, num_hidden_layers = {layers}")
    unknown = next((ratio for ratio in ratios if ratio not in _BY_RATIO), None)
    if unknown is not None:
        raise reader.error(f"compress_ratios holds {unknown!r}: expected 0 (a window alone), 4 or 128 tokens per entry")
    return [_BY_RATIO[ratio] for ratio in ratios]


def _attention(reader: ConfigReader, kind: str) -> CompressedAttention:
    heads, groups = reader.count("num_attention_heads"), reader.count("o_groups")
    if heads % groups:
        raise reader.error(f"num_attention_heads = {heads} is not a multiple of o_groups = {groups}")
    rates = reader.inner("compress_rates")
    q_rank, index = reader.count("q_lora_rank"), None
    if kind == _SPARSE:
        index_dim = reader.count("index_head_dim")
        index = Indexer(reader.count("index_topk"), reader.count("index_n_heads"), index_dim, q_in=q_rank)
    return CompressedAttention(
        heads,
        reader.count("head_dim"),
        q_rank,
        window=reader.count("sliding_window"),
        out_groups=groups,
        out_rank=reader.count("o_lora_rank"),
        ratio={_SLIDING: 0, _SPARSE: rates.count(_SPARSE, 4), _HEAVY: rates.count(_HEAVY, 128)}[kind],
        indexer=index,
    )


def _experts(reader: ConfigReader) -> Experts:
    count, active = check_active(reader, "n_routed_experts", "num_experts_per_tok")
    width = reader.count("moe_intermediate_size")
    return Experts(
        count,
        active,
        width,
        shared_width=reader.count("n_shared_experts", default=1) * width,
        router_bias=True,
        shared_bias=reader.flag("mlp_bias", False),
    )


def _hashed(reader: ConfigReader) -> list[bool]:
    """Whether a table gives each token's experts: the router still weighs them, but needs no correction."""
    layers, kinds = reader.layers(), reader.items("mlp_layer_types")
    if not kinds:
        return [layer < reader.count("num_hash_layers", least=0) for layer in range(layers)]
    if len(kinds) != layers:
        raise reader.error(f"mlp_layer_types has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in ("hash_moe", "moe")), None)
    if unknown is not None:
        raise reader.error(f"mlp_layer_types holds {unknown!r}: expected 'hash_moe' or 'moe'")
    return [kind == "hash_moe" for kind in kinds]


def _connection(hidden: int, streams: int) -> Extra:
    """Both hyper-connections of a layer, before and after its mixer and its block.

    Each projects all streams to the weights with which it collapses, expands and mixes them: ``n``, ``n`` and ``n * n``
    numbers; mixing is a product of that matrix with the streams. DeepSeek-V4 technical report, section 2.2.
    """
    wide, weights = streams * hidden, streams * (2 + streams)
    return Extra(
        "hyper_connections",
        params=2 * (weights * wide + weights + 3),
        flops=2 * (2 * weights * wide + 2 * streams * wide),
        act=2 * (2 * wide + 2 * hidden),
        wide=True,
    )


def _head_connection(hidden: int, streams: int) -> Extra:
    """Collapses the streams before the final norm."""
    wide = streams * hidden
    return Extra("hyper_head", streams * wide + streams + 1, 2 * streams * wide, wide + hidden, wide=True)


def _checkpoint(
    reader: ConfigReader, attn: CompressedAttention, moe: Experts, connections: int, tables: int
) -> tuple[tuple[str, int], ...]:
    """Predictors with a window alone, connections and a head of their own; the tables' numbers are whole ones."""
    hidden = reader.count("hidden_size")
    head = _head_connection(hidden, reader.count("hc_mult")).params
    block = layer_params(hidden, attn, moe, norms=2 * hidden) + connections + head
    table = tables * reader.count("vocab_size") * moe.active
    return predictors(reader, block) + ((("expert tables", table),) if table else ())
