"""DeepSeek-V3 and R1, and Kimi K2: latent attention, a few dense layers, then routed and shared experts."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, LatentAttention, Shape
from .common import check_active, choose, first_dense, stack


@family("deepseek_v3", "kimi_k2", defaults={"first_k_dense_replace": 3})
def _deepseek_v3(reader: ConfigReader) -> Shape:
    ffns = choose(first_dense(reader), lambda: _experts(reader), lambda: Dense(reader.count("intermediate_size")))
    return stack(reader, [_latent(reader)] * reader.layers(), ffns)


def _latent(reader: ConfigReader) -> LatentAttention:
    return LatentAttention(
        heads=reader.count("num_attention_heads"),
        q_rank=reader.count("q_lora_rank") if reader.has("q_lora_rank") else None,
        kv_rank=reader.count("kv_lora_rank"),
        nope=reader.count("qk_nope_head_dim"),
        rope=reader.count("qk_rope_head_dim"),
        v_dim=reader.count("v_head_dim"),
        bias=reader.flag("attention_bias", False),
    )


def _experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "n_routed_experts", "num_experts_per_tok")
    width = reader.count("moe_intermediate_size")
    shared = reader.count("n_shared_experts", default=0, least=0)
    # Load balancing without a loss term adds one learned number per expert to its score.
    corrected = not reader.has("topk_method") or reader.text("topk_method") == "noaux_tc"
    return Experts(experts, active, width, shared_width=shared * width, router_bias=corrected)
