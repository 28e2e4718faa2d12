"""Llama and Mistral, and the many models that reuse their configs."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, decoder, dense, windows


@family("llama")
def _llama(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", False)
    attn = attention(reader, qkv_bias=bias, o_bias=bias)
    mlp = dense(reader, bias=reader.flag("mlp_bias", False))
    return decoder(reader, lambda window: replace(attn, window=window), lambda _: mlp, windows(reader))


@family("mistral")
def _mistral(reader: ConfigReader) -> Shape:
    attn, mlp = attention(reader), dense(reader)
    window = reader.tokens("sliding_window")  # null since v0.2: every layer sees all
    window_of_layer = windows(reader, default=[window] * reader.layers())
    return decoder(reader, lambda width: replace(attn, window=width), lambda _: mlp, window_of_layer)
