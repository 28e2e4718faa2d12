"""Llama, Mistral, Mixtral, Qwen2, Qwen3, Qwen3-MoE, DeepSeek-V3, Kimi K2 and gpt-oss."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    """Sizes that every decoder has; as many KV heads as divide the heads, a head width of its own half of the time."""
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2, 3])
    head_dim = dice.choice([8, 16, 24])
    return {
        "model_type": model_type,
        "hidden_size": heads * dice.choice([8, 16]),
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "tie_word_embeddings": dice.random() < 0.5,
    }


def _head_dim_optional(dice: random.Random, config: dict[str, Any]) -> None:
    """Drops ``head_dim``, or makes it null, which is the hidden size over the heads to most families."""
    spelling = dice.choice(["given", "absent", "null"])
    if spelling == "absent":
        del config["head_dim"]
    elif spelling == "null":
        config["head_dim"] = None


def _maybe_window(dice: random.Random) -> int | None:
    return dice.choice([None, 8, 16])


def _qwen_windows(dice: random.Random, config: dict[str, Any]) -> None:
    """Windows switched on and off, with and without a list of the layers that have them."""
    layers = config["num_hidden_layers"]
    config["use_sliding_window"] = dice.random() < 0.5
    config["sliding_window"] = dice.choice([8, 16]) if config["use_sliding_window"] else dice.choice([None, 16])
    config["max_window_layers"] = dice.randint(0, layers)
    if config["use_sliding_window"] and dice.random() < 0.4:
        config["layer_types"] = [dice.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]


@generator("llama")
def llama(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "llama")
    _head_dim_optional(dice, config)
    config["attention_bias"] = dice.random() < 0.5
    config["mlp_bias"] = dice.random() < 0.5
    if dice.random() < 0.3:
        del config["num_key_value_heads"]  # as many as heads
    return config


@generator("mistral")
def mistral(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "mistral")
    _head_dim_optional(dice, config)
    config["sliding_window"] = _maybe_window(dice)
    return config


@generator("mixtral")
def mixtral(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "mixtral")
    _head_dim_optional(dice, config)
    config["sliding_window"] = _maybe_window(dice)
    config["num_local_experts"] = dice.randint(2, 9)
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    return config


@generator("qwen2")
def qwen2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen2")
    del config["head_dim"]  # the class has no such key
    _qwen_windows(dice, config)
    return config


@generator("qwen3")
def qwen3(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3")
    config["attention_bias"] = dice.random() < 0.5
    _qwen_windows(dice, config)
    return config


@generator("qwen3_moe")
def qwen3_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "qwen3_moe")
    layers = config["num_hidden_layers"]
    config["attention_bias"] = dice.random() < 0.5
    config["moe_intermediate_size"] = dice.randrange(8, 65, 8)
    config["num_experts"] = dice.randint(2, 12)
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    config["decoder_sparse_step"] = dice.randint(1, 3)
    config["mlp_only_layers"] = dice.sample(range(layers), dice.randint(0, layers // 2))
    config["use_sliding_window"] = dice.random() < 0.3
    config["sliding_window"] = dice.choice([8, 16]) if config["use_sliding_window"] else None
    config["max_window_layers"] = 0  # the class knows no layers before the windows
    return config


@generator("deepseek_v3", "kimi_k2")
def deepseek_v3(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["deepseek_v3", "kimi_k2"]))
    del config["head_dim"]
    groups = dice.choice([1, 2, 4])
    config |= {
        "num_key_value_heads": config["num_attention_heads"],
        "q_lora_rank": dice.choice([None, 12, 24]),
        "kv_lora_rank": dice.choice([8, 16, 40]),
        "qk_nope_head_dim": dice.choice([8, 16]),
        "qk_rope_head_dim": dice.choice([4, 8]),
        "v_head_dim": dice.choice([8, 12, 16]),
        "attention_bias": dice.random() < 0.5,
        "first_k_dense_replace": dice.randint(0, config["num_hidden_layers"]),
        "n_group": groups,
        "topk_group": dice.randint(1, groups),
        "n_routed_experts": groups * dice.choice([2, 4]),
        "n_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["topk_group"] * config["n_routed_experts"] // groups)
    return config


@generator("gpt_oss")
def gpt_oss(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "gpt_oss")
    layers = config["num_hidden_layers"]
    config["attention_bias"] = dice.random() < 0.5
    config["num_local_experts"] = dice.randint(2, 9)
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    config["sliding_window"] = dice.choice([8, 16])
    if dice.random() < 0.5:
        config["layer_types"] = [dice.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]
    return config
