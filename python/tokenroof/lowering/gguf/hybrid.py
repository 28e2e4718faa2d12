"""Architectures with recurrent mixers, alone or in turn with attention."""

from __future__ import annotations

from . import own
from . import recipes as of
from .keysets import (
    CORE,
    DELTA,
    DENSE,
    EXPERTS,
    HYBRID_HEADS,
    LATENT,
    LOCAL_EXPERTS,
    MAMBA2,
    QWEN_MOE,
    Architecture,
    Recipe,
)

__all__ = ["HYBRID_ARCHITECTURES"]

_NEMOTRON: dict[str, Recipe] = {
    **CORE,
    **HYBRID_HEADS,
    "mlp_bias": of.tensor("ffn_up.bias"),
    "intermediate_size": of.most("feed_forward_length"),
    "hybrid_override_pattern": own.block_letters,
    "mamba_num_heads": "ssm.time_step_rank",
    "mamba_head_dim": of.ratio("ssm.inner_size", "ssm.time_step_rank"),
    "ssm_state_size": "ssm.state_size",
    "conv_kernel": "ssm.conv_kernel",
    "n_groups": "ssm.group_count",
    "use_conv_bias": of.tensor("ssm_conv1d.bias"),
    "use_bias": of.tensor("ssm_in.bias"),
}

HYBRID_ARCHITECTURES: dict[str, Architecture] = {
    "falcon-h1": Architecture(
        "falcon_h1",
        {
            **DENSE,
            **MAMBA2,
            "mamba_d_ssm": "ssm.inner_size",
            "mamba_rms_norm": of.tensor("ssm_norm.weight"),
            "projectors_bias": of.tensor("ssm_out.bias"),
        },
    ),
    "granitehybrid": Architecture(
        "granitemoehybrid",
        {
            **CORE,
            **HYBRID_HEADS,
            **MAMBA2,
            "mamba_expand": of.ratio("ssm.inner_size", "embedding_length"),
            "layer_types": of.attention_or("mamba", "attention"),
            "num_local_experts": of.zero_when_missing("expert_count"),
            "num_experts_per_tok": "expert_used_count>0",
            "intermediate_size": "feed_forward_length",
            "shared_intermediate_size": own.granite_shared_width,
        },
    ),
    "jamba": Architecture(
        "jamba",
        {
            **CORE,
            **HYBRID_HEADS,
            **LOCAL_EXPERTS,
            "num_experts": "expert_count",
            "intermediate_size": "feed_forward_length",
            "layers_block_type": of.attention_or("mamba", "attention"),
            "expert_layer_period": own.expert_period,
            "expert_layer_offset": own.expert_offset,
            "mamba_d_state": "ssm.state_size",
            "mamba_d_conv": "ssm.conv_kernel",
            "mamba_expand": of.ratio("ssm.inner_size", "embedding_length"),
            "mamba_dt_rank": "ssm.time_step_rank",
            "mamba_conv_bias": of.tensor("ssm_conv1d.bias"),
            "mamba_proj_bias": of.tensor("ssm_in.bias"),
        },
    ),
    "kimi-linear": Architecture(
        "kimi_linear",
        {
            **CORE,
            **LATENT,
            "num_attention_heads": of.most("attention.head_count"),
            "linear_attn_config": own.kimi_linear,
            "intermediate_size": "feed_forward_length?",
            "num_experts": "expert_count",
            "num_experts_per_token": "expert_used_count",
            "num_shared_experts": "expert_shared_count?",
            "moe_intermediate_size": of.expert_width,
            "first_k_dense_replace": "leading_dense_block_count?",
        },
    ),
    "lfm2": Architecture(
        "lfm2",
        {
            **CORE,
            **HYBRID_HEADS,
            "intermediate_size": "feed_forward_length",
            "block_auto_adjust_ff_dim": of.fixed(False),  # the file has the width that came out
            "layer_types": of.attention_or("conv", "full_attention"),
            "conv_L_cache": "shortconv.l_cache",
            "conv_bias": of.tensor("shortconv.conv.bias"),
        },
    ),
    "lfm2moe": Architecture(
        "lfm2_moe",
        {
            **CORE,
            **HYBRID_HEADS,
            **EXPERTS,
            "intermediate_size": "feed_forward_length",
            "num_dense_layers": "leading_dense_block_count?",
            "layer_types": of.attention_or("conv", "full_attention"),
            "conv_L_cache": "shortconv.l_cache",
            "conv_bias": of.tensor("shortconv.conv.bias"),
            "use_expert_bias": of.tensor("exp_probs_b.bias"),
        },
    ),
    "mamba": Architecture(
        own.mamba_type,
        {
            **CORE,
            "intermediate_size": "ssm.inner_size",
            "state_size": "ssm.state_size",
            "conv_kernel": "ssm.conv_kernel",
            "time_step_rank": "ssm.time_step_rank",
            "use_conv_bias": of.tensor("ssm_conv1d.bias"),
            "use_bias": of.tensor("ssm_in.bias"),
        },
    ),
    "mamba2": Architecture(
        "mamba2",
        {
            **CORE,
            "state_size": "ssm.state_size",
            "conv_kernel": "ssm.conv_kernel",
            "n_groups": "ssm.group_count",
            "num_heads": "ssm.time_step_rank",
            "head_dim": of.ratio("ssm.inner_size", "ssm.time_step_rank"),
            "expand": of.ratio("ssm.inner_size", "embedding_length"),
            "use_conv_bias": of.tensor("ssm_conv1d.bias"),
            "use_bias": of.tensor("ssm_in.bias"),
        },
    ),
    "nemotron_h": Architecture("nemotron_h", _NEMOTRON),
    "nemotron_h_moe": Architecture(
        "nemotron_h",
        {
            **_NEMOTRON,
            "n_routed_experts": "expert_count",
            "num_experts_per_tok": "expert_used_count",
            "n_shared_experts": "expert_shared_count?",
            "moe_intermediate_size": of.expert_width,
            "moe_shared_expert_intermediate_size": of.shared_width,
            "moe_latent_size": "moe_latent_size>0",
        },
    ),
    "qwen35": Architecture("qwen3_5_text", {**DENSE, **DELTA}),
    "qwen35moe": Architecture("qwen3_5_moe_text", {**QWEN_MOE, **DELTA}),
    "qwen3next": Architecture("qwen3_next", {**QWEN_MOE, **DELTA}),
}
