"""Configs with one key left out: refused by us, impossible for transformers, or the same model on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf

from . import theirs

#: Keys without which a config is no config: absent ones are refused, and the class's default is nobody's model.
#: ``q_lora_rank`` is not among those that published files leave out; absent, it is a ``null`` that some format dropped.
CORE = {"model_type", "text_config", "layer_types", "q_lora_rank"}


#: Windows that we read as ``null`` where they are absent, since TOML has no null; the class means 4096 or 32768 tokens.
NULL_WHEN_ABSENT = {("mistral", "sliding_window"), ("qwen2_5_vl_text", "sliding_window")}


def without_one_key(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """``config`` without each of its keys in turn; those of a wrapper's language model."""
    inner = config.get("text_config", config)
    for key in inner:
        if key in CORE:
            continue
        fewer = {name: value for name, value in inner.items() if name != key}
        if key == "num_key_value_heads":  # some classes mean 8 or 32 of them: as many heads as that can go with
            fewer |= {"num_attention_heads": 32, "hidden_size": 64}
        yield key, config | {"text_config": fewer} if "text_config" in config else fewer


def plausible(config: Mapping[str, Any]) -> bool:
    """Whether transformers builds a model that could run."""
    try:
        theirs.learned(config)
    except Exception:  # whatever the class's default clashes with
        return False
    text = theirs.config_of(config).get_text_config(decoder=True)
    text.allow_global_per_layer_attribute_access = True  # Gemma 4 has KV heads per layer
    heads, kv_heads = (getattr(text, f"num_{kind}_heads", None) for kind in ("attention", "key_value"))
    return not (isinstance(heads, int) and isinstance(kv_heads, int) and heads % kv_heads)


def lowers(config: Mapping[str, Any]) -> bool:
    """Whether we read the config rather than name the key that it lacks."""
    try:
        model_from_hf(config)
    except ConfigError:
        return False
    return True
