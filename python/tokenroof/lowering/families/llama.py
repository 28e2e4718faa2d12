"""Llama and Mistral, and the many models that reuse their configs."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, dense, stack, windowed, windows


@family("llama")
def _llama(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", False)
    attn = attention(reader, qkv_bias=bias, o_bias=bias)
    mlp = dense(reader, bias=reader.flag("mlp_bias", False))
    return stack(reader, windowed(attn, windows(reader)), [mlp] * reader.layers())


@family("mistral", defaults={"num_key_value_heads": 8})
def _mistral(reader: ConfigReader) -> Shape:
    attn, mlp = attention(reader), dense(reader)
    window = reader.tokens("sliding_window")  # null since v0.2: every layer sees all
    layers = reader.layers()
    return stack(reader, windowed(attn, windows(reader, default=[window] * layers)), [mlp] * layers)
