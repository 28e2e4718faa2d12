"""GLM-4 (dense), GLM-4.5 to 4.7 (glm4_moe), GLM-4.7-Flash (glm4_moe_lite), and the text parts of GLM-V."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, LatentAttention, Shape
from .common import attention, choose, dense, stack
from .deepseek import experts, latent, sparse_layers
from .mtp import layer_params, predictors

_MOE: Mapping[str, Any] = {"first_k_dense_replace": 1, "n_shared_experts": 1}


@family("glm", defaults={"num_key_value_heads": 2, "head_dim": 128})
def _glm(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    return stack(reader, [_attention(reader, True)] * layers, [dense(reader)] * layers)


@family("glm4", defaults={"num_key_value_heads": 2, "head_dim": 128})
def _glm4(reader: ConfigReader) -> Shape:
    return _sandwiched(reader, _attention(reader, True))


@family("glm4v_text", defaults={"num_key_value_heads": 2})
def _glm4v(reader: ConfigReader) -> Shape:
    return _sandwiched(reader, attention(reader, qkv_bias=True))  # the bias has no key


def _sandwiched(reader: ConfigReader, attn: Attention) -> Shape:
    """A norm before and after mixer and block: four per layer."""
    layers = reader.layers()
    return stack(reader, [attn] * layers, [dense(reader)] * layers, norms=4 * reader.count("hidden_size"))


@family("glm4_moe", "glm4v_moe_text", defaults={**_MOE, "num_key_value_heads": 8})
def _glm4_moe(reader: ConfigReader) -> Shape:
    return _moe(reader, _attention(reader, reader.model_type == "glm4v_moe_text"))


def _attention(reader: ConfigReader, bias: bool) -> Attention:
    """Biases on queries, keys and values only; ``bias`` where the config does not say."""
    norms = reader.flag("use_qk_norm", False)
    return attention(reader, qkv_bias=reader.flag("attention_bias", bias), head_norms=norms)


@family("glm4_moe_lite", defaults=_MOE)
def _glm4_moe_lite(reader: ConfigReader) -> Shape:
    if not reader.is_null("q_lora_rank"):  # null: queries straight from the hidden state
        reader = reader.over({"q_lora_rank": 768})
    return _moe(reader, latent(reader))


def _moe(reader: ConfigReader, mixer: Attention | LatentAttention) -> Shape:
    sparse = sparse_layers(reader)
    ffns = choose(sparse, lambda: experts(reader), lambda: dense(reader))
    extra: tuple[tuple[str, int], ...] = ()
    if reader.has("num_nextn_predict_layers"):
        hidden = reader.count("hidden_size")
        # The first checkpoint of the family (GLM-4.5) repeats embedding and LM head here, later ones do not.
        extra = predictors(reader, layer_params(hidden, mixer, experts(reader), 2 * hidden))
    return stack(reader, [mixer] * len(sparse), ffns, checkpoint=extra)
