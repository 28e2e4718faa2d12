"""Gemma 3n and Gemma 4: embeddings per layer, layers that read the cache of an earlier one, experts beside the block.

Layers without a cache of their own are charged for every token of a prompt. A runtime may compute them for the last
token alone, as nothing later reads what they would store; that saving is not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Experts, Extra, Ffn, Shape
from .common import attention, check_active, stack
from .gemma import gemma_attention, gemma_kinds, gemma_windows

_GEMMA3N: Mapping[str, Any] = {
    "vocab_size": 262400,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "max_position_embeddings": 32768,
    "sliding_window": 512,
    "vocab_size_per_layer_input": 262144,
    "hidden_size_per_layer_input": 256,
    "num_kv_shared_layers": 15,
    "altup_num_inputs": 4,
    "laurel_rank": 64,
}

_GEMMA4: Mapping[str, Any] = {
    "vocab_size": 262144,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "global_head_dim": 512,
    "max_position_embeddings": 131072,
    "sliding_window": 512,
    "vocab_size_per_layer_input": 262144,
    "hidden_size_per_layer_input": 256,
}


@family("gemma3n_text", defaults=_GEMMA3N)
def _gemma3n(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    kinds = gemma_kinds(reader, every=5)
    own = gemma_attention(reader, head_norms=True)
    mixers = _sharing(reader, kinds, [own] * layers)
    widths = reader.counts("intermediate_size", layers)
    inputs = reader.count("altup_num_inputs")
    # Four norms around mixer and block, one after the low-rank residual, one before AltUp's router, its output scale.
    ffns = [Dense(width) for width in widths]
    shape = stack(reader, mixers, ffns, norms=7 * hidden, tied=True, **_besides(reader, mixers))
    extras = _altup(hidden, inputs), _low_rank("laurel", hidden, reader.count("laurel_rank"))
    others = (inputs - 1) * hidden
    return replace(
        shape,
        groups=tuple(replace(group, extras=extras) for group in shape.groups),
        first=(Extra("altup_in", others * hidden, 2 * others * hidden, hidden + others),),
        last=(Extra("altup_out", others * hidden, 2 * others * hidden, others + hidden),),
    )


def _altup(hidden: int, inputs: int) -> Extra:
    """Alternating updates: several copies of the hidden state, of which a layer computes one and mixes the rest.

    The router over the copies runs twice per layer, before the layer's work and after it.

    References
    ----------
    Baykal et al., arXiv:2301.13310.
    """
    router, mix = hidden * inputs, inputs**3
    params = router + mix + inputs**2
    flops = 2 * (2 * router + mix + inputs**2 + hidden * inputs**2)
    return Extra("altup", params, flops, act=hidden * (4 * inputs + 3))


def _low_rank(name: str, hidden: int, rank: int) -> Extra:
    return Extra(name, 2 * hidden * rank, 4 * hidden * rank, 2 * (hidden + rank))


@family("gemma4_text", defaults=_GEMMA4)
@family("gemma4_unified_text", defaults={**_GEMMA4, "sliding_window": 1024, "hidden_size_per_layer_input": 0})
def _gemma4(reader: ConfigReader) -> Shape:
    hidden = reader.count("hidden_size")
    kinds = gemma_kinds(reader, every=6)
    kinds[-1] = "full_attention"  # whatever the list says
    mixers = _sharing(reader, kinds, _gemma4_attention(reader, kinds))
    wide = 2 if reader.flag("use_double_wide_mlp", False) else 1
    width = reader.count("intermediate_size")
    widths = [width * wide if mixer.shared_cache else width for mixer in mixers]
    norms = 4 * hidden + 1  # and a scale of the whole layer
    if not reader.flag("enable_moe_block", False):
        ffns: list[Ffn] = [Dense(width) for width in widths]
        return stack(reader, mixers, ffns, norms=norms, tied=True, **_besides(reader, mixers))
    experts, active = check_active(reader, "num_experts", "top_k_experts")
    routed = Experts(experts, active, reader.count("moe_intermediate_size"))
    ffns = [replace(routed, shared_width=width) for width in widths]  # the dense block runs beside the experts
    norms += 4 * hidden + experts  # three norms, scales of the router's input, a scale per expert
    return stack(reader, mixers, ffns, norms=norms, tied=True, **_besides(reader, mixers))


def _gemma4_attention(reader: ConfigReader, kinds: list[str]) -> list[Attention]:
    """Full layers have wider and fewer KV heads; newer files list what differs layer by layer."""
    if reader.has("use_bidirectional_attention") and reader.text("use_bidirectional_attention") == "all":
        raise reader.error("use_bidirectional_attention = 'all': an encoder, not a decoder-only text model")
    bias = reader.flag("attention_bias", False)
    usual = attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)
    same = reader.flag("attention_k_eq_v", False)  # in full layers the values are the keys, before their norm
    listed = reader.inner("per_layer_config") if reader.has("per_layer_config") else None
    mixers = []
    for layer, kind in enumerate(kinds):
        head_dim, kv_heads = usual.head_dim, usual.kv_heads
        if listed is not None:
            own = listed.inner(str(layer))
            head_dim, kv_heads = own.count("head_dim", head_dim), own.count("num_key_value_heads", kv_heads)
        elif kind == "full_attention":
            head_dim = reader.count("global_head_dim")
            kv_heads = reader.count("num_global_key_value_heads", kv_heads) if same else kv_heads
        if usual.heads % kv_heads:
            raise reader.error(
                f"num_attention_heads = {usual.heads} is not a multiple of num_global_key_value_heads = {kv_heads}"
            )
        once = same and kind == "full_attention"
        mixers.append(
            replace(
                usual,
                kv_heads=kv_heads,
                head_dim=head_dim,
                qk_norm=2 * head_dim,
                kv_projections=1 if once else 2,
            )
        )
    return mixers


def _sharing(reader: ConfigReader, kinds: list[str], mixers: list[Attention]) -> list[Attention]:
    """Windows, and the last ``num_kv_shared_layers`` without keys and values of their own.

    Each of those reads the cache of the last layer of its kind that has one.
    """
    layers = len(kinds)
    shared = reader.count("num_kv_shared_layers", default=0, least=0)
    if shared >= layers:
        raise reader.error(f"num_kv_shared_layers = {shared}: expected less than num_hidden_layers = {layers}")
    first = layers - shared
    orphan = next((kind for kind in kinds[first:] if kind not in kinds[:first]), None)
    if orphan is not None:
        raise reader.error(
            f"num_kv_shared_layers = {shared}: the {first} layers before hold no {orphan!r} whose cache could be shared"
        )
    windows = gemma_windows(kinds, reader.count("sliding_window"))
    return [
        replace(mixer, window=window, shared_cache=True, qk_norm=mixer.head_dim)  # no keys, no norm over them
        if layer >= first
        else replace(mixer, window=window)
        for layer, (mixer, window) in enumerate(zip(mixers, windows, strict=True))
    ]


def _besides(reader: ConfigReader, mixers: list[Attention]) -> dict[str, Any]:
    """The embedding that every layer has besides (Gemma 4 without it says 0), and what nothing reads.

    Published checkpoints hold keys' and values' matrices and the keys' norm of every layer, also where a layer reads
    another's cache: with them, Gemma 4 E2B and E4B have the totals that the Hugging Face Hub counts.
    """
    hidden, width = reader.count("hidden_size"), reader.count("hidden_size_per_layer_input", least=0)
    unused = sum(
        (hidden + mixer.qkv_bias) * mixer.kv_projections * mixer.kv_heads * mixer.head_dim + mixer.head_dim
        for mixer in mixers
        if mixer.shared_cache
    )
    return {
        "per_layer_width": width,
        "per_layer_vocab": reader.count("vocab_size_per_layer_input") if width else 0,
        "checkpoint": (("unused keys and values", unused),) if unused else (),
    }
