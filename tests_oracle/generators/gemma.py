"""Gemma 1 to 4."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator

_KINDS = ("sliding_attention", "full_attention")


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    """Sizes that every Gemma has; its classes want a hidden size that the heads divide, whatever the head width."""
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2])
    return {
        "model_type": model_type,
        "hidden_size": heads * dice.choice([8, 16]),
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": dice.choice([8, 16, 24]),
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": 4096,
        "attention_bias": dice.random() < 0.5,
        "tie_word_embeddings": dice.random() < 0.7,
    }


def _windows(dice: random.Random, config: dict[str, Any]) -> None:
    """A window, and half of the time a list of the layers that have it."""
    config["sliding_window"] = dice.choice([8, 16])
    if dice.random() < 0.5:
        config["layer_types"] = [dice.choice(_KINDS) for _ in range(config["num_hidden_layers"])]


def _shared(dice: random.Random, config: dict[str, Any], every: int) -> None:
    """Last layers without a cache of their own, as many as leave one of each kind before them."""
    layers = config["num_hidden_layers"]
    kinds = config.get("layer_types") or [_KINDS[(layer + 1) % every == 0] for layer in range(layers)]
    kinds = [*kinds[:-1], "full_attention"]
    most = max(shared for shared in range(layers) if set(kinds[layers - shared :]) <= set(kinds[: layers - shared]))
    # The classes want every kind of the model before the first shared layer.
    while most and set(kinds[: layers - most]) != set(kinds):
        most -= 1
    config["num_kv_shared_layers"] = dice.randint(0, most)
    if "layer_types" in config:
        config["layer_types"] = kinds


@generator("gemma")
def gemma(dice: random.Random) -> dict[str, Any]:
    return _core(dice, "gemma")


@generator("gemma2", "vaultgemma")
def gemma2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["gemma2", "vaultgemma"]))
    _windows(dice, config)
    return config


@generator("gemma3_text")
def gemma3(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "gemma3_text")
    _windows(dice, config)
    if "layer_types" not in config:
        config["sliding_window_pattern"] = dice.randint(2, 6)
    return config


@generator("gemma3n_text")
def gemma3n(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "gemma3n_text")
    layers = config["num_hidden_layers"]
    config["num_hidden_layers"] = layers = max(layers, 5)
    _windows(dice, config)
    _shared(dice, config, every=5)
    if dice.random() < 0.5:
        config["intermediate_size"] = [dice.randrange(16, 129, 8) for _ in range(layers)]
    config |= {
        "vocab_size_per_layer_input": dice.randint(32, 256),
        "hidden_size_per_layer_input": dice.choice([4, 8, 16]),
        "altup_num_inputs": dice.randint(2, 4),
        "laurel_rank": dice.choice([4, 8]),
        "activation_sparsity_pattern": [0.0] * layers,
    }
    return config


@generator("gemma4_text", "gemma4_unified_text")
def gemma4(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, dice.choice(["gemma4_text", "gemma4_unified_text"]))
    _windows(dice, config)
    _shared(dice, config, every=6)
    heads = config["num_attention_heads"]
    config |= {
        "global_head_dim": dice.choice([8, 16, 32]),
        "num_global_key_value_heads": dice.choice([None, *(n for n in (1, 2, 4) if heads % n == 0)]),
        "attention_k_eq_v": dice.random() < 0.5,
        "use_double_wide_mlp": dice.random() < 0.5,
    }
    if config["model_type"] == "gemma4_unified_text":  # neither experts nor an embedding per layer
        return config
    config |= {
        "vocab_size_per_layer_input": dice.randint(32, 256),
        "hidden_size_per_layer_input": dice.choice([0, 4, 8]),
        "enable_moe_block": dice.random() < 0.5,
    }
    if config["enable_moe_block"]:
        config["num_experts"] = dice.randint(2, 9)
        config["top_k_experts"] = dice.randint(1, config["num_experts"])
        config["moe_intermediate_size"] = dice.randrange(8, 65, 8)
    return config
