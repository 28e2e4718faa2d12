"""Recipes of one architecture each."""

from __future__ import annotations

from typing import Any

from .keys import Keys
from .recipes import NULL, shared_width

__all__ = [
    "block_letters",
    "deepseek_type",
    "expert_offset",
    "expert_period",
    "falcon_new",
    "falcon_norms",
    "gemma4_doubles",
    "gemma4_full_kv_heads",
    "gemma4_values_are_keys",
    "gemma4_width",
    "gemma4_window_kv_heads",
    "granite_shared_width",
    "has_experts",
    "kimi_linear",
    "llama4_layers",
    "llama_type",
    "mamba_type",
    "mpt_attention",
    "olmo_type",
    "one_kv_head",
    "topk_method",
    "window_or_null",
]

_SIGMOID = 2  # a value of expert_gating_func


def llama_type(keys: Keys) -> str:
    """Mixtral by its experts, Mistral by its window."""
    if keys.some("expert_count"):
        return "mixtral"
    return "mistral" if keys.some("attention.sliding_window") else "llama"


def llama4_layers(keys: Keys) -> list[str] | None:
    """All layers see everything where the file switches chunks off; the class's pattern otherwise."""
    off = keys.find("attention.sliding_window") == 0
    return ["full_attention"] * keys.layers if off else None


def deepseek_type(keys: Keys) -> str:
    """V3 corrects its experts' scores, V2 does not."""
    return "deepseek_v3" if topk_method(keys) == "noaux_tc" else "deepseek_v2"


def topk_method(keys: Keys) -> str:
    """How experts are chosen: with a learned correction per expert or without."""
    corrected = keys.has("exp_probs_b.bias")
    if corrected is None:
        corrected = keys.find("expert_gating_func") == _SIGMOID
    return "noaux_tc" if corrected else "greedy"


def has_experts(keys: Keys) -> bool:
    """Whether there are routed experts."""
    return keys.some("expert_count") is not None


def one_kv_head(keys: Keys) -> bool:
    """Whether all query heads share one key head."""
    return keys.count("attention.head_count_kv") == 1


def falcon_new(keys: Keys) -> bool:
    """Grouped keys came with the second generation."""
    return not one_kv_head(keys)


def falcon_norms(keys: Keys) -> int | None:
    """Norms before attention and block: one for both, or one for each."""
    known = keys.has("attn_norm_2.weight")
    return None if known is None else 1 + known


def mpt_attention(keys: Keys) -> dict[str, Any]:
    """Alibi is what replaces learned positions."""
    heads = keys.find("attention.head_count_kv") or keys.count("attention.head_count")
    learned = keys.has("position_embd.weight")
    alibi = {} if learned is None else {"alibi": not learned}
    norms = {"qk_ln": True} if keys.has("attn_q_norm.weight") else {}
    return {"attn_type": "grouped_query_attention", "kv_n_heads": heads} | alibi | norms


def olmo_type(keys: Keys) -> str:
    """The third generation has windows."""
    return "olmo3" if keys.some("attention.sliding_window") else "olmo2"


def window_or_null(keys: Keys) -> Any:
    """The window; none where the file does not have one, whatever the class says."""
    return keys.some("attention.sliding_window") or NULL


def mamba_type(keys: Keys) -> str:
    """Falcon Mamba norms step, B and C."""
    return "falcon_mamba" if keys.flag("ssm.dt_b_c_rms") else "mamba"


def block_letters(keys: Keys) -> str:
    """Nemotron-H's blocks: attention where there are key heads, feed-forward where it has a width, else Mamba."""
    kv_heads, width = keys.per_layer("attention.head_count_kv"), keys.per_layer("feed_forward_length")
    block = "E" if has_experts(keys) else "-"
    return "".join("*" if kv else block if wide else "M" for kv, wide in zip(kv_heads, width, strict=True))


def granite_shared_width(keys: Keys) -> int:
    """Width of the block that all tokens pass; without experts it is the only one."""
    return shared_width(keys) or keys.count("feed_forward_length")


def expert_period(keys: Keys) -> int | None:
    """Jamba's layers from one with experts to the next; beyond the last one where there is only one."""
    found = keys.blocks_with("ffn_gate_inp.weight")
    if not found:
        return None
    step = found[1] - found[0] if len(found) > 1 else keys.layers
    if found != list(range(found[0], keys.layers, step)):
        raise keys.error(f"layers {found} have experts: expected them evenly spaced")
    return step


def expert_offset(keys: Keys) -> int | None:
    """Jamba's first layer with experts."""
    found = keys.blocks_with("ffn_gate_inp.weight")
    return found[0] if found else None


def kimi_linear(keys: Keys) -> dict[str, Any]:
    """The mixers without a cache, and which layers have them, counted from 1."""
    kv_heads = keys.per_layer("attention.head_count_kv")
    kinds = {
        "full_attn_layers": [layer for layer, heads in enumerate(kv_heads, start=1) if heads],
        "kda_layers": [layer for layer, heads in enumerate(kv_heads, start=1) if not heads],
    }
    heads = max(keys.per_layer("attention.head_count"))
    return kinds | {
        "num_heads": heads,
        "head_dim": keys.count("kda.head_dim"),
        "short_conv_kernel_size": keys.count("ssm.conv_kernel"),
    }


def gemma4_window_kv_heads(keys: Keys) -> int:
    """Key heads of the layers with a window."""
    return _gemma4_kv_heads(keys, window=True)


def gemma4_full_kv_heads(keys: Keys) -> int:
    """Key heads of the layers without."""
    return _gemma4_kv_heads(keys, window=False)


def _gemma4_kv_heads(keys: Keys, window: bool) -> int:
    heads, slides = keys.per_layer("attention.head_count_kv"), keys.each("attention.sliding_window_pattern")
    found = {h for h, slide in zip(heads, slides or [1] * keys.layers, strict=True) if bool(slide) == window}
    if len(found) > 1:
        raise keys.error(
            f"{keys.arch}.attention.head_count_kv = {sorted(found)} in layers that are alike: expected one"
        )
    return next(iter(found), heads[0])


def gemma4_values_are_keys(keys: Keys) -> bool:
    """Layers without a window, but with keys of their own, have no projection of values."""
    with_keys, with_values = keys.blocks_with("attn_k.weight"), keys.blocks_with("attn_v.weight")
    if with_keys is None or with_values is None:
        return gemma4_window_kv_heads(keys) != gemma4_full_kv_heads(keys)
    return with_keys != with_values


def gemma4_width(keys: Keys) -> int:
    """Width of the block in layers with a cache of their own, which come first."""
    return keys.per_layer("feed_forward_length")[0]


def gemma4_doubles(keys: Keys) -> bool:
    """Whether layers without a cache of their own have a block of twice the width."""
    found = keys.per_layer("feed_forward_length")
    return found[-1] == 2 * found[0]
