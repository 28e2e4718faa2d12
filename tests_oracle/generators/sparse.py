"""dots.llm1, ERNIE 4.5 MoE, EXAONE MoE, Hunyuan MoE."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _flag(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
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
        "tie_word_embeddings": _flag(dice),
    }


def _windows(dice: random.Random, config: dict[str, Any]) -> None:
    if _flag(dice):
        kinds = ["full_attention", "sliding_attention"]
        config["layer_types"] = [dice.choice(kinds) for _ in range(config["num_hidden_layers"])]


@generator("dots1")
def dots1(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "dots1")
    layers, groups = config["num_hidden_layers"], dice.choice([1, 2])
    config |= {
        "head_dim": dice.choice([8, 16, 24]),
        "attention_bias": _flag(dice),
        "first_k_dense_replace": dice.randint(0, layers),
        "n_group": groups,
        "topk_group": groups,
        "n_routed_experts": groups * dice.choice([2, 4]),
        "n_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "sliding_window": dice.choice([8, 16]),
        "max_window_layers": dice.randint(0, layers),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["n_routed_experts"])
    _windows(dice, config)
    return config


@generator("exaone_moe")
def exaone_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "exaone_moe")
    layers = config["num_hidden_layers"]
    config |= {
        "head_dim": dice.choice([8, 16, 24]),
        "first_k_dense_replace": dice.randint(0, layers),
        "num_experts": dice.randint(2, 9),
        "num_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "sliding_window": dice.choice([8, 16]),
        "sliding_window_pattern": dice.randint(1, 4),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    _windows(dice, config)
    if dice.random() < 0.3:
        config["mlp_layer_types"] = [dice.choice(["dense", "sparse"]) for _ in range(layers)]
    return config


@generator("ernie4_5_moe")
def ernie4_5_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "ernie4_5_moe")
    layers = config["num_hidden_layers"]
    config |= {
        "use_bias": _flag(dice),
        "moe_num_experts": dice.randint(2, 9),
        "moe_num_shared_experts": dice.randint(0, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "moe_layer_start_index": dice.randint(0, layers),
        "moe_layer_end_index": dice.choice([-1, dice.randint(0, layers - 1)]),
        "moe_layer_interval": dice.randint(1, 3),
    }
    config["moe_k"] = dice.randint(1, config["moe_num_experts"])
    return config


@generator("hunyuan_v1_moe")
def hunyuan_v1_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "hunyuan_v1_moe")
    config |= {
        "head_dim": dice.choice([8, 16, 24]),
        "attention_bias": _flag(dice),
        "num_experts": dice.randint(2, 9),
    }
    most = config["num_experts"]
    chosen = [dice.randint(1, most) for _ in range(config["num_hidden_layers"])]
    config["moe_topk"] = dice.choice([chosen, dice.randint(1, most)])
    return config
