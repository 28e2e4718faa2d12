"""BLOOM: biases everywhere, a norm after the embedding, positions from ALiBi."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack

_NAMES = {
    "n_embed": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "seq_length": "max_position_embeddings",
}


@family("bloom", names=_NAMES)
def _bloom(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    attn = attention(reader, qkv_bias=True, o_bias=True, kv_heads=reader.count("num_attention_heads"))
    return stack(
        reader,
        [attn] * layers,
        [Dense(4 * hidden, gated=False, bias=True)] * layers,
        norms=4 * hidden,
        tied=True,
        embed_norm_params=2 * hidden,
        final_norm_params=2 * hidden,
    )
