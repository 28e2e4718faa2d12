"""Qwen3-Next and Qwen3.5: gated DeltaNet in most layers, gated attention in the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import ConfigReader
from ..recurrent import gated_delta
from ..registry import family
from ..shape import Attention, Ffn, Mixer, Recurrent, Shape
from .common import attention, choose, dense, layer_kinds, stack
from .mtp import layer_params, predictors
from .qwen import shared_experts, sparse_layers

_DEFAULTS: Mapping[str, Any] = {
    "head_dim": 256,
    "full_attention_interval": 4,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
}


@family("qwen3_next", defaults={**_DEFAULTS, "num_key_value_heads": 2})
def _qwen3_next(reader: ConfigReader) -> Shape:
    return _hybrid(reader, choose(sparse_layers(reader), lambda: shared_experts(reader), lambda: dense(reader)))


@family("qwen3_5_text", defaults={**_DEFAULTS, "num_key_value_heads": 4})
def _qwen3_5(reader: ConfigReader) -> Shape:
    return _hybrid(reader, [dense(reader)] * reader.layers())


@family("qwen3_5_moe_text", defaults={**_DEFAULTS, "num_key_value_heads": 2})
def _qwen3_5_moe(reader: ConfigReader) -> Shape:
    return _hybrid(reader, [shared_experts(reader)] * reader.layers())


def _hybrid(reader: ConfigReader, ffns: list[Ffn]) -> Shape:
    every = reader.count("full_attention_interval")
    kinds = ("linear_attention", "full_attention")
    default = [kinds[(layer + 1) % every == 0] for layer in range(reader.layers())]
    layers = layer_kinds(reader, kinds, default)
    full = _gated_attention(reader)
    mixers: dict[str, Mixer] = {"full_attention": full}
    if "linear_attention" in layers:
        mixers["linear_attention"] = _delta(reader)
    extra: tuple[tuple[str, int], ...] = ()
    if reader.has("mtp_num_hidden_layers"):
        hidden = reader.count("hidden_size")
        extra = predictors(reader, layer_params(hidden, full, ffns[-1], 2 * hidden), key="mtp_num_hidden_layers")
    return stack(reader, [mixers[kind] for kind in layers], ffns, checkpoint=extra)


def _gated_attention(reader: ConfigReader) -> Attention:
    """The query projection yields twice its width: the other half gates the output."""
    bias = reader.flag("attention_bias", False)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)
    gated = reader.flag("attn_output_gate", True)
    return replace(attn, gate=attn.heads * attn.head_dim if gated else 0, gate_bias=bias)


def _delta(reader: ConfigReader) -> Recurrent:
    k_heads, v_heads = reader.count("linear_num_key_heads"), reader.count("linear_num_value_heads")
    if v_heads % k_heads:
        raise reader.error(f"linear_num_value_heads = {v_heads} is not a multiple of linear_num_key_heads = {k_heads}")
    return gated_delta(
        reader.count("hidden_size"),
        k_heads,
        reader.count("linear_key_head_dim"),
        v_heads,
        reader.count("linear_value_head_dim"),
        reader.count("linear_conv_kernel_dim"),
        state_bytes=_state_bytes(reader),
    )


def _state_bytes(reader: ConfigReader) -> float:
    """Bytes per number of the recurrent state: 32 bit unless the config says otherwise."""
    dtype = reader.text("mamba_ssm_dtype") if reader.has("mamba_ssm_dtype") else "float32"
    known = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
    if dtype not in known:
        raise reader.error(f"mamba_ssm_dtype = {dtype!r}: expected {' or '.join(known)}")
    return known[dtype]
