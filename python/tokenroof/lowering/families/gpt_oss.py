"""gpt-oss: window and full attention in turn, sinks, experts and routers with biases."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Experts, Shape
from .common import attention, check_active, stack, windowed, windows


@family("gpt_oss", defaults={"num_key_value_heads": 8, "head_dim": 64})
def _gpt_oss(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", True)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, sinks=True)
    active_key = "num_experts_per_tok" if reader.has("num_experts_per_tok") else "experts_per_token"
    experts, active = check_active(reader, "num_local_experts", active_key)
    moe = Experts(experts, active, reader.count("intermediate_size"), bias=True, router_bias=True)
    layers = reader.layers()
    sliding = float(reader.count("sliding_window"))
    in_turn = [math.inf if layer % 2 else sliding for layer in range(layers)]  # the window comes first
    return stack(reader, windowed(attn, windows(reader, in_turn)), [moe] * layers)
