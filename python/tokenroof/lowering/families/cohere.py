"""Cohere's Command models: parallel blocks after one norm without a bias; cohere2 has a window in three of four."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Shape
from .common import all_but_every, attention, dense, longest_context, stack, windowed, windows


@family("cohere", defaults={"max_position_embeddings": 8192})
def _cohere(reader: ConfigReader) -> Shape:
    attn = _attention(reader)
    if reader.flag("use_qk_norm", False):  # every head has a norm of its own
        attn = replace(attn, qk_norm=(attn.heads + attn.kv_heads) * attn.head_dim)
    return _side_by_side(reader, [attn] * reader.layers())


@family("cohere2", defaults={"max_position_embeddings": 8192, "sliding_window": 4096})
def _cohere2(reader: ConfigReader) -> Shape:
    every = reader.count("sliding_window_pattern", default=4)
    default = all_but_every(reader.layers(), every, reader.tokens("sliding_window"))
    return _side_by_side(reader, windowed(_attention(reader), windows(reader, default)))


def _attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias)


def _side_by_side(reader: ConfigReader, mixers: list[Attention]) -> Shape:
    return stack(
        reader,
        mixers,
        [dense(reader)] * len(mixers),
        norms=reader.count("hidden_size"),
        parallel=True,
        tied=True,
        max_context=longest_context(reader),
    )
