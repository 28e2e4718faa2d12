"""Jamba, Nemotron-H, Bamba, Falcon-H1, Granite 4, LFM2, MobileLLM: with one attention layer at least.

Without one, transformers' caches do not know how many tokens they hold.
"""

from __future__ import annotations

import random
from typing import Any

from .registry import generator


def _flag(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _core(dice: random.Random, model_type: str) -> dict[str, Any]:
    kv_heads = dice.choice([1, 2, 4])
    heads = kv_heads * dice.choice([1, 2])
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


def _mamba2(dice: random.Random, config: dict[str, Any], inner: int | None = None) -> None:
    """Heads of the state space that make ``inner`` channels, or as many as the hidden size gives."""
    config["mamba_expand"] = dice.choice([1, 2, 3])
    inner = inner or config["mamba_expand"] * config["hidden_size"]
    heads = dice.choice([n for n in (1, 2, 4, 8) if inner % n == 0])
    config |= {
        "mamba_n_heads": heads,
        "mamba_d_head": dice.choice(["auto", inner // heads]),
        "mamba_n_groups": dice.choice([n for n in (1, 2, 4) if heads % n == 0]),
        "mamba_d_state": dice.choice([4, 8, 16]),
        "mamba_d_conv": dice.choice([2, 4]),
        "mamba_conv_bias": _flag(dice),
        "mamba_proj_bias": _flag(dice),
        "attention_bias": _flag(dice),
    }


@generator("jamba")
def jamba(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "jamba")
    attention, experts = dice.randint(1, min(4, config["num_hidden_layers"])), dice.randint(1, 3)
    config |= {
        "attn_layer_period": attention,
        "attn_layer_offset": dice.randrange(attention),
        "expert_layer_period": experts,
        "expert_layer_offset": dice.randrange(experts),
        "num_experts": dice.choice([1, 2, 4, 8]),
        "mamba_d_state": dice.choice([4, 8, 16]),
        "mamba_d_conv": dice.choice([2, 4]),
        "mamba_expand": dice.choice([1, 2, 3]),
        "mamba_dt_rank": dice.choice(["auto", 3, 8]),
        "mamba_conv_bias": _flag(dice),
        "mamba_proj_bias": _flag(dice),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    return config


@generator("nemotron_h")
def nemotron_h(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "nemotron_h")
    layers, heads = config["num_hidden_layers"], dice.choice([2, 4, 8])
    pattern = "".join(dice.sample("*" + "".join(dice.choice("M*-E") for _ in range(layers - 1)), layers))
    config |= {
        "tie_word_embeddings": False,  # transformers' class ties nothing, nor does any published file
        "head_dim": dice.choice([8, 16, 24]),
        "ssm_state_size": dice.choice([4, 8, 16]),
        "mamba_num_heads": heads,
        "mamba_head_dim": dice.choice([4, 8]),
        "n_groups": dice.choice([1, 2]),
        "conv_kernel": dice.choice([2, 4]),
        "use_conv_bias": _flag(dice),
        "use_bias": _flag(dice),
        "mlp_bias": _flag(dice),
        "n_routed_experts": dice.randint(2, 9),
        "n_shared_experts": 1,
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "moe_shared_expert_intermediate_size": dice.randrange(8, 65, 8),
        "moe_latent_size": dice.choice([None, 8, 16]),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["n_routed_experts"])
    spelling = dice.choice(["pattern", "old list", "new list"])
    if spelling == "pattern":
        config["hybrid_override_pattern"] = pattern
    else:
        old = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
        names = old if spelling == "old list" else old | {"M": "linear_attention", "*": "full_attention"}
        config["layers_block_type"] = [names[letter] for letter in pattern]
    return config


@generator("bamba")
def bamba(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "bamba")
    layers = config["num_hidden_layers"]
    _mamba2(dice, config)
    config["mlp_bias"] = _flag(dice)
    config["attn_layer_indices"] = sorted(dice.sample(range(layers), dice.randint(1, layers)))
    return config


@generator("falcon_h1")
def falcon_h1(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "falcon_h1")
    config["mamba_d_ssm"] = dice.choice([None, 16, 48, 64])
    _mamba2(dice, config, config["mamba_d_ssm"])
    config |= {"mlp_bias": _flag(dice), "projectors_bias": _flag(dice), "mamba_rms_norm": _flag(dice)}
    return config


@generator("granitemoehybrid")
def granitemoehybrid(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "granitemoehybrid")
    layers = config["num_hidden_layers"]
    _mamba2(dice, config)
    config["shared_intermediate_size"] = dice.randrange(8, 65, 8)
    config["num_local_experts"] = dice.choice([0, 2, 4, 8])
    config["num_experts_per_tok"] = dice.randint(1, max(config["num_local_experts"], 1))
    kinds = dice.choice([("mamba", "attention"), ("linear_attention", "full_attention")])
    config["layer_types"] = dice.sample([kinds[1]] + [dice.choice(kinds) for _ in range(layers - 1)], layers)
    return config


def _with_attention(dice: random.Random, layers: int) -> list[str]:
    kinds = ["full_attention"] + [dice.choice(["conv", "full_attention"]) for _ in range(layers - 1)]
    return dice.sample(kinds, layers)


@generator("lfm2")
def lfm2(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "lfm2")
    layers = config["num_hidden_layers"]
    config |= {
        "conv_bias": _flag(dice),
        "conv_L_cache": dice.choice([2, 3, 4]),
        "block_auto_adjust_ff_dim": _flag(dice),
        "block_multiple_of": dice.choice([8, 32]),
        "block_ffn_dim_multiplier": dice.choice([0.7, 1.0, 1.3]),
    }
    how = dice.choice(["indices", "types", "neither"])
    if how == "indices":
        config["full_attn_idxs"] = sorted(dice.sample(range(layers), dice.randint(1, layers)))
    elif how == "types":
        config["layer_types"] = _with_attention(dice, layers)
    if _flag(dice):
        config["block_ff_dim"] = config.pop("intermediate_size")
    if _flag(dice):
        config["tie_embedding"] = config.pop("tie_word_embeddings")
    return config


@generator("lfm2_moe")
def lfm2_moe(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "lfm2_moe")
    layers = config["num_hidden_layers"]
    config |= {
        "conv_bias": _flag(dice),
        "conv_L_cache": dice.choice([2, 3, 4]),
        "num_dense_layers": dice.randint(0, layers),
        "num_experts": dice.randint(2, 9),
        "moe_intermediate_size": dice.randrange(8, 65, 8),
        "use_expert_bias": _flag(dice),
        "layer_types": _with_attention(dice, layers),
    }
    config["num_experts_per_tok"] = dice.randint(1, config["num_experts"])
    return config


@generator("mobilellm")
def mobilellm(dice: random.Random) -> dict[str, Any]:
    config = _core(dice, "mobilellm")
    config["share_embedding"] = config.pop("tie_word_embeddings")
    config["layer_sharing"] = _flag(dice)
    return config
