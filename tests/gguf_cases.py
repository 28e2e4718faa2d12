"""What each architecture of GGUF must become: the config of the same model, side by side with the keys of its file."""

from __future__ import annotations

from typing import Any

LAYERS, HIDDEN, VOCAB = 4, 64, 100
#: Sizes in either spelling.
CONFIG: dict[str, Any] = {
    "num_hidden_layers": LAYERS,
    "hidden_size": HIDDEN,
    "intermediate_size": 160,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": VOCAB,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
}
KEYS: dict[str, Any] = {
    "block_count": LAYERS,
    "embedding_length": HIDDEN,
    "feed_forward_length": 160,
    "attention.head_count": 8,
    "attention.head_count_kv": 2,
    "context_length": 512,
}
ENDS = {"token_embd.weight": (VOCAB, HIDDEN), "output.weight": (VOCAB, HIDDEN)}

LOCAL = {"num_local_experts": 8, "num_experts_per_tok": 2}
USED = {"expert_count": 8, "expert_used_count": 2}
WIDE = USED | {"expert_feed_forward_length": 24}
ROUTED = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
QWEN = ROUTED | {"shared_expert_intermediate_size": 40}
QWEN_KEYS = WIDE | {"expert_shared_feed_forward_length": 40}
DEEP = {
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
}
DEEP_KEYS = WIDE | {"expert_shared_count": 1, "leading_dense_block_count": 1}
MLA = {"q_lora_rank": 48, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12}
MLA_KEYS = {
    "attention.head_count_kv": 1,
    "attention.q_lora_rank": 48,
    "attention.kv_lora_rank": 32,
    "attention.key_length": 40,
    "attention.value_length": 32,
    "attention.key_length_mla": 24,
    "attention.value_length_mla": 12,
    "rope.dimension_count": 8,
}
DELTA = {
    "full_attention_interval": 2,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_value_head_dim": 12,
}
DELTA_KEYS = {
    "full_attention_interval": 2,
    "ssm.conv_kernel": 4,
    "ssm.state_size": 8,
    "ssm.group_count": 2,
    "ssm.time_step_rank": 4,
    "ssm.inner_size": 48,
}
MAMBA2 = {"mamba_n_heads": 4, "mamba_d_head": 32, "mamba_n_groups": 2, "mamba_d_state": 16, "mamba_d_conv": 4}
MAMBA2_KEYS = {
    "ssm.conv_kernel": 4,
    "ssm.state_size": 16,
    "ssm.group_count": 2,
    "ssm.time_step_rank": 4,
    "ssm.inner_size": 128,
}
NEMOTRON = {
    "hybrid_override_pattern": "M*M-",
    "mamba_num_heads": 4,
    "mamba_head_dim": 32,
    "ssm_state_size": 16,
    "conv_kernel": 4,
    "n_groups": 2,
}
IN_TURN = {"attention.head_count_kv": [0, 2, 0, 2], "attention.key_length": 8}
FOUR = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]
SLIDES = [True, True, True, False]

#: Architecture, keys of the config, keys of the file, tensors that tell what no key does.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("llama", {"model_type": "llama"}, {}, ()),
    ("llama", {"model_type": "llama", "attention_bias": True, "mlp_bias": True}, {}, ("attn_q.bias", "ffn_up.bias")),
    ("llama", {"model_type": "mistral", "sliding_window": 32}, {"attention.sliding_window": 32}, ()),
    ("llama", {"model_type": "mixtral", **LOCAL}, USED, ()),
    ("mistral3", {"model_type": "ministral3"}, {}, ()),
    ("minicpm", {"model_type": "llama"}, {}, ()),
    ("xverse", {"model_type": "llama"}, {}, ()),
    ("arcee", {"model_type": "arcee"}, {}, ()),
    ("apertus", {"model_type": "apertus"}, {}, ()),
    ("baichuan", {"model_type": "baichuan", "num_key_value_heads": 8}, {"attention.head_count_kv": 8}, ()),
    ("bitnet", {"model_type": "bitnet"}, {}, ()),
    (
        "bloom",
        {"model_type": "bloom", "num_key_value_heads": None},
        {"attention.head_count_kv": 8, "feed_forward_length": 256},
        (),
    ),
    (
        "chatglm",
        {"model_type": "chatglm", "multi_query_attention": True, "multi_query_group_num": 2, "add_qkv_bias": True},
        {},
        ("attn_qkv.bias",),
    ),
    ("command-r", {"model_type": "cohere", "use_qk_norm": True}, {}, ("attn_q_norm.weight",)),
    ("cohere2", {"model_type": "cohere2", "sliding_window": 32}, {"attention.sliding_window": 32}, ()),
    ("ernie4_5", {"model_type": "ernie4_5"}, {}, ()),
    ("exaone", {"model_type": "exaone"}, {}, ()),
    ("exaone4", {"model_type": "exaone4", "sliding_window": None}, {}, ()),
    (
        "exaone4",
        {"model_type": "exaone4", "sliding_window": 32, "layer_types": FOUR},
        {"attention.sliding_window": 32, "attention.sliding_window_pattern": SLIDES},
        (),
    ),
    (
        "falcon",
        {"model_type": "falcon", "multi_query": True, "num_key_value_heads": None},
        {"attention.head_count_kv": 1},
        (),
    ),
    (
        "falcon",
        {"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
        {},
        (),
    ),
    (
        "falcon",
        {"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2, "bias": True},
        {},
        ("attn_norm_2.weight", "attn_qkv.bias"),
    ),
    ("gemma", {"model_type": "gemma"}, {}, ()),
    ("gemma2", {"model_type": "gemma2", "sliding_window": 32}, {"attention.sliding_window": 32}, ()),
    ("gemma3", {"model_type": "gemma3_text", "sliding_window": 32}, {"attention.sliding_window": 32}, ()),
    ("glm4", {"model_type": "glm4", "attention_bias": True}, {}, ("attn_q.bias",)),
    ("gpt2", {"model_type": "gpt2", "num_key_value_heads": None}, {"attention.head_count_kv": 8}, ()),
    ("gptj", {"model_type": "gptj", "num_key_value_heads": None}, {"attention.head_count_kv": 8}, ()),
    (
        "gptneox",
        {"model_type": "gpt_neox", "num_key_value_heads": None, "use_parallel_residual": False},
        {"attention.head_count_kv": 8, "use_parallel_residual": False},
        ("attn_qkv.bias",),
    ),
    ("granite", {"model_type": "granite"}, {}, ()),
    ("hunyuan-dense", {"model_type": "hunyuan_v1_dense"}, {}, ()),
    ("internlm2", {"model_type": "internlm2"}, {}, ()),
    ("jais2", {"model_type": "jais2"}, {}, ("attn_q.bias", "ffn_up.bias")),
    (
        "mpt",
        {"model_type": "mpt", "num_key_value_heads": None, "expansion_ratio": 4, "attn_config": {"alibi": False}},
        {"feed_forward_length": 256, "attention.head_count_kv": 8},
        ("position_embd.weight",),
    ),
    ("nemotron", {"model_type": "nemotron"}, {}, ()),
    ("olmo", {"model_type": "olmo"}, {}, ()),
    ("olmo2", {"model_type": "olmo2"}, {}, ()),
    (
        "olmo2",
        {"model_type": "olmo3", "sliding_window": 32, "layer_types": FOUR},
        {"attention.sliding_window": 32, "attention.sliding_window_pattern": SLIDES},
        (),
    ),
    ("phi2", {"model_type": "phi"}, {}, ()),
    ("phi3", {"model_type": "phi3", "sliding_window": 32}, {"attention.sliding_window": 32}, ()),
    ("phi3", {"model_type": "phi3"}, {"attention.sliding_window": 0}, ()),  # Phi-4
    ("qwen2", {"model_type": "qwen2"}, {}, ()),
    ("qwen2vl", {"model_type": "qwen2"}, {}, ()),
    ("qwen3", {"model_type": "qwen3", "head_dim": 24}, {"attention.key_length": 24}, ()),
    ("qwen3vl", {"model_type": "qwen3"}, {}, ()),
    ("seed_oss", {"model_type": "seed_oss", "attention_bias": True}, {}, ("attn_q.bias",)),
    ("smollm3", {"model_type": "smollm3"}, {}, ()),
    ("stablelm", {"model_type": "stablelm", "use_qkv_bias": True}, {}, ("attn_q.bias", "ffn_norm.weight")),
    ("stablelm", {"model_type": "stablelm", "use_parallel_residual": True, "qk_layernorm": True}, {},
     ("attn_q_norm.weight",)),
    ("starcoder", {"model_type": "gpt_bigcode", "num_key_value_heads": None}, {"attention.head_count_kv": 1}, ()),
    ("starcoder2", {"model_type": "starcoder2", "use_bias": True}, {}, ("attn_q.bias",)),
    ("starcoder2", {"model_type": "starcoder2", "use_bias": False}, {}, ()),
    (
        "gemma3n",
        {"model_type": "gemma3n_text", "intermediate_size": [96, 160, 160, 160], "sliding_window": 32,
         "num_kv_shared_layers": 0, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 90,
         "layer_types": FOUR, "laurel_rank": 16},
        {"feed_forward_length": [96, 160, 160, 160], "attention.shared_kv_layers": 0, "altup.num_inputs": 4,
         "embedding_length_per_layer_input": 8, "attention.sliding_window": 32,
         "attention.sliding_window_pattern": SLIDES},
        ("per_layer_token_embd.weight", "laurel_l.weight"),
    ),
    # experts
    (
        "dbrx",
        {"model_type": "dbrx", "attn_config": {"kv_n_heads": 2},
         "ffn_config": {"ffn_hidden_size": 160, "moe_num_experts": 8, "moe_top_k": 2}},
        USED,
        (),
    ),
    ("deepseek2", {"model_type": "deepseek_v2", **DEEP, **MLA}, DEEP_KEYS | MLA_KEYS, ()),
    ("deepseek2", {"model_type": "deepseek_v3", **DEEP, **MLA}, DEEP_KEYS | MLA_KEYS, ("exp_probs_b.bias",)),
    ("dots1", {"model_type": "dots1", **DEEP}, DEEP_KEYS, ()),
    (
        "ernie4_5-moe",
        {"model_type": "ernie4_5_moe", "moe_num_experts": 8, "moe_k": 2, "moe_num_shared_experts": 1,
         "moe_intermediate_size": 24, "moe_layer_start_index": 1, "moe_layer_interval": 1},
        DEEP_KEYS | {"interleave_moe_layer_step": 1},
        (),
    ),
    (
        "exaone-moe",
        {"model_type": "exaone_moe", **ROUTED, "num_shared_experts": 1, "first_k_dense_replace": 1,
         "sliding_window": 32, "layer_types": FOUR},
        DEEP_KEYS | {"attention.sliding_window": 32, "attention.sliding_window_pattern": SLIDES},
        (),
    ),
    (
        "gemma4",
        {"model_type": "gemma4_text", "sliding_window": 32, "layer_types": FOUR, "global_head_dim": 16,
         "num_global_key_value_heads": 1, "attention_k_eq_v": True, "hidden_size_per_layer_input": 0,
         "enable_moe_block": True, "num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 24},
        WIDE | {"attention.sliding_window": 32, "attention.sliding_window_pattern": SLIDES,
                "attention.head_count_kv": [2, 2, 2, 1], "attention.key_length": 16, "attention.key_length_swa": 8,
                "attention.shared_kv_layers": 0, "embedding_length_per_layer_input": 0},
        ("0.attn_k.weight", "3.attn_k.weight", "0.attn_v.weight"),
    ),
    (
        "gemma4",
        {"model_type": "gemma4_text", "sliding_window": 32, "global_head_dim": 16, "num_kv_shared_layers": 2,
         "use_double_wide_mlp": True, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 90,
         "layer_types": ["sliding_attention", "full_attention"] * 2},
        {"attention.sliding_window": 32, "attention.sliding_window_pattern": [True, False] * 2,
         "feed_forward_length": [160, 160, 320, 320], "attention.key_length": 16, "attention.key_length_swa": 8,
         "attention.shared_kv_layers": 2, "embedding_length_per_layer_input": 8},
        ("per_layer_token_embd.weight", "0.attn_k.weight", "1.attn_k.weight", "0.attn_v.weight", "1.attn_v.weight"),
    ),
    (
        "glm-dsa",
        {"model_type": "glm_moe_dsa", **DEEP, **MLA, "index_n_heads": 4, "index_head_dim": 16, "index_topk": 64},
        DEEP_KEYS | MLA_KEYS | {"attention.indexer.head_count": 4, "attention.indexer.key_length": 16,
                                "attention.indexer.top_k": 64},
        (),
    ),
    (
        "glm4moe",
        {"model_type": "glm4_moe", **DEEP, "attention_bias": True, "use_qk_norm": True},
        DEEP_KEYS,
        ("attn_q.bias", "attn_q_norm.weight"),
    ),
    (
        "gpt-oss",
        {"model_type": "gpt_oss", **LOCAL, "intermediate_size": 24, "sliding_window": 32},
        WIDE | {"attention.sliding_window": 32},
        ("attn_q.bias",),
    ),
    ("granitemoe", {"model_type": "granitemoe", **LOCAL}, USED, ()),
    (
        "granitemoe",
        {"model_type": "granitemoeshared", **LOCAL, "shared_intermediate_size": 40},
        USED | {"expert_shared_feed_forward_length": 40},
        (),
    ),
    ("grok", {"model_type": "grok", "num_experts": 8, "num_experts_per_tok": 2}, USED, ()),
    ("grok", {"model_type": "grok", **ROUTED, "residual_moe": True}, WIDE, ("ffn_up.weight",)),
    (
        "hunyuan-moe",
        {"model_type": "hunyuan_v1_moe", "num_experts": 8, "moe_topk": 2, "intermediate_size": 24},
        WIDE,
        (),
    ),
    (
        "llama4",
        {"model_type": "llama4_text", **LOCAL, "intermediate_size": 24, "intermediate_size_mlp": 160,
         "interleave_moe_layer_step": 2},
        WIDE | {"interleave_moe_layer_step": 2},
        (),
    ),
    (
        "minimax-m2",
        {"model_type": "minimax_m2", **LOCAL, "intermediate_size": 24},
        WIDE,
        ("attn_q_norm.weight", "exp_probs_b.bias"),
    ),
    ("olmoe", {"model_type": "olmoe", "num_experts": 8, "num_experts_per_tok": 2}, USED, ()),
    (
        "phimoe",
        {"model_type": "phimoe", **LOCAL, "attention_bias": True, "lm_head_bias": True},
        USED,
        ("attn_q.bias", "output.bias"),
    ),
    ("qwen2moe", {"model_type": "qwen2_moe", **QWEN}, QWEN_KEYS, ()),
    ("qwen3moe", {"model_type": "qwen3_moe", **ROUTED}, WIDE, ()),
    ("qwen3vlmoe", {"model_type": "qwen3_moe", **ROUTED}, WIDE, ()),
    # recurrent mixers
    (
        "falcon-h1",
        {"model_type": "falcon_h1", **MAMBA2, "mamba_d_ssm": 128, "mamba_rms_norm": True},
        MAMBA2_KEYS,
        ("ssm_norm.weight", "ssm_conv1d.bias"),
    ),
    (
        "granitehybrid",
        {"model_type": "granitemoehybrid", **LOCAL, **MAMBA2, "layer_types": ["mamba", "attention"] * 2,
         "shared_intermediate_size": 40},
        USED | MAMBA2_KEYS | IN_TURN | {"expert_shared_feed_forward_length": 40},
        ("ssm_conv1d.bias",),
    ),
    (
        "granitehybrid",
        {"model_type": "granitemoehybrid", "num_local_experts": 0, **MAMBA2, "layer_types": ["mamba", "attention"] * 2,
         "shared_intermediate_size": 160},
        MAMBA2_KEYS | IN_TURN,
        ("ssm_conv1d.bias",),
    ),
    (
        "jamba",
        {"model_type": "jamba", "num_experts": 8, "num_experts_per_tok": 2, "attn_layer_period": 2,
         "attn_layer_offset": 1, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 4},
        USED | IN_TURN | {"ssm.conv_kernel": 4, "ssm.state_size": 16, "ssm.time_step_rank": 4, "ssm.inner_size": 128},
        ("ssm_conv1d.bias", "1.ffn_gate_inp.weight", "3.ffn_gate_inp.weight"),
    ),
    (
        "kimi-linear",
        {"model_type": "kimi_linear", **MLA, "num_experts": 8, "num_experts_per_token": 2, "num_shared_experts": 1,
         "moe_intermediate_size": 24, "first_k_dense_replace": 1,
         "linear_attn_config": {"num_heads": 8, "head_dim": 8, "short_conv_kernel_size": 4,
                                "full_attn_layers": [2, 4], "kda_layers": [1, 3]}},
        DEEP_KEYS | MLA_KEYS | {"attention.head_count_kv": [0, 1, 0, 1], "kda.head_dim": 8, "ssm.conv_kernel": 4},
        (),
    ),
    (
        "lfm2",
        {"model_type": "lfm2", "layer_types": ["conv", "full_attention"] * 2, "conv_L_cache": 3,
         "block_auto_adjust_ff_dim": False},
        IN_TURN | {"shortconv.l_cache": 3},
        (),
    ),
    (
        "lfm2moe",
        {"model_type": "lfm2_moe", **ROUTED, "layer_types": ["conv", "full_attention"] * 2, "conv_L_cache": 3,
         "num_dense_layers": 1},
        WIDE | IN_TURN | {"shortconv.l_cache": 3, "leading_dense_block_count": 1},
        ("exp_probs_b.bias",),
    ),
    (
        "mamba",
        {"model_type": "mamba", "intermediate_size": 128, "state_size": 16, "conv_kernel": 4, "time_step_rank": 4},
        {"ssm.conv_kernel": 4, "ssm.state_size": 16, "ssm.time_step_rank": 4, "ssm.inner_size": 128,
         "attention.head_count": 0, "feed_forward_length": 0, "ssm.dt_b_c_rms": False},
        ("ssm_conv1d.bias",),
    ),
    (
        "mamba",
        {"model_type": "falcon_mamba", "intermediate_size": 128, "state_size": 16, "conv_kernel": 4,
         "time_step_rank": 4},
        {"ssm.conv_kernel": 4, "ssm.state_size": 16, "ssm.time_step_rank": 4, "ssm.inner_size": 128,
         "attention.head_count": 0, "feed_forward_length": 0, "ssm.dt_b_c_rms": True},
        ("ssm_conv1d.bias",),
    ),
    (
        "mamba2",
        {"model_type": "mamba2", "state_size": 16, "conv_kernel": 4, "n_groups": 2, "num_heads": 4, "head_dim": 32},
        MAMBA2_KEYS | {"attention.head_count": 0, "feed_forward_length": 0},
        ("ssm_conv1d.bias",),
    ),
    (
        "nemotron_h",
        {"model_type": "nemotron_h", **NEMOTRON},
        MAMBA2_KEYS | {"attention.head_count_kv": [0, 2, 0, 0], "feed_forward_length": [0, 0, 0, 160],
                       "attention.key_length": 8},
        ("ssm_conv1d.bias",),
    ),
    (
        "nemotron_h_moe",
        {"model_type": "nemotron_h", **NEMOTRON, "hybrid_override_pattern": "M*ME", "n_routed_experts": 8,
         "num_experts_per_tok": 2, "n_shared_experts": 1, "moe_intermediate_size": 24,
         "moe_shared_expert_intermediate_size": 40, "moe_latent_size": 32},
        WIDE | MAMBA2_KEYS | {"attention.head_count_kv": [0, 2, 0, 0], "feed_forward_length": [0, 0, 0, 24],
                              "attention.key_length": 8, "expert_shared_count": 1, "moe_latent_size": 32,
                              "expert_shared_feed_forward_length": 40},
        ("ssm_conv1d.bias",),
    ),
    ("qwen35", {"model_type": "qwen3_5_text", **DELTA}, DELTA_KEYS, ()),
    ("qwen35moe", {"model_type": "qwen3_5_moe_text", **QWEN, **DELTA}, QWEN_KEYS | DELTA_KEYS, ()),
    ("qwen3next", {"model_type": "qwen3_next", **QWEN, **DELTA}, QWEN_KEYS | DELTA_KEYS, ()),
]  # fmt: skip

#: Headers of published files, keys as llama.cpp prints them when it loads them; by name in the catalogue.
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    # bartowski/Meta-Llama-3.1-8B-Instruct-GGUF
    "llama-3.1-8b": (
        "llama",
        {"block_count": 32, "context_length": 131072, "embedding_length": 4096, "feed_forward_length": 14336,
         "attention.head_count": 32, "attention.head_count_kv": 8, "rope.dimension_count": 128, "vocab_size": 128256},
    ),
    # mradermacher/Mixtral-8x7B
    "mixtral-8x7b": (
        "llama",
        {"block_count": 32, "context_length": 32768, "embedding_length": 4096, "feed_forward_length": 14336,
         "attention.head_count": 32, "attention.head_count_kv": 8, "expert_count": 8, "expert_used_count": 2,
         "vocab_size": 32000},
    ),
    # unsloth/DeepSeek-V3-GGUF: https://github.com/ggml-org/llama.cpp/issues/11141
    "deepseek-v3": (
        "deepseek2",
        {"block_count": 61, "context_length": 163840, "embedding_length": 7168, "feed_forward_length": 18432,
         "attention.head_count": 128, "attention.head_count_kv": 128, "leading_dense_block_count": 3,
         "vocab_size": 129280, "attention.q_lora_rank": 1536, "attention.kv_lora_rank": 512,
         "attention.key_length": 192, "attention.value_length": 128, "expert_feed_forward_length": 2048,
         "expert_count": 256, "expert_used_count": 8, "expert_shared_count": 1, "expert_gating_func": 2,
         "rope.dimension_count": 64},
    ),
    # Kimi K2, with latents as one cached head: https://github.com/ikawrakow/ik_llama.cpp/issues/1916
    "kimi-k2": (
        "deepseek2",
        {"block_count": 61, "context_length": 131072, "embedding_length": 7168, "feed_forward_length": 18432,
         "attention.head_count": 64, "attention.head_count_kv": 1, "leading_dense_block_count": 1,
         "vocab_size": 163840, "attention.q_lora_rank": 1536, "attention.kv_lora_rank": 512,
         "attention.key_length": 576, "attention.value_length": 512, "attention.key_length_mla": 192,
         "attention.value_length_mla": 128, "expert_feed_forward_length": 2048, "expert_count": 384,
         "expert_used_count": 8, "expert_shared_count": 1, "expert_gating_func": 2, "rope.dimension_count": 64},
    ),
    # Qwen/Qwen3-30B-A3B-GGUF
    "qwen3-30b-a3b": (
        "qwen3moe",
        {"block_count": 48, "context_length": 40960, "embedding_length": 2048, "feed_forward_length": 6144,
         "attention.head_count": 32, "attention.head_count_kv": 4, "attention.key_length": 128, "vocab_size": 151936,
         "expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768},
    ),
    # ggml-org/gpt-oss-120b-GGUF
    "gpt-oss-120b": (
        "gpt-oss",
        {"block_count": 36, "context_length": 131072, "embedding_length": 2880, "feed_forward_length": 2880,
         "attention.head_count": 64, "attention.head_count_kv": 8, "attention.key_length": 64, "vocab_size": 201088,
         "attention.sliding_window": 128, "expert_count": 128, "expert_used_count": 4,
         "expert_feed_forward_length": 2880},
    ),
}  # fmt: skip
