"""Qwen2-MoE, Qwen3-Next, Qwen3.5, and the text parts of the vision models (the plain families are in `basic`)."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    """Sizes that every decoder has; heads of the usual width, or one of their own."""
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2, 3])
    return {
        "model_type": model_type,
        "hidden_size": heads * dice.choice([8, 16]),
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "tie_word_embeddings": dice.random() < 0.5,
    }


def _experts(dice: random.Random, config: dict[str, Any], shared: bool) -> None:
    config["num_experts"] = dice.randint(2, 12)
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    config["moe_intermediate_size"] = dice.randrange(8, 65, 8)
    if shared:
        config["shared_expert_intermediate_size"] = dice.randrange(8, 65, 8)


def _sparse(dice: random.Random, config: dict[str, Any]) -> None:
    layers = config["num_hidden_layers"]
    config["decoder_sparse_step"] = dice.randint(1, 3)
    config["mlp_only_layers"] = dice.sample(range(layers), dice.randint(0, layers // 2))


@generator("qwen2_moe")
def qwen2_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen2_moe")
    _experts(dice, config, shared=True)
    _sparse(dice, config)
    config["qkv_bias"] = dice.random() < 0.5
    config["use_sliding_window"] = dice.random() < 0.5
    config["sliding_window"] = dice.choice([8, 16])
    config["max_window_layers"] = dice.randint(0, config["num_hidden_layers"])
    return config


def positions_of_images(pairs: int, share: float = 1.0) -> dict[str, Any]:
    """Rotary positions in time, height and width: how many of a head's pairs of numbers turn with each."""
    each = pairs // 3
    return {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "partial_rotary_factor": share,
        "mrope_section": [pairs - 2 * each, each, each],
    }


@generator("qwen2_vl_text", "qwen2_5_vl_text")
def qwen2_vl(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["qwen2_vl_text", "qwen2_5_vl_text"]))
    config["rope_parameters"] = positions_of_images(config["hidden_size"] // config["num_attention_heads"] // 2)
    config["use_sliding_window"] = dice.random() < 0.3
    config["sliding_window"] = dice.choice([8, 16])
    config["max_window_layers"] = dice.randint(0, config["num_hidden_layers"])
    return config


@generator("qwen3_vl_text")
def qwen3_vl(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_vl_text")
    config["head_dim"] = dice.choice([8, 16, 24])
    config["attention_bias"] = dice.random() < 0.5
    return config


@generator("qwen3_vl_moe_text")
def qwen3_vl_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_vl_moe_text")
    config["head_dim"] = dice.choice([None, 8, 16, 24])
    config["attention_bias"] = dice.random() < 0.5
    _experts(dice, config, shared=False)
    _sparse(dice, config)
    return config


def _hybrid(dice: random.Random, config: dict[str, Any]) -> None:
    """Gated attention and gated DeltaNet, by a period or by a list."""
    layers = config["num_hidden_layers"]
    k_heads = dice.choice([1, 2, 4])
    config |= {
        "head_dim": dice.choice([8, 16, 24]),
        "attention_bias": dice.random() < 0.5,
        "linear_num_key_heads": k_heads,
        "linear_num_value_heads": k_heads * dice.choice([1, 2, 3]),
        "linear_key_head_dim": dice.choice([8, 16]),
        "linear_value_head_dim": dice.choice([8, 16, 24]),
        "linear_conv_kernel_dim": dice.choice([2, 3, 4]),
    }
    if dice.random() < 0.5:
        config["full_attention_interval"] = dice.randint(2, 5)
    else:
        kinds = ["linear_attention", "full_attention"]
        config["layer_types"] = [*(dice.choice(kinds) for _ in range(layers - 1)), "full_attention"]


@generator("qwen3_next")
def qwen3_next(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_next")
    _hybrid(dice, config)
    _experts(dice, config, shared=True)
    _sparse(dice, config)
    return config


@generator("qwen3_5_text")
def qwen3_5(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_5_text")
    _hybrid(dice, config)
    return config


@generator("qwen3_5_moe_text")
def qwen3_5_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_5_moe_text")
    _hybrid(dice, config)
    _experts(dice, config, shared=True)
    return config
