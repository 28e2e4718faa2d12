"""Llama 4: chunked attention with positions, full attention without, an expert that all tokens share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, Shape
from .common import attention, check_active, choose, layer_kinds, listed_layers, stack

_DEFAULTS: Mapping[str, Any] = {
    "head_dim": 128,
    "num_key_value_heads": 8,
    "interleave_moe_layer_step": 1,
    "no_rope_layer_interval": 4,
    "attention_chunk_size": 8192,
}


@family("llama4_text", defaults=_DEFAULTS)
def _llama4(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", False)
    full = attention(reader, qkv_bias=bias, o_bias=bias)  # the norms of queries and keys hold no parameters
    chunk = replace(full, window=float(reader.count("attention_chunk_size")), chunked=True)
    kinds = layer_kinds(reader, ("chunked_attention", "full_attention"), _default_kinds(reader))
    ffns = choose(
        _sparse_layers(reader), lambda: _experts(reader), lambda: Dense(reader.count("intermediate_size_mlp"))
    )
    return stack(reader, [chunk if kind == "chunked_attention" else full for kind in kinds], ffns)


def _default_kinds(reader: ConfigReader) -> list[str]:
    """Chunks where positions rotate, as `no_rope_layers` says (1: they do), else all but each so-many-th layer."""
    layers = reader.layers()
    rotates = reader.items("no_rope_layers")
    if not rotates:
        every = reader.count("no_rope_layer_interval")
        rotates = [(layer + 1) % every != 0 for layer in range(layers)]
    if len(rotates) < layers:
        raise reader.error(f"no_rope_layers has {len(rotates)} entries, num_hidden_layers = {layers}")
    unknown = next((entry for entry in rotates if entry not in (0, 1)), None)
    if unknown is not None:
        raise reader.error(f"no_rope_layers holds {unknown!r}: expected 0 or 1")
    return ["chunked_attention" if entry else "full_attention" for entry in rotates[:layers]]


def _sparse_layers(reader: ConfigReader) -> list[bool]:
    layers = range(reader.layers())
    if reader.has("moe_layers"):
        chosen = listed_layers(reader, "moe_layers")
        return [layer in chosen for layer in layers]
    every = reader.count("interleave_moe_layer_step")
    return [(layer + 1) % every == 0 for layer in layers]


def _experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    width = reader.count("intermediate_size")  # of an expert; the key of dense layers ends in _mlp
    return Experts(experts, active, width, shared_width=width)
