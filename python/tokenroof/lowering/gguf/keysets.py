"""Groups of recipes that many architectures share: from keys of a config to those of a GGUF file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import recipes as of
from .keys import Keys

__all__ = [
    "CORE",
    "DEEPSEEK",
    "DELTA",
    "DENSE",
    "EXPERTS",
    "HEADS",
    "HYBRID_HEADS",
    "LATENT",
    "LOCAL_EXPERTS",
    "MAMBA2",
    "QWEN_MOE",
    "WINDOW",
    "Architecture",
    "Recipe",
]

#: The name of a GGUF key; with ``?`` it may be missing, with ``>0`` it may also be 0, which is how files say that the
#: model has no such thing. Or a function of the file's keys.
Recipe = str | Callable[[Keys], Any]


@dataclass(frozen=True, slots=True)
class Architecture:
    """How files of one architecture become a config of one model type, or of several."""

    model_type: str | Callable[[Keys], str]
    keys: Mapping[str, Recipe]


CORE: dict[str, Recipe] = {
    "num_hidden_layers": of.layers,
    "hidden_size": "embedding_length",
    "vocab_size": of.vocabulary,
    "max_position_embeddings": "context_length?",
    "tie_word_embeddings": of.tied,
}
HEADS: dict[str, Recipe] = {
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv?",
    "head_dim": of.head_dim,
    "attention_bias": of.tensor("attn_q.bias", "attn_qkv.bias"),
}
#: Heads of models whose other layers have none.
HYBRID_HEADS: dict[str, Recipe] = {
    "num_attention_heads": of.most("attention.head_count"),
    "num_key_value_heads": of.most("attention.head_count_kv"),
    "head_dim": of.head_dim,
    "attention_bias": of.tensor("attn_q.bias"),
}
DENSE: dict[str, Recipe] = {
    **CORE,
    **HEADS,
    "intermediate_size": "feed_forward_length",
    "mlp_bias": of.tensor("ffn_up.bias"),
}
WINDOW: dict[str, Recipe] = {"sliding_window": "attention.sliding_window>0", "layer_types": of.window_layers}
EXPERTS: dict[str, Recipe] = {
    "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": of.expert_width,
}
#: Mixtral's names, optional because dense models share its architecture.
LOCAL_EXPERTS: dict[str, Recipe] = {
    "num_local_experts": "expert_count>0",
    "num_experts_per_tok": "expert_used_count>0",
}
QWEN_MOE: dict[str, Recipe] = {
    **CORE,
    **HEADS,
    **EXPERTS,
    "intermediate_size": "feed_forward_length?",
    "shared_expert_intermediate_size": of.shared_width,
}
DEEPSEEK: dict[str, Recipe] = {
    **CORE,
    "intermediate_size": "feed_forward_length?",
    "num_attention_heads": "attention.head_count",
    "n_routed_experts": "expert_count>0",
    "num_experts_per_tok": "expert_used_count>0",
    "n_shared_experts": "expert_shared_count?",
    "n_group": "expert_group_count>0",
    "topk_group": "expert_group_used_count>0",
    "moe_intermediate_size": of.expert_width,
    "first_k_dense_replace": "leading_dense_block_count?",
}
LATENT: dict[str, Recipe] = {
    "q_lora_rank": "attention.q_lora_rank>0",
    "kv_lora_rank": "attention.kv_lora_rank",
    "qk_nope_head_dim": of.latent_nope,
    "qk_rope_head_dim": "rope.dimension_count",
    "v_head_dim": of.latent_v,
}
DELTA: dict[str, Recipe] = {
    "full_attention_interval": "full_attention_interval?",
    "linear_conv_kernel_dim": "ssm.conv_kernel",
    "linear_key_head_dim": "ssm.state_size",
    "linear_num_key_heads": "ssm.group_count",
    "linear_num_value_heads": "ssm.time_step_rank",
    "linear_value_head_dim": of.ratio("ssm.inner_size", "ssm.time_step_rank"),
}
#: Mamba-2 next to attention.
MAMBA2: dict[str, Recipe] = {
    "mamba_n_heads": "ssm.time_step_rank",
    "mamba_d_head": of.ratio("ssm.inner_size", "ssm.time_step_rank"),
    "mamba_n_groups": "ssm.group_count",
    "mamba_d_state": "ssm.state_size",
    "mamba_d_conv": "ssm.conv_kernel",
    "mamba_conv_bias": of.tensor("ssm_conv1d.bias"),
    "mamba_proj_bias": of.tensor("ssm_in.bias"),
}
