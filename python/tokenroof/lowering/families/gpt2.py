"""GPT-2 and its kin with learned positions: GPT-3's shapes, StarCoder (gpt_bigcode), GPT-Neo.

Layer norms hold a weight and a bias per channel: two parameters each.
"""

from __future__ import annotations

import math
from typing import Any

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Shape
from .common import attention, stack, windowed

__all__ = ["GPT_NAMES", "gpt_mlp"]

GPT_NAMES = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_positions": "max_position_embeddings",
    "n_inner": "intermediate_size",
}


@family("gpt2", defaults={"max_position_embeddings": 1024}, names=GPT_NAMES)
def _gpt2(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=True, o_bias=True, kv_heads=reader.count("num_attention_heads"))
    return _learned_positions(reader, [attn] * reader.layers())


@family("gpt_bigcode", defaults={"max_position_embeddings": 1024}, names=GPT_NAMES)
def _gpt_bigcode(reader: ConfigReader) -> Shape:
    kv_heads = 1 if reader.flag("multi_query", True) else reader.count("num_attention_heads")
    attn = attention(reader, qkv_bias=True, o_bias=True, kv_heads=kv_heads)
    return _learned_positions(reader, [attn] * reader.layers())


@family(
    "gpt_neo",
    defaults={"max_position_embeddings": 2048, "attention_types": [[["global", "local"], 12]], "window_size": 256},
    names={"num_layers": "num_hidden_layers", "num_heads": "num_attention_heads"},
)
def _gpt_neo(reader: ConfigReader) -> Shape:
    attn = attention(reader, o_bias=True, kv_heads=reader.count("num_attention_heads"))
    return _learned_positions(reader, windowed(attn, _neo_windows(reader)))


def _neo_windows(reader: ConfigReader) -> list[float]:
    """The window of each layer [tokens]: ``attention_types`` is a list of pairs, a list of kinds and its repeats."""
    layers, local = reader.layers(), float(reader.count("window_size"))
    kinds: list[Any] = []
    for pair in reader.items("attention_types"):
        match pair:
            case [[*few], int(times)] if 0 < times <= layers:
                kinds += few * times
            case _:
                raise reader.error(
                    f"attention_types holds {pair!r}: expected kinds and how often they repeat, "
                    f"such as [['global', 'local'], {max(layers // 2, 1)}]"
                )
    if len(kinds) != layers:
        raise reader.error(
            f"attention_types gives {len(kinds)} layers, {reader.key('num_hidden_layers')} = {layers} needs as many"
        )
    wrong = next((kind for kind in kinds if kind not in ("global", "local")), None)
    if wrong is not None:
        raise reader.error(f"attention_types holds {wrong!r}: expected 'global' or 'local'")
    return [local if kind == "local" else math.inf for kind in kinds]


def gpt_mlp(reader: ConfigReader, bias: bool = True) -> Dense:
    """Two matrices, four times as wide as the hidden state unless the config says otherwise."""
    width = reader.count("intermediate_size", default=4 * reader.count("hidden_size"))
    return Dense(width, gated=False, bias=bias)


def _learned_positions(reader: ConfigReader, mixers: list[Attention]) -> Shape:
    if reader.flag("add_cross_attention", False):
        raise reader.error("add_cross_attention = True: half of an encoder-decoder, not a decoder-only text model")
    hidden, positions = reader.count("hidden_size"), reader.count("max_position_embeddings")
    return stack(
        reader,
        mixers,
        [gpt_mlp(reader)] * len(mixers),
        norms=4 * hidden,
        tied=True,
        final_norm_params=2 * hidden,
        positions=positions,
    )
