"""Llama's block under many names: which biases and norms there are, which layers have a window."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _coin(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _core(dice: random.Random, model_type: str, head_dim: bool = True) -> dict[str, Any]:
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2, 3])
    config = {
        "model_type": model_type,
        "hidden_size": heads * dice.choice([8, 16]),
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "tie_word_embeddings": _coin(dice),
        "pad_token_id": None,  # the default lies outside of so small a vocabulary
    }
    if head_dim:
        config["head_dim"] = dice.choice([8, 16, 24])
    return config


def _layer_types(dice: random.Random, layers: int) -> list[str]:
    return [dice.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]


@generator("internlm3")
def internlm3(dice: random.Random) -> dict[str, Any]:
    bias = _coin(dice)  # transformers has the two only together
    return _core(dice, "internlm3") | {"qkv_bias": bias, "bias": bias}


@generator("iquestcoder", "arcee", "hyperclovax")
def both_biases(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["iquestcoder", "arcee", "hyperclovax"]))
    config |= {"attention_bias": _coin(dice), "mlp_bias": _coin(dice)}
    if config["model_type"] == "hyperclovax":
        config["use_post_norm"] = _coin(dice)
    return config


@generator("granite")
def granite(dice: random.Random) -> dict[str, Any]:
    return _core(dice, "granite", head_dim=False) | {"attention_bias": _coin(dice), "mlp_bias": _coin(dice)}


@generator("granitemoe", "granitemoeshared")
def granitemoe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["granitemoe", "granitemoeshared"]), head_dim=False)
    config["attention_bias"] = _coin(dice)
    config["num_local_experts"] = dice.randint(2, 9)
    config["num_experts_per_tok"] = dice.randint(1, config["num_local_experts"])
    if config["model_type"] == "granitemoeshared":
        config["shared_intermediate_size"] = dice.choice([0, 16, 40])
    return config


@generator("helium")
def helium(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "helium", head_dim=False)
    config["head_dim"] = config["hidden_size"] // config["num_attention_heads"]  # the class knows no other
    return config | {"attention_bias": _coin(dice), "mlp_bias": _coin(dice)}


@generator("ernie4_5")
def ernie(dice: random.Random) -> dict[str, Any]:
    return _core(dice, "ernie4_5") | {"use_bias": _coin(dice)}


@generator("seed_oss")
def seed_oss(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "seed_oss")
    for key in ("attention_bias", "attention_out_bias", "mlp_bias"):
        config[key] = _coin(dice)
    return config


@generator("hunyuan_v1_dense", "apertus")
def attention_bias(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["hunyuan_v1_dense", "apertus"]))
    return config | {"attention_bias": _coin(dice)}


@generator("bitnet", "nanochat")
def hidden_over_heads(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["bitnet", "nanochat"]), head_dim=False)
    return config | {"attention_bias": _coin(dice)}


@generator("ministral")
def ministral(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "ministral")
    config["sliding_window"] = dice.choice([8, 16])  # the class cannot run without
    if _coin(dice):
        config["layer_types"] = _layer_types(dice, config["num_hidden_layers"])
    return config


@generator("ministral3")
def ministral3(dice: random.Random) -> dict[str, Any]:
    return _core(dice, "ministral3") | {"sliding_window": dice.choice([None, 8, 16])}


@generator("exaone4")
def exaone4(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "exaone4")
    layers = config["num_hidden_layers"]
    config["sliding_window"] = dice.choice([None, 8, 16])
    if config["sliding_window"] is None:
        config["layer_types"] = ["full_attention"] * layers  # without, the class divides by zero
    elif _coin(dice):
        config["sliding_window_pattern"] = dice.randint(1, 5)
    elif _coin(dice):
        config["layer_types"] = _layer_types(dice, layers)
    return config


@generator("cwm")
def cwm(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "cwm") | {"mlp_bias": _coin(dice), "sliding_window": dice.choice([8, 16])}
    if _coin(dice):
        config["layer_types"] = _layer_types(dice, config["num_hidden_layers"])
    return config


@generator("smollm3")
def smollm3(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "smollm3", head_dim=False)
    layers = config["num_hidden_layers"]
    config |= {"attention_bias": _coin(dice), "mlp_bias": _coin(dice), "use_sliding_window": _coin(dice)}
    if config["use_sliding_window"]:
        config["sliding_window"] = dice.choice([None, 8, 16])
    spelling = dice.choice(["interval", "list", "types", "default"])
    if spelling == "interval":
        config["no_rope_layer_interval"] = dice.randint(1, 5)
    elif spelling == "list":
        config["no_rope_layers"] = [dice.randint(0, 1) for _ in range(layers)]
    elif spelling == "types" and config.get("sliding_window"):
        config["layer_types"] = _layer_types(dice, layers)
    return config
