"""What the benchmarks run on. Append-only: never edit or remove an entry, or its history can no longer be compared.

A changed need is a new name. ``TOKENROOF_BENCH_QUICK=1`` selects the small sizes, with which tests/test_benchmarks.py
runs everything once; quick numbers mean nothing.
"""

from __future__ import annotations

import os
from typing import Any

QUICK = os.environ.get("TOKENROOF_BENCH_QUICK") == "1"


def _size(full: int, quick: int) -> int:
    return quick if QUICK else full


#: best: 12.6 million points, every one legal and within memory and context, so that nothing can be skipped.
GRID_2025: dict[str, Any] = {
    "model": "llama-3.1-8b",
    "hardware": ["b200-sxm", "h200-sxm"],
    "precision": "fp8",
    "tp": [2, 4, 8],
    "batch": "1:512",
    "isl": range(64, 64 * _size(64, 4) + 1, 64),
    "osl": range(16, 16 * _size(64, 4) + 1, 16),
}
#: ... and limits on it that keep a share of the points but, for ttft_s, whole rows: no row is skipped by its prefill.
WHERE_2025 = ["ttft_s <= 5", "tpot_s <= 0.004", "tokens_per_s >= 10000"]

#: best with routed experts, several pipeline depths and points that do not fit: what a real search looks like.
GRID_MIXED_2025: dict[str, Any] = {
    "model": ["llama-3.1-70b", "deepseek-v3"],
    "hardware": ["h100-sxm", "b200-sxm"],
    "precision": ["bf16", "fp8"],
    "tp": [1, 4, 8],
    "pp": [1, 2],
    "batch": "1:512",
    "isl": range(256, 256 * _size(16, 2) + 1, 256),
    "osl": range(64, 64 * _size(16, 2) + 1, 64),
}

#: store: five float64 columns of so many points of GRID_2025.
STORE_COLUMNS_2025 = ["ttft_s", "tpot_s", "tokens_per_s", "usd_per_mtok", "mem_bytes_per_chip"]
STORE_POINTS_2025 = _size(1 << 22, 1 << 13)
#: ... and arrays of 8 MB each, where glibc's memset writes at half the rate (on a Zen 3 of 2025).
STORE_POINTS_8MB_2025 = _size(1 << 20, 1 << 12)

#: point list and scalar calls: a random combination of these axes for each point.
LIST_DENSE_2025: dict[str, Any] = {
    "model": ["llama-2-7b", "llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b"],
    "hardware": ["h100-sxm", "h200-sxm", "b200-sxm", "mi300x"],
    "precision": ["bf16", "fp8"],
    "tp": [1, 2, 4, 8],
}
LIST_ROUTED_2025: dict[str, Any] = LIST_DENSE_2025 | {
    "model": ["mixtral-8x7b", "deepseek-v3", "qwen3-235b-a22b", "gpt-oss-120b"]
}
LIST_POINTS_2025 = _size(1 << 17, 1 << 10)
LIST_COLUMNS_2025 = ["ttft_s", "tpot_s", "tokens_per_s", "usd_per_mtok", "mem_bytes_per_chip"]

#: binding: many models, chips, precisions and layouts, every one legal; 65,536 combinations of dense models ...
BIND_DENSE_2025: dict[str, Any] = {
    "model": [
        "llama-2-7b",
        "llama-3.1-8b",
        "llama-3.1-70b",
        "llama-3.1-405b",
        "qwen3-8b",
        "qwen3-32b",
        "qwen2.5-72b",
        "mistral-large-2",
    ],
    "hardware": ["h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "gb200-nvl72", "mi300x", "mi325x", "gaudi3"],
    "precision": ["bf16", "fp8"],
    "tp": [1, 2, 4, 8],
    "pp": range(1, _size(33, 3)),
    "dp": [1, 2, 4, 8],
}
#: ... and 8,192 of models with routed experts.
BIND_ROUTED_2025: dict[str, Any] = {
    "model": ["mixtral-8x7b", "deepseek-v3", "qwen3-235b-a22b", "gpt-oss-120b"],
    "hardware": BIND_DENSE_2025["hardware"],
    "precision": ["bf16", "fp8"],
    "tp": [1, 2, 4, 8],
    "pp": range(1, _size(33, 3)),
}

#: peak memory: points of the sweep whose memory is measured (issue: 1e10 under 200 MB).
PEAK_ISL_2025 = range(16, 16 * _size(640, 8) + 1, 16)
PEAK_OSL_2025 = range(1, _size(641, 9))
PEAK_GRID_2025: dict[str, Any] = {
    "model": "llama-3.1-70b",
    "hardware": ["h200-sxm", "b200-sxm", "mi300x", "mi325x"],
    "precision": ["bf16", "fp8"],
    "tp": [2, 4, 8],
    "batch": "1:1024",
    "isl": PEAK_ISL_2025,
    "osl": PEAK_OSL_2025,
}

#: lowering: a config.json as Hugging Face publishes it (Llama-3.1-70B).
CONFIG_2025: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "vocab_size": 128256,
    "torch_dtype": "bfloat16",
}

#: lowering, several kinds of layers: latent attention and experts (DeepSeek-V3) ...
CONFIG_LATENT_2025: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "attention_bias": False,
    "first_k_dense_replace": 3,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": 1,
    "n_group": 8,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_key_value_heads": 128,
    "num_nextn_predict_layers": 1,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "scoring_func": "sigmoid",
    "tie_word_embeddings": False,
    "topk_group": 4,
    "topk_method": "noaux_tc",
    "torch_dtype": "bfloat16",
    "v_head_dim": 128,
    "vocab_size": 129280,
}
#: ... and a recurrent mixer in three layers of four (Qwen3-Next-80B-A3B).
CONFIG_HYBRID_2025: dict[str, Any] = {
    "architectures": ["Qwen3NextForCausalLM"],
    "model_type": "qwen3_next",
    "decoder_sparse_step": 1,
    "full_attention_interval": 4,
    "head_dim": 256,
    "hidden_size": 2048,
    "intermediate_size": 5120,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
    "max_position_embeddings": 262144,
    "mlp_only_layers": [],
    "moe_intermediate_size": 512,
    "num_attention_heads": 16,
    "num_experts": 512,
    "num_experts_per_tok": 10,
    "num_hidden_layers": 48,
    "num_key_value_heads": 2,
    "shared_expert_intermediate_size": 512,
    "tie_word_embeddings": False,
    "vocab_size": 151936,
}

#: Batches at which drafts are tried.
SPECULATE_BATCHES_2026 = f"1:{_size(4096, 64)}"

#: threads: a search of some seconds on one thread (10^10 points).
THREADS_GRID_2026: dict[str, Any] = PEAK_GRID_2025

#: to_parquet: one file of 4.2 million points with seven named axes, all of one estimate; STORE_COLUMNS_2025 besides.
PARQUET_GRID_2026: dict[str, Any] = {
    "model": "llama-3.1-8b",
    "hardware": ["h200-sxm", "b200-sxm"],
    "precision": ["bf16", "fp8"],
    "tp": [1, 2, 4, 8],
    "batch": "1:512",
    "isl": range(64, 64 * _size(256, 4) + 1, 64),
    "osl": [128, 512],
}

#: An expression against a column: blocks of one array that stays in the second-level cache.
EXPRESSION_BLOCK_2026 = 1 << 14
EXPRESSION_POINTS_2026 = EXPRESSION_BLOCK_2026 * (1 if QUICK else 256)

#: Every layout of a model with routed experts and of a dense one.
LAYOUTS_2026: dict[str, Any] = {
    "model": ["llama-3.1-405b", "deepseek-v3"],
    "hardware": ["h100-sxm", "b200-sxm"],
    "precision": ["bf16", "fp8"],
    "batch": "1:16" if QUICK else "1:512",
}
LAYOUTS_CHIPS_2026 = 4 if QUICK else 64

#: pareto, histogram, count and quantiles, on GRID_2025: objectives, columns, edges that the values spread over.
PARETO_2025 = ["tokens_per_s_per_user", "tokens_per_s_per_chip"]
PARETO_THREE_2025: dict[str, Any] = {"maximize": PARETO_2025, "minimize": ["ttft_s"]}
HISTOGRAM_2025 = "tpot_s"
HISTOGRAM_EDGES_2025 = [0.0002 * i for i in range(101)]
