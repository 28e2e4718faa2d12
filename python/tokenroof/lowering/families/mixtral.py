"""Mixtral: Mistral's attention, routed experts in every layer."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Experts, Shape
from .common import attention, check_active, stack, windowed, windows


@family("mixtral", defaults={"num_key_value_heads": 8})
def _mixtral(reader: ConfigReader) -> Shape:
    attn = attention(reader)
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    moe = Experts(experts, active, reader.count("intermediate_size"))  # the key holds the width of one expert
    window = reader.tokens("sliding_window")
    layers = reader.layers()
    return stack(reader, windowed(attn, windows(reader, default=[window] * layers)), [moe] * layers)
