"""Qwen2, Qwen2.5 (model_type qwen2), Qwen3 and Qwen3-MoE."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Experts, Shape
from .common import attention, check_active, choose, dense, stack, windowed, windows


@family("qwen2")
def _qwen2(reader: ConfigReader) -> Shape:
    attn, mlp = attention(reader, qkv_bias=True), dense(reader)  # the bias has no key
    return stack(reader, windowed(attn, _windows(reader)), [mlp] * reader.layers())


@family("qwen3")
def _qwen3(reader: ConfigReader) -> Shape:
    attn, mlp = _qwen3_attention(reader), dense(reader)
    return stack(reader, windowed(attn, _windows(reader)), [mlp] * reader.layers())


@family("qwen3_moe")
def _qwen3_moe(reader: ConfigReader) -> Shape:
    attn = _qwen3_attention(reader)
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    moe = Experts(experts, active, reader.count("moe_intermediate_size"))
    ffns = choose(_sparse_layers(reader), lambda: moe, lambda: Dense(reader.count("intermediate_size")))
    return stack(reader, windowed(attn, _windows(reader)), ffns)


def _qwen3_attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)


def _windows(reader: ConfigReader) -> list[float]:
    layers = reader.layers()
    if not reader.flag("use_sliding_window", False):  # configs give a sliding_window that nothing uses
        return [math.inf] * layers
    sliding = reader.tokens("sliding_window")
    if reader.has("layer_types") or math.isinf(sliding):
        return windows(reader)
    full = reader.count("max_window_layers", least=0)
    return [sliding if layer >= full else math.inf for layer in range(layers)]


def _sparse_layers(reader: ConfigReader) -> list[bool]:
    layers = reader.layers()
    step = reader.count("decoder_sparse_step", default=1)
    dense_layers = reader.items("mlp_only_layers")
    for layer in dense_layers:
        if type(layer) is not int or not 0 <= layer < layers:
            raise reader.error(f"mlp_only_layers holds {layer!r}: expected layers below num_hidden_layers = {layers}")
    return [layer not in dense_layers and (layer + 1) % step == 0 for layer in range(layers)]
