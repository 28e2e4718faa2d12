"""A model as its config would describe it if one number were another: lowered again, with all that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import SpecError
from ..specs.model import Model
from . import model_from_hf
from .config import ConfigReader
from .families.wrappers import text_config
from .registry import own_names

__all__ = ["MODEL_FIELDS", "changed_model"]

#: Short names of what configs call by several names; the first of them that the config has is changed. Any other key of
#: a config may be named as it is.
MODEL_FIELDS: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers",),
    "hidden": ("hidden_size",),
    "heads": ("num_attention_heads",),
    "kv_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "ffn": ("intermediate_size",),
    "vocab": ("vocab_size",),
    "experts": ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"),
    "active": ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k"),
    "expert_ffn": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "shared_experts": ("n_shared_experts",),
    "kv_rank": ("kv_lora_rank",),
    "q_rank": ("q_lora_rank",),
    "window": ("sliding_window",),
    "max_context": ("max_position_embeddings",),
    "skew": (),
}


def changed_model(model: Model, field: str, value: float, factor: bool = False) -> Model:
    """``model`` with one number of its config changed and lowered again; its id stays.

    Lists with an entry for each layer are repeated from their start, or cut, where ``layers`` changes. ``skew`` is
    that of `Model.skewed`.

    Raises
    ------
    SpecError
        Where the model was not lowered from a config, or has no such key.
    ConfigError
        Where a config with that value contradicts itself.

    Examples
    --------
    >>> tiny = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    ...         "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 100}
    >>> model = model_from_hf(tiny, id="tiny")
    >>> [changed_model(model, "kv_heads", n).kv_elems_per_token for n in (4, 2, 1)]
    [256.0, 128.0, 64.0]
    """
    where = f"model {model.id!r}"
    if field == "skew":
        return model.skewed(value)
    if not model.config:
        raise SpecError(field, value, "a model that was lowered from a config", where)
    again = model_from_hf(model.config, id=model.id)
    if again.operators != model.operators:
        raise SpecError(field, value, "a model whose rows are those of its config: this one was changed", where)
    text = dict(text_config(model.config, where))
    key = _key(text, field, value, where)
    old = text[key]
    if isinstance(old, bool) or not isinstance(old, int | float):
        raise SpecError(field, value, f"a key that holds a number: {key} is {old!r}", where)
    new = old * value if factor else value
    if isinstance(old, int):
        if int(new) != new:
            raise SpecError(field, value, f"a whole number: {key} would be {new:g}", where)
        new = int(new)
    text[key] = new
    if field == "layers" or key == "num_hidden_layers":
        _relist(text, int(old), int(new))
    made = model_from_hf(text, id=model.id)
    context = made.max_context if made.max_context != again.max_context else model.max_context
    return replace(
        model,
        operators=made.operators,
        layers=made.layers,
        hidden=made.hidden,
        vocab=made.vocab,
        max_context=context,
        checkpoint=made.checkpoint,
        config=made.config,
    )


def _key(text: Mapping[str, Any], field: str, value: float, where: str) -> str:
    """The key that holds the field, as this config spells it."""
    names = own_names(ConfigReader(text, where).model_type)
    common = MODEL_FIELDS.get(field, (field,))
    spelled = [own for own, name in names.items() if name in common]
    for key in (*spelled, *common):
        if text.get(key) is not None:
            return key
    known = sorted(name for name, keys in MODEL_FIELDS.items() for key in (*keys,) if text.get(key) is not None)
    known += sorted(k for k, v in text.items() if isinstance(v, int | float) and not isinstance(v, bool))
    raise SpecError(field, value, f"a number that the model's config has: {', '.join(dict.fromkeys(known))}", where)


def _relist(text: dict[str, Any], old: int, new: int) -> None:
    for key, entries in text.items():
        if isinstance(entries, list | tuple) and len(entries) == old > 0:
            text[key] = [entries[i % old] for i in range(new)]
