"""Llama 4, Llama 3.2 Vision's language model, GLM-4 and its mixtures of experts."""

from __future__ import annotations

import random
from typing import Any

from .qwen import positions_of_images
from .registry import generator


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    """Sizes that every decoder has."""
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


@generator("llama4_text")
def llama4(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "llama4_text")
    layers = config["num_hidden_layers"]
    config |= {
        "head_dim": dice.choice([8, 16, 24]),
        "intermediate_size_mlp": dice.randrange(16, 257, 8),
        "attention_bias": dice.random() < 0.5,
        "use_qk_norm": dice.random() < 0.5,
        "attention_chunk_size": dice.choice([8, 16]),
        "num_local_experts": dice.randint(2, 9),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    if dice.random() < 0.5:
        config["interleave_moe_layer_step"] = dice.randint(1, 3)
    else:
        config["moe_layers"] = sorted(dice.sample(range(layers), dice.randint(0, layers)))
    match dice.choice(["interval", "rope", "types"]):
        case "interval":
            config["no_rope_layer_interval"] = dice.randint(2, 4)
        case "rope":
            config["no_rope_layers"] = [dice.randint(0, 1) for _ in range(layers)]
        case _:
            config["layer_types"] = [dice.choice(["chunked_attention", "full_attention"]) for _ in range(layers)]
    return config


@generator("mllama_text_model")
def mllama(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "mllama_text_model")
    layers = config["num_hidden_layers"]
    config["tie_word_embeddings"] = False  # the tables have different heights
    config["pad_token_id"] = None  # the class has one that small vocabularies have not
    config["cross_attention_layers"] = sorted(dice.sample(range(layers), dice.randint(1, layers - 1)))
    return config


@generator("glm", "glm4", "glm4v_text")
def glm(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["glm", "glm4", "glm4v_text"]))
    config["pad_token_id"] = None  # the classes have one that small vocabularies have not
    if config["model_type"] == "glm4v_text":
        head_dim = config["hidden_size"] // config["num_attention_heads"]
        config["rope_parameters"] = positions_of_images(head_dim // 4, share=0.5)
    else:
        config["head_dim"] = dice.choice([8, 16, 24])
        config["attention_bias"] = dice.random() < 0.5
    return config


def _experts(dice: random.Random, config: dict[str, Any]) -> None:
    groups = dice.choice([1, 2, 4])
    config |= {
        "n_group": groups,
        "topk_group": dice.randint(1, groups),
        "n_routed_experts": groups * dice.choice([2, 4]),
        "n_shared_experts": dice.randint(1, 3),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["topk_group"] * config["n_routed_experts"] // groups)


@generator("glm4_moe", "glm4v_moe_text")
def glm4_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["glm4_moe", "glm4v_moe_text"]))
    _experts(dice, config)
    config["head_dim"] = dice.choice([8, 16, 24])
    config["attention_bias"] = dice.random() < 0.5
    config["first_k_dense_replace"] = dice.randint(0, config["num_hidden_layers"])
    if config["model_type"] == "glm4_moe":
        config["use_qk_norm"] = dice.random() < 0.5
        config["num_nextn_predict_layers"] = dice.randint(0, 1)
    else:
        config["rope_parameters"] = positions_of_images(config["head_dim"] // 4, share=0.5)
    return config


@generator("glm4_moe_lite")
def glm4_moe_lite(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "glm4_moe_lite")
    _experts(dice, config)
    config |= {
        "num_key_value_heads": config["num_attention_heads"],
        "q_lora_rank": dice.choice([None, 12, 24]),
        "kv_lora_rank": dice.choice([8, 16, 40]),
        "qk_nope_head_dim": dice.choice([8, 16]),
        "qk_rope_head_dim": dice.choice([4, 8]),
        "v_head_dim": dice.choice([8, 12, 16]),
        "attention_bias": dice.random() < 0.5,
    }
    if dice.random() < 0.5:
        config["mlp_layer_types"] = [dice.choice(["dense", "sparse"]) for _ in range(config["num_hidden_layers"])]
    return config
