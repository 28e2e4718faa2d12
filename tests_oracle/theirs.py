"""The other side of every comparison: language models of the transformers library, mostly on the meta device.

A wrapper with a vision or sound part is built whole, and its language model is what counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

#: Types that transformers lacks, whose published code is another type's under a new name.
ALIASES = {
    "kimi_k2": "deepseek_v3",  # modeling_deepseek.py lies next to the weights of moonshotai/Kimi-K2-Instruct
    "deepseek_ref": "deepseek_v4",  # the name in repacked checkpoints
    "minimax_text_01": "minimax",
    "minimax_m1": "minimax",
    "minimax_m3": "minimax_m3_vl_text",
    "minimax_m3_vl": "minimax_m3_vl_text",  # as a language model's own type, without the wrapper
}

#: Language models that have a class with a head only as part of a wrapper.
WRAPPERS = {
    "glm4v_moe_text": "glm4v_moe",
    "glm4v_text": "glm4v",
    "mllama_text_model": "mllama",
    "qwen2_5_vl_text": "qwen2_5_vl",
    "qwen2_vl_text": "qwen2_vl",
    "qwen3_vl_moe_text": "qwen3_vl_moe",
    "qwen3_vl_text": "qwen3_vl",
}

#: Persistent buffers that nobody trains: constants that transformers derives from the config.
CONSTANTS = re.compile(
    r"(^|\.)(inv_freq|act_fn\.beta|act_fn\.eps|embed_scale|slope_rate|query_decay|key_decay|diagonal_decay|tid2eid)$"
)

#: Mixers whose inside the counter cannot judge: it sees the products of a chunked form, and no element-wise recurrence.
_RECURRENT = re.compile(
    r"^(?!\w*DecoderLayer)\w*"
    r"(Mamba|BambaMixer|FalconH1Mixer|SSM|Delta|Lightning|(?<!Kimi)LinearAttention|ShortConv|Recurrent|KDA|RgLru)"
)


class Unknown(Exception):
    """What transformers cannot build, with the reason."""


class NeedsData(Exception):
    """What the meta device cannot run, because shapes depend on data: a loop over the experts that were chosen."""


class CannotRun(Exception):
    """What transformers builds from a config but fails to run."""


def known(model_type: str) -> bool:
    """Whether transformers has a config class of this type, or one by another name."""
    return ALIASES.get(model_type, model_type) in CONFIG_MAPPING_NAMES


def config_of(config: Mapping[str, Any]) -> Any:
    """The config object of a ``config.json``."""
    renamed = _rename(config)
    model_type = renamed.pop("model_type")
    if model_type not in CONFIG_MAPPING_NAMES:
        raise Unknown(f"transformers has no model_type {model_type!r}")
    if "routed_expert_hidden_size" in renamed:
        raise Unknown("transformers' kimi_linear has neither latent experts nor the other keys of Kimi K3")
    return AutoConfig.for_model(model_type, **renamed)


def _rename(config: Mapping[str, Any]) -> dict[str, Any]:
    renamed = dict(config)
    renamed["model_type"] = ALIASES.get(renamed.get("model_type", ""), renamed.get("model_type"))
    if isinstance(renamed.get("text_config"), Mapping) and "model_type" in renamed["text_config"]:
        renamed["text_config"] = _rename(renamed["text_config"])
    if renamed["model_type"] == "minimax" and "attn_type_list" in renamed:  # the original files' way to say it
        kinds = ("linear_attention", "full_attention")
        renamed["layer_types"] = [kinds[number] for number in renamed.pop("attn_type_list")]
    if renamed["model_type"] == "minimax" and "attn_type_list" in renamed:  # the name in the published code
        kinds = ("linear_attention", "full_attention")
        renamed["layer_types"] = [kinds[kind] for kind in renamed.pop("attn_type_list")]
    renamed.pop("quantization_config", None)  # the sizes are those of the weights before packing
    return renamed


def learned(config: Mapping[str, Any]) -> dict[str, int]:
    """Elements of each learned tensor of the language model, a tied one under its first name only."""
    model = _whole(config_of(_wrapped(config)))
    found: dict[int, tuple[str, int]] = {}
    for name, tensor in _language_tensors(model):
        if not CONSTANTS.search(name):
            found.setdefault(id(tensor), (name, tensor.numel()))
    return dict(found.values())


def _wrapped(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """``config``, within a wrapper where there is no other way to a model with a head."""
    wrapper = WRAPPERS.get(config["model_type"])
    outer = {key: value for key, value in config.items() if key == "tie_word_embeddings"}
    return {"model_type": wrapper, "text_config": dict(config), **outer} if wrapper else config


def by_module(tensors: Mapping[str, int]) -> Counter[str]:
    """Elements per kind of tensor: names with ``*`` for numbers of layers and experts."""
    groups: Counter[str] = Counter()
    for name, elems in tensors.items():
        groups[re.sub(r"\.\d+(?=\.|$)", ".*", name)] += elems
    return groups


def _whole(config: Any) -> nn.Module:
    """The model with its head on the meta device, whatever else it has."""
    with torch.device("meta"):
        if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
            return AutoModelForCausalLM.from_config(config)
        try:
            return AutoModelForImageTextToText.from_config(config)
        except ValueError as error:
            raise Unknown(f"no class with a language head for {config.model_type!r}") from error


def _language_tensors(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and persistent buffers of decoder and head, tied ones more than once."""
    if model.config.get_text_config(decoder=True) is model.config:
        yield from model.state_dict(keep_vars=True).items()
        return
    yield from _named("decoder", model.get_decoder())
    yield from _named("lm_head", model.get_output_embeddings())


def _named(prefix: str, module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in module.state_dict(keep_vars=True).items():
        yield f"{prefix}.{name}", tensor


def text_model(config: Mapping[str, Any], device: str) -> tuple[nn.Module, bool]:
    """A language model of 16 bits that runs on ``device``, without other parts; whether it has a head.

    Eager attention, whose products the counter sees one by one; experts as products over gathered matrices, because
    the loop over touched experts depends on data, which the meta device has not.
    """
    text = config_of(config).get_text_config(decoder=True)
    text._experts_implementation = "batched_mm"
    if type(text) in MODEL_FOR_CAUSAL_LM_MAPPING:
        make = AutoModelForCausalLM.from_config
    else:  # the class of the wrapper's decoder, which may have no name among the automatic ones
        make = type(_whole(config_of(_wrapped(config))).get_decoder())._from_config
    torch.manual_seed(0)
    with torch.device(device):
        model = make(text, attn_implementation="eager", dtype=torch.bfloat16)
    return model.eval().requires_grad_(False), model.get_output_embeddings() is not None


@dataclass(frozen=True)
class Run:
    """A prefill and one step after it."""

    prefill_flops: int
    decode_flops: int
    cache: list[dict[str, tuple[int, ...]]]  #: after the prefill, per layer: shape of each tensor, one sequence
    cache_bytes: int  #: of all of them


def run(model: nn.Module, tokens: int, device: str) -> Run:
    """Prefills ``tokens`` tokens of one sequence, generates one more, and counts FLOPs as torch does.

    What recurrent mixers do between their projections is left out: `Run` holds what the counter can judge.
    """
    vocab = model.config.get_text_config(decoder=True).vocab_size
    ids = torch.arange(tokens, device=device).remainder(vocab).view(1, tokens)
    with torch.no_grad():
        with FlopCounterMode(display=False) as prefill:
            out = _forward(model, device, input_ids=ids)
        name = "cache_params" if hasattr(out, "cache_params") else "past_key_values"
        cache = getattr(out, name)
        tensors = [_tensors(layer) for layer in cache.layers]
        tensors += [
            {"linear": state} for state in getattr(cache, "linear_cache", []) if isinstance(state, torch.Tensor)
        ]
        shapes = [{key: tuple(tensor.shape) for key, tensor in layer.items()} for layer in tensors]
        size = sum(tensor.numel() * tensor.itemsize for layer in tensors for tensor in layer.values())
        with FlopCounterMode(display=False) as decode:
            _forward(model, device, input_ids=ids[:, :1], **{name: cache})
    return Run(_judged(model, prefill), _judged(model, decode), shapes, size)


def _forward(model: nn.Module, device: str, **inputs: Any) -> Any:
    try:
        return model(use_cache=True, **inputs)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        if device == "meta" and isinstance(error, RuntimeError):  # which NotImplementedError is, too
            raise NeedsData("its shapes depend on data, and the meta device has none") from error
        raise CannotRun(str(error).partition("\n")[0]) from error


def _tensors(layer: Any) -> dict[str, torch.Tensor]:
    """Every tensor with elements that a layer of a cache holds, by the name of its attribute."""
    found: dict[str, torch.Tensor] = {}
    for name, value in vars(layer).items():
        if name.startswith("_") or name == "cumulative_length":
            continue
        parts = value if isinstance(value, dict) else {"": value}
        for key, part in parts.items():
            same = any(part is other for other in found.values())  # keys that serve as values
            if isinstance(part, torch.Tensor) and part.numel() and not same:
                found[f"{name}{key}"] = part
    return found


def _judged(model: nn.Module, counter: FlopCounterMode) -> int:
    """Counted FLOPs without what recurrent mixers do outside of their projections."""
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    total = counts.get("Global", 0)
    root = type(model).__name__
    for name, module in model.named_modules():
        if _RECURRENT.search(type(module).__name__) and not _inside_recurrent(model, name):
            own = counts.get(f"{root}.{name}", 0)
            linear = (child for child, part in module.named_modules() if isinstance(part, nn.Linear))
            total -= own - sum(counts.get(f"{root}.{name}.{child}", 0) for child in linear)
    return total


def _inside_recurrent(model: nn.Module, name: str) -> bool:
    parents = name.split(".")[:-1]
    above = (model.get_submodule(".".join(parents[: i + 1])) for i in range(len(parents)))
    return any(_RECURRENT.search(type(module).__name__) for module in above)
