"""Qwen2 and 2.5 (model_type qwen2), Qwen3, their mixtures of experts, and the text parts of their vision models."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Experts, Shape
from .common import attention, check_active, choose, dense, listed_layers, stack, windowed, windows

__all__ = ["shared_experts", "sparse_layers"]


@family("qwen2", "mimo")  # MiMo has Qwen2's layers
@family("qwen2_vl_text", "qwen2_5_vl_text", defaults={"num_key_value_heads": 8})
def _qwen2(reader: ConfigReader) -> Shape:
    attn, mlp = attention(reader, qkv_bias=True), dense(reader)  # the bias has no key
    return stack(reader, windowed(attn, _upper_windows(reader)), [mlp] * reader.layers())


@family("qwen2_moe", defaults={"num_key_value_heads": 16})
def _qwen2_moe(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=reader.flag("qkv_bias", True))
    ffns = choose(sparse_layers(reader), lambda: shared_experts(reader), lambda: dense(reader))
    widths = [math.inf] * reader.layers()
    if reader.flag("use_sliding_window", False):  # unlike in the dense models: every other layer below a limit
        sliding, limit = float(reader.count("sliding_window")), reader.count("max_window_layers", least=0)
        widths = [sliding if layer < limit and layer % 2 == 0 else math.inf for layer in range(len(widths))]
    return stack(reader, windowed(attn, windows(reader, widths)), ffns)


@family("qwen3", "qwen3_vl_text", defaults={"head_dim": 128})
def _qwen3(reader: ConfigReader) -> Shape:
    attn, mlp = _qwen3_attention(reader), dense(reader)
    return stack(reader, windowed(attn, _upper_windows(reader)), [mlp] * reader.layers())


@family("qwen3_moe", defaults={"num_key_value_heads": 4})
@family("qwen3_vl_moe_text", defaults={"num_key_value_heads": 16})
def _qwen3_moe(reader: ConfigReader) -> Shape:
    ffns = choose(sparse_layers(reader), lambda: _experts(reader), lambda: dense(reader))
    window = reader.tokens("sliding_window") if reader.flag("use_sliding_window", False) else math.inf
    return stack(reader, windowed(_qwen3_attention(reader), [window] * reader.layers()), ffns)


def _qwen3_attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)


def _upper_windows(reader: ConfigReader) -> list[float]:
    """Windows from layer ``max_window_layers`` on, if at all: configs give a sliding_window that nothing uses."""
    layers = reader.layers()
    if not reader.flag("use_sliding_window", False):
        return [math.inf] * layers
    sliding = reader.tokens("sliding_window")
    if reader.has("layer_types") or math.isinf(sliding):
        return windows(reader)
    full = reader.count("max_window_layers", least=0)
    return [sliding if layer >= full else math.inf for layer in range(layers)]


def sparse_layers(reader: ConfigReader) -> list[bool]:
    """Whether each layer has experts: each ``decoder_sparse_step``-th, those of ``mlp_only_layers`` excepted."""
    step = reader.count("decoder_sparse_step", default=1)
    dense_layers = listed_layers(reader, "mlp_only_layers")
    return [layer not in dense_layers and (layer + 1) % step == 0 for layer in range(reader.layers())]


def _experts(reader: ConfigReader) -> Experts:
    # Files of newer libraries call the number of experts as other families do.
    key = "num_local_experts" if reader.has("num_local_experts") else "num_experts"
    experts, active = check_active(reader, key, "num_experts_per_tok")
    return Experts(experts, active, reader.count("moe_intermediate_size"))


def shared_experts(reader: ConfigReader) -> Experts:
    """Routed experts, and a shared one that one logit per token scales."""
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    return Experts(
        experts,
        active,
        reader.count("moe_intermediate_size"),
        shared_width=reader.count("shared_expert_intermediate_size"),
        shared_gate=True,
    )
