"""Granite 3: Llama's block with four scalars that hold no parameters, dense or with experts."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Experts, Shape
from .common import attention, check_active, dense, stack


@family("granite", defaults={"max_position_embeddings": 2048})
def _granite(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    mlp = dense(reader, bias=reader.flag("mlp_bias", False))
    return stack(reader, [_attention(reader)] * layers, [mlp] * layers)


@family("granitemoe", "granitemoeshared", defaults={"max_position_embeddings": 2048})
def _granitemoe(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    moe = Experts(
        experts,
        active,
        reader.count("intermediate_size"),  # the key holds the width of one expert
        shared_width=reader.count("shared_intermediate_size", default=0, least=0),
    )
    return stack(reader, [_attention(reader)] * layers, [moe] * layers)


def _attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias)
