"""OLMo 1 to 3, OLMoE and FlexOlmo: norms without parameters first, then norms over all query and all key heads."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Experts, Shape
from .common import all_but_every, attention, check_active, dense, stack, windowed, windows


@family("olmo", defaults={"max_position_embeddings": 2048})
def _olmo(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    return stack(reader, [_attention(reader)] * layers, [dense(reader)] * layers, norms=0, final_norm_params=0)


@family("olmo2", defaults={"max_position_embeddings": 2048})
def _olmo2(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    return stack(reader, [_normed(reader)] * layers, [dense(reader)] * layers)


@family("olmo3", defaults={"max_position_embeddings": 2048, "sliding_window": 4096})
def _olmo3(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    default = all_but_every(layers, 4, reader.tokens("sliding_window"))
    return stack(reader, windowed(_normed(reader), windows(reader, default)), [dense(reader)] * layers)


@family("olmoe", "flex_olmo", defaults={"max_position_embeddings": 4096}, names={"num_local_experts": "num_experts"})
def _olmoe(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    moe = Experts(experts, active, reader.count("intermediate_size"))  # the key holds the width of one expert
    return stack(reader, [_normed(reader)] * layers, [moe] * layers)


def _attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias)


def _normed(reader: ConfigReader) -> Attention:
    attn = _attention(reader)
    return replace(attn, qk_norm=(attn.heads + attn.kv_heads) * attn.head_dim)
