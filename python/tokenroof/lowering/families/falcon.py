"""Falcon in its three forms: 7B (one KV head, parallel), 40B and 180B (grouped, two norms), RW (ALiBi, in sequence).

The first releases called the same things RefinedWebModel (7B, RW) and RefinedWeb (40B).
"""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack

_NAMES = {
    "n_embed": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_head_kv": "num_kv_heads",
    "ffn_hidden_size": "intermediate_size",
}


@family("falcon", "RefinedWebModel", defaults={"max_position_embeddings": 2048}, names=_NAMES)
def _falcon(reader: ConfigReader) -> Shape:
    return _shape(reader, grouped=reader.flag("new_decoder_architecture", False))


@family("RefinedWeb", defaults={"max_position_embeddings": 2048}, names=_NAMES)
def _refined_web(reader: ConfigReader) -> Shape:
    return _shape(reader, grouped=True)


def _shape(reader: ConfigReader, grouped: bool) -> Shape:
    """``grouped``: the decoder of the 40B model, which overrules ``multi_query`` and is parallel in any case."""
    hidden, layers, heads = reader.count("hidden_size"), reader.layers(), reader.count("num_attention_heads")
    side_by_side = reader.flag("parallel_attn", True)
    bias = reader.flag("bias", False)
    if grouped:
        kv_heads = reader.count("num_kv_heads", default=heads)
        norms = reader.count("num_ln_in_parallel_attn", default=2)
    else:  # here num_kv_heads is written out and never read
        kv_heads = 1 if reader.flag("multi_query", True) else heads
        norms = reader.count("num_ln_in_parallel_attn", default=1)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, kv_heads=kv_heads)
    mlp = Dense(reader.count("intermediate_size", default=4 * hidden), gated=False, bias=bias)
    return stack(
        reader,
        [attn] * layers,
        [mlp] * layers,
        norms=2 * hidden * (2 if norms == 2 or not side_by_side else 1),
        parallel=grouped or side_by_side,
        tied=True,
        final_norm_params=2 * hidden,
    )
