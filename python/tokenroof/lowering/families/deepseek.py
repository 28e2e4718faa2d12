"""DeepSeek-V3 and R1, and Kimi K2: latent attention, a few dense layers, then routed and shared experts."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, Ffn, LatentAttention, Shape
from .common import check_active, decoder


@family("deepseek_v3", "kimi_k2")
def _deepseek_v3(reader: ConfigReader) -> Shape:
    attn = LatentAttention(
        heads=reader.count("num_attention_heads"),
        q_rank=reader.count("q_lora_rank") if reader.has("q_lora_rank") else None,
        kv_rank=reader.count("kv_lora_rank"),
        nope=reader.count("qk_nope_head_dim"),
        rope=reader.count("qk_rope_head_dim"),
        v_dim=reader.count("v_head_dim"),
        bias=reader.flag("attention_bias", False),
    )
    layers = reader.layers()
    first = reader.count("first_k_dense_replace", least=0)
    if first > layers:
        raise reader.error(f"first_k_dense_replace = {first} is more than num_hidden_layers = {layers}")
    every = reader.count("moe_layer_freq", default=1)
    sparse = [layer >= first and layer % every == 0 for layer in range(layers)]
    moe = _experts(reader) if any(sparse) else None
    mlp = Dense(reader.count("intermediate_size")) if not all(sparse) else None

    def ffn(is_sparse: bool) -> Ffn:
        block = moe if is_sparse else mlp
        assert block is not None  # made above for every value that ``sparse`` holds
        return block

    return decoder(reader, lambda _: attn, ffn, sparse=sparse)


def _experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "n_routed_experts", "num_experts_per_tok")
    width = reader.count("moe_intermediate_size")
    shared = reader.count("n_shared_experts", default=0, least=0)
    # Load balancing without a loss term adds one learned number per expert to its score.
    corrected = not reader.has("topk_method") or reader.text("topk_method") == "noaux_tc"
    return Experts(experts, active, width, shared_width=shared * width, router_bias=corrected)
