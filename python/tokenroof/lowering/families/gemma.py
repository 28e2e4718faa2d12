"""Gemma 1 to 3: heads wider than the hidden state needs, tied embeddings, windows in most layers since Gemma 2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Shape
from .common import attention, dense, layer_kinds, stack, windowed

__all__ = ["gemma_attention", "gemma_kinds", "gemma_windows"]

_GEMMA2: Mapping[str, Any] = {"num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096}

#: Published files of Gemma 3 leave out most of what the class says.
_GEMMA3: Mapping[str, Any] = {
    "vocab_size": 262208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131072,
    "sliding_window": 4096,
}


@family("gemma", defaults={"num_key_value_heads": 16, "head_dim": 256})
def _gemma(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    return stack(reader, [gemma_attention(reader)] * layers, [dense(reader)] * layers, tied=True)


@family("vaultgemma", defaults=_GEMMA2)
def _vaultgemma(reader: ConfigReader) -> Shape:
    mixers = windowed(gemma_attention(reader), gemma_windows(gemma_kinds(reader, 2), reader.count("sliding_window")))
    return stack(reader, mixers, [dense(reader)] * len(mixers), tied=True)


@family("gemma2", defaults=_GEMMA2, names={"sliding_window_size": "sliding_window"})
def _gemma2(reader: ConfigReader) -> Shape:
    return _sandwiched(reader, gemma_attention(reader), every=2)


@family("gemma3_text", defaults=_GEMMA3)
def _gemma3(reader: ConfigReader) -> Shape:
    every = reader.count("sliding_window_pattern", default=6)
    return _sandwiched(reader, gemma_attention(reader, head_norms=True), every)


def _sandwiched(reader: ConfigReader, attn: Attention, every: int) -> Shape:
    """A norm before and after mixer and block: four per layer."""
    mixers = windowed(attn, gemma_windows(gemma_kinds(reader, every), reader.count("sliding_window")))
    norms = 4 * reader.count("hidden_size")
    return stack(reader, mixers, [dense(reader)] * reader.layers(), norms=norms, tied=True)


def gemma_attention(reader: ConfigReader, head_norms: bool = False) -> Attention:
    """Causal attention; the same classes make encoders with a flag, which are refused."""
    if reader.flag("use_bidirectional_attention", False):
        raise reader.error("use_bidirectional_attention = True: an encoder, not a decoder-only text model")
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias, head_norms=head_norms)


def gemma_kinds(reader: ConfigReader, every: int) -> list[str]:
    """The kind of each layer: full attention in each ``every``-th where the config has no ``layer_types``."""
    kinds = ("sliding_attention", "full_attention")
    default = [kinds[(layer + 1) % every == 0] for layer in range(reader.layers())]
    return layer_kinds(reader, kinds, default)


def gemma_windows(kinds: list[str], width: int) -> list[float]:
    """The window of each layer [tokens]."""
    return [float(width) if kind == "sliding_attention" else math.inf for kind in kinds]
