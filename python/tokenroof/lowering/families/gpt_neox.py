"""GPT-NeoX, Pythia, and the Japanese GPT-NeoX: multi-head attention, ungated blocks, layer norms with biases."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack


@family("gpt_neox", defaults={"max_position_embeddings": 2048})
def _gpt_neox(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    bias = reader.flag("attention_bias", True)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, kv_heads=reader.count("num_attention_heads"))
    mlp = Dense(reader.count("intermediate_size"), gated=False, bias=True)
    return stack(
        reader,
        [attn] * layers,
        [mlp] * layers,
        norms=4 * hidden,  # two norms, even where mixer and block run side by side
        parallel=reader.flag("use_parallel_residual", True),
        final_norm_params=2 * hidden,
    )


@family("gpt_neox_japanese", defaults={"intermediate_multiple_size": 4, "max_position_embeddings": 2048})
def _japanese(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    attn = attention(reader, kv_heads=reader.count("num_attention_heads"))
    mlp = Dense(reader.count("intermediate_multiple_size") * hidden, gated=False)
    mixers = [attn] * (layers - 1) + [replace(attn, o_bias=True)]  # only the last layer has that bias
    return stack(reader, mixers, [mlp] * layers, norms=4 * hidden, tied=True, final_norm_params=2 * hidden)
