"""Qwen2 and 2.5 (model_type qwen2), Qwen3, their mixtures of experts, and the text parts of their vision models."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Experts, Ffn, Shape
from .common import attention, check_active, choose, dense, stack, windowed, windows

__all__ = ["sparse_layers"]


@family("qwen2", "qwen2_vl_text", "qwen2_5_vl_text")
def _qwen2(reader: ConfigReader) -> Shape:
    attn, mlp = attention(reader, qkv_bias=True), dense(reader)  # the bias has no key
    return stack(reader, windowed(attn, _windows(reader)), [mlp] * reader.layers())


@family("qwen2_moe")
def _qwen2_moe(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=reader.flag("qkv_bias", True))
    layers, widths = reader.layers(), None
    if reader.flag("use_sliding_window", False):  # the window is in every other layer, below a limit
        sliding, full = float(reader.count("sliding_window")), reader.count("max_window_layers", least=0)
        widths = [math.inf if layer % 2 or layer >= full else sliding for layer in range(layers)]
    ffns = choose(sparse_layers(reader), lambda: shared_experts(reader), lambda: dense(reader))
    return stack(reader, windowed(attn, windows(reader, widths)), ffns)


@family("qwen3", "qwen3_vl_text", defaults={"head_dim": 128})
def _qwen3(reader: ConfigReader) -> Shape:
    attn, mlp = _qwen3_attention(reader), dense(reader)
    return stack(reader, windowed(attn, _windows(reader)), [mlp] * reader.layers())


@family("qwen3_moe", "qwen3_vl_moe_text")
def _qwen3_moe(reader: ConfigReader) -> Shape:
    attn = _qwen3_attention(reader)
    ffns = choose(sparse_layers(reader), lambda: _experts(reader), lambda: dense(reader))
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
