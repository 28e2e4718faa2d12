"""Mamba, Falcon Mamba, Mamba-2, and MiniMax with lightning attention."""

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
        "vocab_size": dice.randint(64, 512),
        "expand": dice.choice([1, 2, 3]),
        "conv_kernel": dice.choice([2, 3, 4]),
        "state_size": dice.choice([4, 8, 16]),
        "use_bias": _flag(dice),
        "use_conv_bias": _flag(dice),
        "tie_word_embeddings": _flag(dice),
    }


@generator("mamba", "falcon_mamba")
def mamba(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["mamba", "falcon_mamba"]))
    config["time_step_rank"] = dice.choice(["auto", 3, 8])
    if dice.random() < 0.3:
        config["intermediate_size"] = dice.randrange(32, 129, 16)
    return config


@generator("mamba2")
def mamba2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "mamba2")
    config["head_dim"] = dice.choice([4, 8, 16])
    config["num_heads"] = config["expand"] * config["hidden_size"] // config["head_dim"]
    config["n_groups"] = dice.choice([n for n in (1, 2, 4) if config["num_heads"] % n == 0])
    return config


@generator("minimax", "minimax_text_01", "minimax_m1")
def minimax(dice: random.Random) -> dict[str, Any]:
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2, 3])
    layers = dice.randint(2, 9)
    config = {
        "model_type": dice.choice(["minimax", "minimax_text_01", "minimax_m1"]),
        "hidden_size": heads * dice.choice([8, 16]),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": dice.choice([None, 8, 16, 24]),
        "intermediate_size": dice.randrange(8, 65, 8),
        "num_local_experts": dice.randint(2, 9),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "block_size": dice.choice([4, 256]),
        "tie_word_embeddings": _flag(dice),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    if dice.random() < 0.7:
        kinds = [dice.choice(["full_attention", "linear_attention"]) for _ in range(layers - 1)]
        config["layer_types"] = dice.sample(["full_attention", *kinds], layers)
        if config["model_type"] != "minimax":
            kinds = config.pop("layer_types")
            config["attn_type_list"] = [int(kind == "full_attention") for kind in kinds]
    return config
