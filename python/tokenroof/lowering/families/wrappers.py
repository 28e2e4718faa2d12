"""Configs of models that also see or hear: which part of them is the language model, and of which type it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigError
from ..registry import NOT_DECODERS

__all__ = ["text_config"]

#: Where wrappers keep the language model's config.
_PLACES = ("text_config", "llm_config", "language_config")

#: The type of a wrapper's language model where its config does not say.
_TEXT_TYPES = {
    "aya_vision": "cohere2",
    "cohere2_vision": "cohere2",
    "exaone4_5": "exaone4",
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_unified_text",
    "glm46v": "glm4v_text",
    "glm4v": "glm4v_text",
    "glm4v_moe": "glm4v_moe_text",
    "idefics2": "mistral",
    "idefics3": "llama",
    "internvl": "qwen2",
    "janus": "llama",
    "kimi_k25": "deepseek_v3",
    "lfm2_vl": "lfm2",
    "llama4": "llama4_text",
    "llava": "llama",
    "llava_next": "llama",
    "llava_next_video": "llama",
    "llava_onevision": "qwen2",
    "minimax_m3_vl": "minimax_m3_vl_text",
    "mistral3": "mistral",
    "mllama": "mllama_text_model",
    "ovis2": "qwen2",
    "paligemma": "gemma",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "qwen2_audio": "qwen2",
    "qwen2_vl": "qwen2_vl_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "smolvlm": "llama",
    "video_llava": "llama",
    "vipllava": "llama",
    "voxtral": "llama",
}

#: Sizes of the text classes' defaults that published wrappers rely on (LLaVA 1.5 and 1.6, Idefics2).
_LEFT_OUT: Mapping[str, Mapping[str, Any]] = {
    "llama": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 32000,
    },
    "mistral": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
    },
}


def text_config(config: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The part of a config that describes the language model, with what wrappers keep outside of it.

    Raises
    ------
    ConfigError
        When that part is no object, or neither it nor the wrapper's type says what it is.
    """
    wrapper = config.get("model_type")
    if not isinstance(wrapper, str):
        wrapper = ""
    usual = _TEXT_TYPES.get(wrapper)
    place = next((key for key in _PLACES if config.get(key) is not None), None)
    if place is None or wrapper in NOT_DECODERS:
        # Older files of some wrappers keep the language model's keys among their own.
        return {**config, "model_type": usual} if usual else config
    inner = config[place]
    if not isinstance(inner, Mapping):
        raise ConfigError(f"{where}: {place} = {inner!r}: expected an object")
    inner = text_config(inner, f"{where}: {place}")
    model_type = inner.get("model_type") or usual
    if model_type is None:
        raise ConfigError(
            f"{where}: {place} has no model_type, and model_type {wrapper!r} of the whole does not tell what it is"
        )
    left_out = _LEFT_OUT.get(model_type, {}) if isinstance(model_type, str) else {}
    given = {key: value for key, value in inner.items() if value is not None or key not in left_out}
    text = {**left_out, **given, "model_type": model_type}
    if text.get("quantization_config") is None and "quantization_config" in config:
        text["quantization_config"] = config["quantization_config"]
    # The wrapper decides. Older files say "true" inside alone; with Qwen3-VL-MoE that is an unused default.
    tied = config.get("tie_word_embeddings")
    if tied is not None and (text.get("tie_word_embeddings") is not True or wrapper == "qwen3_vl_moe"):
        text["tie_word_embeddings"] = tied
    return text
