"""DeepSeek-V2, V3.2 and V4, GLM-5, Kimi Linear, and MiniMax M2 and M3."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _flag(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    return {
        "model_type": model_type,
        "hidden_size": dice.choice([32, 48, 64, 96]),
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": dice.choice([1, 2, 4, 8]),
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "tie_word_embeddings": _flag(dice),
    }


def _latent(dice: random.Random, config: dict[str, Any], ranks: list[int | None]) -> None:
    config |= {
        "num_key_value_heads": config["num_attention_heads"],
        "q_lora_rank": dice.choice(ranks),
        "kv_lora_rank": dice.choice([8, 16, 40]),
        "qk_nope_head_dim": dice.choice([8, 16]),
        "qk_rope_head_dim": dice.choice([4, 8]),
        "v_head_dim": dice.choice([8, 12, 16]),
        "attention_bias": _flag(dice),
    }


def _experts(dice: random.Random, config: dict[str, Any]) -> None:
    groups = dice.choice([1, 2, 4])
    config |= {
        "n_group": groups,
        "topk_group": dice.randint(1, groups),
        "n_routed_experts": groups * dice.choice([2, 3, 4]),
        "n_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["topk_group"] * config["n_routed_experts"] // groups)


def _dense_first(dice: random.Random, config: dict[str, Any], listed: bool = True) -> None:
    """The first layers dense, by their number or by a list in any order."""
    layers = config["num_hidden_layers"]
    config["first_k_dense_replace"] = dice.randint(0, layers)
    if listed and dice.random() < 0.4:
        config["mlp_layer_types"] = [dice.choice(["dense", "sparse"]) for _ in range(layers)]


def _indexer(dice: random.Random, config: dict[str, Any]) -> None:
    config |= {
        "index_topk": dice.choice([8, 16, 64]),
        "index_n_heads": dice.choice([1, 2, 4]),
        "index_head_dim": dice.choice([8, 16, 24]),
    }


@generator("deepseek_v2")
def deepseek_v2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "deepseek_v2")
    _latent(dice, config, [None, 12, 24])
    _experts(dice, config)
    config["topk_method"] = dice.choice(["greedy", "group_limited_greedy"])
    _dense_first(dice, config, listed=False)
    return config


@generator("deepseek_v32")
def deepseek_v32(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "deepseek_v32")
    _latent(dice, config, [12, 24])
    _experts(dice, config)
    _indexer(dice, config)
    _dense_first(dice, config)
    return config


@generator("glm_moe_dsa")
def glm_moe_dsa(dice: random.Random) -> dict[str, Any]:
    config = deepseek_v32(dice) | {"model_type": "glm_moe_dsa"}
    layers = config["num_hidden_layers"]
    how = dice.choice(["all", "types", "pattern", "frequency"])
    if how == "types":
        config["indexer_types"] = ["full"] + [dice.choice(["full", "shared"]) for _ in range(layers - 1)]
    elif how == "pattern":
        config["index_topk_pattern"] = "F" + "".join(dice.choice("FS") for _ in range(layers - 1))
    elif how == "frequency":
        config["index_topk_freq"] = dice.randint(1, 4)
        config["index_skip_topk_offset"] = dice.randint(1, 4)
    return config


@generator("deepseek_v4", "deepseek_ref")
def deepseek_v4(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["deepseek_v4", "deepseek_ref"]))
    del config["intermediate_size"]
    layers = config["num_hidden_layers"]
    config |= {
        "num_key_value_heads": 1,
        "head_dim": dice.choice([16, 32]),
        "qk_rope_head_dim": 8,
        "q_lora_rank": dice.choice([12, 24]),
        "o_groups": dice.choice([n for n in (1, 2, 4) if config["num_attention_heads"] % n == 0]),
        "o_lora_rank": dice.choice([8, 24]),
        "sliding_window": dice.choice([4, 8]),
        "n_routed_experts": dice.randint(2, 9),
        "n_shared_experts": 1,
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "mlp_bias": _flag(dice),
        "hc_mult": dice.choice([1, 2, 4]),
        "num_hash_layers": dice.randint(0, layers),
        "compress_ratios": [dice.choice([0, 4, 128]) for _ in range(layers + dice.randint(0, 1))],
    }
    config["num_experts_per_tok"] = dice.randint(1, config["n_routed_experts"])
    _indexer(dice, config)
    if dice.random() < 0.3:
        del config["compress_ratios"]
    if dice.random() < 0.3:
        config["mlp_layer_types"] = [dice.choice(["hash_moe", "moe"]) for _ in range(layers)]
    if dice.random() < 0.3:
        config["compress_rates"] = {
            "compressed_sparse_attention": dice.choice([2, 4]),
            "heavily_compressed_attention": dice.choice([8, 128]),
        }
    return config


@generator("kimi_linear")
def kimi_linear(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "kimi_linear")
    _latent(dice, config, [None, 12, 24])
    layers = config["num_hidden_layers"]
    full = sorted(dice.sample(range(1, layers + 1), dice.randint(1, layers - 1)))
    config |= {
        "tie_word_embeddings": False,  # transformers' class ties nothing, nor does any published file
        "pad_token_id": 0,
        "mla_use_nope": True,
        "num_experts": dice.randint(2, 9),
        "num_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "num_expert_group": 1,
        "topk_group": 1,
        "linear_attn_config": {
            "full_attn_layers": full,
            "kda_layers": [layer for layer in range(1, layers + 1) if layer not in full],
            "head_dim": dice.choice([8, 16]),
            "num_heads": dice.choice([1, 2, 4]),
            "short_conv_kernel_size": dice.choice([2, 4]),
        },
    }
    key = dice.choice(["num_experts_per_token", "num_experts_per_tok"])
    config[key] = dice.randint(1, config["num_experts"])
    _dense_first(dice, config)
    if _flag(dice):
        config["model_max_length"] = config.pop("max_position_embeddings")
    return config


@generator("minimax_m2")
def minimax_m2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "minimax_m2")
    config |= {
        "num_key_value_heads": dice.choice([n for n in (1, 2, 4) if config["num_attention_heads"] % n == 0]),
        "head_dim": dice.choice([8, 16, 24]),
        "num_local_experts": dice.randint(2, 9),
        "attn_type_list": [1] * config["num_hidden_layers"],
        "use_qk_norm": True,
        "use_routing_bias": True,
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    return config


@generator("minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text")
def minimax_m3(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text"]))
    layers, kv_heads = config["num_hidden_layers"], dice.choice([1, 2])
    config |= {
        "num_attention_heads": kv_heads * dice.choice([1, 2, 4]),
        "num_key_value_heads": kv_heads,
        "head_dim": dice.choice([16, 32]),
        "rotary_dim": 8,
        "dense_intermediate_size": dice.randrange(16, 257, 8),
        "shared_intermediate_size": dice.randrange(8, 65, 8),
        "num_local_experts": dice.randint(2, 9),
        "moe_layer_freq": [dice.randint(0, 1) for _ in range(layers)],
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    if dice.random() < 0.7:
        config["sparse_attention_config"] = {
            "use_sparse_attention": True,
            "sparse_attention_freq": [dice.randint(0, 1) for _ in range(layers)],
            "sparse_index_dim": dice.choice([8, 16]),
            "sparse_num_index_heads": kv_heads,
            "sparse_block_size": 4,
            "sparse_topk_blocks": dice.choice([2, 4]),
            "sparse_init_block": 0,
            "sparse_local_block": 1,
        }
    return config


@generator("minicpm3", "youtu")
def dense_latent(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["minicpm3", "youtu"]))
    _latent(dice, config, [None, 12, 24])
    if config["model_type"] == "minicpm3":
        config["mlp_bias"] = _flag(dice)
        config["v_head_dim"] = dice.choice([None, 8, 12])
    return config
