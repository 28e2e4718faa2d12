"""GPT-2 to Grok: the families with keys of their own, parallel blocks, learned positions, layer norms with biases."""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _coin(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _sizes(dice: random.Random) -> tuple[int, int, int]:
    """Heads, their width, the hidden size that goes with them."""
    heads, head_dim = dice.choice([1, 2, 4, 6]), dice.choice([8, 16])
    return heads, head_dim, heads * head_dim


def _gpt(dice: random.Random, model_type: str) -> dict[str, Any]:
    """The keys of GPT-2; one in four configs uses the common ones, which the classes accept too."""
    heads, _, hidden = _sizes(dice)
    config = {
        "model_type": model_type,
        "n_embd": hidden,
        "n_layer": dice.randint(2, 9),
        "n_head": heads,
        "n_positions": dice.choice([48, 64, 100]),
        "n_inner": dice.choice([None, dice.randrange(16, 257, 8)]),
        "vocab_size": dice.randint(64, 512),
        "tie_word_embeddings": _coin(dice),
    }
    if dice.random() < 0.25:
        config["hidden_size"] = config.pop("n_embd")
        config["num_hidden_layers"] = config.pop("n_layer")
        config["num_attention_heads"] = config.pop("n_head")
        config["max_position_embeddings"] = config.pop("n_positions")
    return config


def _common(dice: random.Random, model_type: str, grouped: bool = False) -> dict[str, Any]:
    """The common keys, multi-head unless ``grouped``."""
    heads, _, hidden = _sizes(dice)
    config = {
        "model_type": model_type,
        "hidden_size": hidden,
        "num_hidden_layers": dice.randint(2, 9),
        "num_attention_heads": heads,
        "intermediate_size": dice.randrange(16, 257, 8),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": dice.choice([48, 64, 100]),
        "tie_word_embeddings": _coin(dice),
        "pad_token_id": None,  # the default lies outside of so small a vocabulary
    }
    if grouped:
        config["num_key_value_heads"] = dice.choice([n for n in (1, 2, heads) if heads % n == 0])
    return config


def _layer_types(dice: random.Random, layers: int) -> list[str]:
    return [dice.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]


@generator("gpt2")
def gpt2(dice: random.Random) -> dict[str, Any]:
    return _gpt(dice, "gpt2")


@generator("gpt_bigcode")
def gpt_bigcode(dice: random.Random) -> dict[str, Any]:
    return _gpt(dice, "gpt_bigcode") | {"multi_query": _coin(dice)}


@generator("gptj", "codegen")
def gptj(dice: random.Random) -> dict[str, Any]:
    config = _gpt(dice, dice.choice(["gptj", "codegen"])) | {"rotary_dim": dice.choice([4, 8])}
    if config["model_type"] == "codegen":  # its fused projection is cut for four ways of tensor parallelism
        heads = "n_head" if "n_head" in config else "num_attention_heads"
        hidden = "n_embd" if "n_embd" in config else "hidden_size"
        config[heads] = 4
        config[hidden] = 4 * dice.choice([8, 16, 24])
    return config


@generator("gpt_neo")
def gpt_neo(dice: random.Random) -> dict[str, Any]:
    heads, _, hidden = _sizes(dice)
    kinds = [dice.choice(["global", "local"]) for _ in range(dice.randint(1, 3))]
    times, more = dice.randint(1, 3), dice.randint(0, 2)
    types: list[Any] = [[kinds, times]] + ([[["global"], more]] if more else [])
    return {
        "model_type": "gpt_neo",
        "hidden_size": hidden,
        "num_layers": len(kinds) * times + more,
        "num_heads": heads,
        "attention_types": types,
        "window_size": dice.choice([64, 256]),  # the class keeps and multiplies what its masks hide
        "intermediate_size": dice.choice([None, dice.randrange(16, 257, 8)]),
        "vocab_size": dice.randint(64, 512),
        "max_position_embeddings": dice.choice([48, 64, 100]),
        "tie_word_embeddings": _coin(dice),
    }


@generator("gpt_neox")
def gpt_neox(dice: random.Random) -> dict[str, Any]:
    switches = {"attention_bias": _coin(dice), "use_parallel_residual": _coin(dice)}
    return _common(dice, "gpt_neox") | switches


@generator("gpt_neox_japanese")
def gpt_neox_japanese(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "gpt_neox_japanese") | {"intermediate_multiple_size": dice.randint(1, 5)}
    del config["intermediate_size"]
    return config


@generator("bloom")
def bloom(dice: random.Random) -> dict[str, Any]:
    heads, _, hidden = _sizes(dice)
    return {
        "model_type": "bloom",
        dice.choice(["hidden_size", "n_embed"]): hidden,
        dice.choice(["n_layer", "num_hidden_layers"]): dice.randint(2, 9),
        dice.choice(["n_head", "num_attention_heads"]): heads,
        "vocab_size": dice.randint(64, 512),
        "tie_word_embeddings": _coin(dice),
    }


@generator("opt")
def opt(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "opt")
    config["ffn_dim"] = config.pop("intermediate_size")
    config["word_embed_proj_dim"] = dice.choice([config["hidden_size"], 24])
    for key in ("do_layer_norm_before", "_remove_final_layer_norm", "enable_bias", "layer_norm_elementwise_affine"):
        config[key] = _coin(dice)
    return config


@generator("biogpt")
def biogpt(dice: random.Random) -> dict[str, Any]:
    return _common(dice, "biogpt")


@generator("xglm")
def xglm(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "xglm")
    for common, own in (
        ("hidden_size", "d_model"),
        ("num_hidden_layers", "num_layers"),
        ("num_attention_heads", "attention_heads"),
        ("intermediate_size", "ffn_dim"),
    ):
        config[own] = config.pop(common)
    return config


@generator("falcon")
def falcon(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "falcon")
    heads = config["num_attention_heads"]
    config["ffn_hidden_size"] = dice.choice([None, config.pop("intermediate_size")])
    config["new_decoder_architecture"] = _coin(dice)
    for key in ("multi_query", "bias", "alibi"):
        config[key] = _coin(dice)
    if config["new_decoder_architecture"]:
        config["num_kv_heads"] = dice.choice([n for n in (1, 2, heads) if heads % n == 0])
        config["num_ln_in_parallel_attn"] = dice.choice([None, 1, 2])
        config["parallel_attn"] = True  # transformers' class fails without
    else:
        config["num_kv_heads"] = dice.choice([None, heads])
        config["parallel_attn"] = _coin(dice)
    return config


@generator("mpt")
def mpt(dice: random.Random) -> dict[str, Any]:
    """Transformers' class knows only the published models: four times as wide, ALiBi, no biases, all heads."""
    heads, _, hidden = _sizes(dice)
    return {
        "model_type": "mpt",
        "d_model": hidden,
        "n_heads": heads,
        "n_layers": dice.randint(2, 9),
        "max_seq_len": dice.choice([48, 64, 100]),
        "expansion_ratio": 4,
        "vocab_size": dice.randint(64, 512),
        "no_bias": True,
        "learned_pos_emb": _coin(dice),
        "tie_word_embeddings": _coin(dice),
        "attn_config": {"attn_type": "multihead_attention", "alibi": True, "clip_qkv": dice.choice([None, 6.0])},
    }


@generator("phi")
def phi(dice: random.Random) -> dict[str, Any]:
    return _common(dice, "phi", grouped=True) | {"qk_layernorm": _coin(dice)}


@generator("phi3")
def phi3(dice: random.Random) -> dict[str, Any]:
    return _common(dice, "phi3", grouped=True) | {"sliding_window": dice.choice([None, 8, 16, 262144])}


@generator("phimoe")
def phimoe(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "phimoe", grouped=True)
    config["num_local_experts"] = dice.randint(2, 9)
    config["num_experts_per_tok"] = 2  # the router of this family picks two
    config["attention_bias"] = _coin(dice)
    config["lm_head_bias"] = _coin(dice)
    config["sliding_window"] = dice.choice([None, 16, 262144])
    return config


@generator("cohere")
def cohere(dice: random.Random) -> dict[str, Any]:
    switches = {"attention_bias": _coin(dice), "use_qk_norm": _coin(dice)}
    return _common(dice, "cohere", grouped=True) | switches


@generator("cohere2")
def cohere2(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "cohere2", grouped=True) | {"attention_bias": _coin(dice)}
    config["sliding_window"] = dice.choice([8, 16])
    if _coin(dice):
        config["sliding_window_pattern"] = dice.randint(1, 5)
    elif _coin(dice):
        config["layer_types"] = _layer_types(dice, config["num_hidden_layers"])
    return config


@generator("olmo", "olmo2")
def olmo(dice: random.Random) -> dict[str, Any]:
    return _common(dice, dice.choice(["olmo", "olmo2"]), grouped=True) | {"attention_bias": _coin(dice)}


@generator("olmo3")
def olmo3(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "olmo3", grouped=True) | {"attention_bias": _coin(dice)}
    config["sliding_window"] = dice.choice([8, 16])
    if _coin(dice):
        config["layer_types"] = _layer_types(dice, config["num_hidden_layers"])
    return config


@generator("olmoe", "flex_olmo")
def olmoe(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, dice.choice(["olmoe", "flex_olmo"]), grouped=True) | {"attention_bias": _coin(dice)}
    config["num_experts"] = dice.randint(2, 9)
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    return config


@generator("dbrx")
def dbrx(dice: random.Random) -> dict[str, Any]:
    heads, _, hidden = _sizes(dice)
    experts = dice.randint(2, 9)
    return {
        "model_type": "dbrx",
        "d_model": hidden,
        "n_heads": heads,
        "n_layers": dice.randint(2, 9),
        "max_seq_len": dice.choice([48, 64, 100]),
        "vocab_size": dice.randint(64, 512),
        "tie_word_embeddings": False,
        "attn_config": {
            "kv_n_heads": dice.choice([n for n in (1, 2, heads) if heads % n == 0]),
            "clip_qkv": 8,
            "rope_theta": 500000,
        },
        "ffn_config": {
            "hidden_size": hidden,
            "ffn_hidden_size": dice.randrange(16, 257, 8),
            "moe_num_experts": experts,
            "moe_top_k": dice.randint(1, experts),
        },
    }


@generator("stablelm")
def stablelm(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "stablelm", grouped=True)
    for key in ("use_qkv_bias", "qk_layernorm", "use_parallel_residual"):
        config[key] = _coin(dice)
    return config


@generator("starcoder2")
def starcoder2(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, "starcoder2", grouped=True)
    return config | {"use_bias": _coin(dice), "sliding_window": dice.choice([None, 8, 16])}


@generator("nemotron", "jais2")
def nemotron(dice: random.Random) -> dict[str, Any]:
    config = _common(dice, dice.choice(["nemotron", "jais2"]), grouped=True)
    config["head_dim"] = dice.choice([8, 16, 24])
    return config | {"attention_bias": _coin(dice), "mlp_bias": _coin(dice)}


@generator("persimmon")
def persimmon(dice: random.Random) -> dict[str, Any]:
    return _common(dice, "persimmon") | {"qk_layernorm": _coin(dice)}
