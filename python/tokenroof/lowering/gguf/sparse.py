"""Architectures with routed experts behind attention in every layer."""

from __future__ import annotations

from . import own
from . import recipes as of
from .keysets import (
    CORE,
    DEEPSEEK,
    DENSE,
    EXPERTS,
    HEADS,
    LATENT,
    LOCAL_EXPERTS,
    QWEN_MOE,
    WINDOW,
    Architecture,
)

__all__ = ["SPARSE_ARCHITECTURES"]

SPARSE_ARCHITECTURES: dict[str, Architecture] = {
    "dbrx": Architecture(
        "dbrx",
        {
            **CORE,
            "num_attention_heads": "attention.head_count",
            "attn_config": of.inside(kv_n_heads="attention.head_count_kv"),
            "ffn_config": of.inside(
                ffn_hidden_size="feed_forward_length",
                moe_num_experts="expert_count",
                moe_top_k="expert_used_count",
            ),
        },
    ),
    "deepseek2": Architecture(own.deepseek_type, {**DEEPSEEK, **LATENT, "topk_method": own.topk_method}),
    "dots1": Architecture("dots1", {**DEEPSEEK, **HEADS}),
    "ernie4_5-moe": Architecture(
        "ernie4_5_moe",
        {
            **DENSE,
            "use_bias": of.tensor("attn_q.bias"),
            "moe_num_experts": "expert_count",
            "moe_k": "expert_used_count",
            "moe_num_shared_experts": "expert_shared_count?",
            "moe_intermediate_size": of.expert_width,
            "moe_layer_start_index": "leading_dense_block_count?",
            "moe_layer_interval": "interleave_moe_layer_step?",
        },
    ),
    "exaone-moe": Architecture(
        "exaone_moe",
        {
            **DENSE,
            **WINDOW,
            **EXPERTS,
            "num_shared_experts": "expert_shared_count?",
            "first_k_dense_replace": "leading_dense_block_count?",
        },
    ),
    "gemma4": Architecture(
        "gemma4_text",
        {
            **CORE,
            **WINDOW,
            "num_attention_heads": "attention.head_count",
            "num_key_value_heads": own.gemma4_window_kv_heads,
            "num_global_key_value_heads": own.gemma4_full_kv_heads,
            "attention_k_eq_v": own.gemma4_values_are_keys,
            "head_dim": "attention.key_length_swa",
            "global_head_dim": "attention.key_length",
            "intermediate_size": own.gemma4_width,
            "use_double_wide_mlp": own.gemma4_doubles,
            "hidden_size_per_layer_input": of.zero_when_missing("embedding_length_per_layer_input"),
            "vocab_size_per_layer_input": of.rows_of("per_layer_token_embd.weight"),
            "num_kv_shared_layers": "attention.shared_kv_layers?",
            "enable_moe_block": own.has_experts,
            "num_experts": "expert_count>0",
            "top_k_experts": "expert_used_count>0",
            "moe_intermediate_size": "expert_feed_forward_length>0",
        },
    ),
    "glm-dsa": Architecture(
        "glm_moe_dsa",
        {
            **DEEPSEEK,
            **LATENT,
            "index_n_heads": "attention.indexer.head_count",
            "index_head_dim": "attention.indexer.key_length",
            "index_topk": "attention.indexer.top_k",
        },
    ),
    "glm4moe": Architecture("glm4_moe", {**DEEPSEEK, **HEADS, "use_qk_norm": of.tensor("attn_q_norm.weight")}),
    "gpt-oss": Architecture(
        "gpt_oss", {**CORE, **HEADS, **WINDOW, **LOCAL_EXPERTS, "intermediate_size": of.expert_width}
    ),
    "granitemoe": Architecture("granitemoe", {**DENSE, **LOCAL_EXPERTS, "shared_intermediate_size": of.shared_width}),
    "grok": Architecture(
        "grok",
        {
            **DENSE,
            **EXPERTS,
            "residual_moe": of.tensor("ffn_up.weight"),  # Grok-2: a block for all tokens beside the experts
        },
    ),
    "hunyuan-moe": Architecture("hunyuan_v1_moe", {**CORE, **HEADS, **EXPERTS, "intermediate_size": of.expert_width}),
    "llama4": Architecture(
        "llama4_text",
        {
            **CORE,
            **HEADS,
            **LOCAL_EXPERTS,
            "intermediate_size_mlp": "feed_forward_length",
            "intermediate_size": of.expert_width,
            "interleave_moe_layer_step": "interleave_moe_layer_step?",
            "layer_types": own.llama4_layers,
        },
    ),
    "minimax-m2": Architecture(
        "minimax_m2",
        {
            **CORE,
            **HEADS,
            **LOCAL_EXPERTS,
            "intermediate_size": of.expert_width,
            "use_qk_norm": of.tensor("attn_q_norm.weight"),
            "use_routing_bias": of.tensor("exp_probs_b.bias"),
        },
    ),
    "olmoe": Architecture("olmoe", {**DENSE, **EXPERTS}),
    "phimoe": Architecture("phimoe", {**DENSE, **WINDOW, **LOCAL_EXPERTS, "lm_head_bias": of.tensor("output.bias")}),
    "qwen2moe": Architecture("qwen2_moe", QWEN_MOE),
    "qwen3moe": Architecture("qwen3_moe", QWEN_MOE),
    "qwen3vlmoe": Architecture("qwen3_moe", QWEN_MOE),
}
