"""Shapes that no config was published for, in the catalogue's own spelling of the common keys."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, Ffn, Shape
from .common import attention, check_active, stack, windowed, windows


@family("tokenroof")
def _generic(reader: ConfigReader) -> Shape:
    bias = reader.flag("bias", False)  # on every matrix of a layer and on every norm, as in GPT-2 and GPT-3
    attn = attention(reader, qkv_bias=bias, o_bias=bias)
    gated = reader.flag("mlp_gated", True)
    ffn: Ffn
    if reader.has("num_experts"):
        experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
        ffn = Experts(experts, active, reader.count("moe_intermediate_size"), gated, bias=bias)
    else:
        ffn = Dense(reader.count("intermediate_size"), gated, bias=bias)
    norm = reader.count("hidden_size") * (1 + bias)
    return stack(
        reader,
        windowed(attn, windows(reader)),
        [ffn] * reader.layers(),
        norms=2 * norm,
        final_norm_params=norm,
        positions=reader.count("learned_positions", default=0, least=0),
    )
