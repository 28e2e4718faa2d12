"""Mamba, Falcon Mamba and Mamba-2: by the keys of transformers, and by those of the original code (``d_model``...).

The original files have no ``model_type``: they are read when they are given one.
"""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..recurrent import mamba1, mamba2
from ..registry import family
from ..shape import Recurrent, Shape
from .common import stack

__all__ = ["dt_rank", "state_heads"]


@family("mamba", "falcon_mamba", defaults={"state_size": 16, "expand": 2, "conv_kernel": 4})
def _mamba(reader: ConfigReader) -> Shape:
    if reader.has("d_model") and not reader.has("hidden_size"):
        return _original(reader, "Mamba1")
    hidden = reader.count("hidden_size")
    inner = reader.count("intermediate_size", default=reader.count("expand") * hidden)
    mixer = mamba1(  # Falcon Mamba's norms over dt, B and C have no parameters
        hidden,
        inner,
        reader.count("state_size"),
        dt_rank(reader, "time_step_rank", hidden),
        reader.count("conv_kernel"),
        conv_bias=reader.flag("use_conv_bias", True),
        proj_bias=reader.flag("use_bias", False),
    )
    return stack(reader, [mixer] * reader.layers(), [None] * reader.layers(), norms=hidden, tied=True)


@family("mamba2", defaults={"state_size": 128, "expand": 2, "conv_kernel": 4, "head_dim": 64})
def _mamba2(reader: ConfigReader) -> Shape:
    if reader.has("d_model") and not reader.has("hidden_size"):
        return _original(reader, "Mamba2")
    hidden, head_dim = reader.count("hidden_size"), reader.count("head_dim")
    inner = reader.count("expand") * hidden
    draft = reader.has("tie_embedding_weights")  # a key of the class's first draft, whose default was one group
    groups = reader.count("n_groups", default=1 if draft else 8)
    mixer = mamba2(
        hidden,
        state_heads(reader, "num_heads", "head_dim", inner, head_dim, groups),
        head_dim,
        groups,
        reader.count("state_size"),
        reader.count("conv_kernel"),
        conv_bias=reader.flag("use_conv_bias", True),
        proj_bias=reader.flag("use_bias", False),
    )
    tied = reader.flag("tie_embedding_weights", False)
    return stack(reader, [mixer] * reader.layers(), [None] * reader.layers(), norms=hidden, tied=tied)


def dt_rank(reader: ConfigReader, key: str, hidden: int) -> int:
    """Width of the step's projection; ``"auto"`` or absent: a sixteenth of the hidden size."""
    return math.ceil(hidden / 16) if reader.is_auto(key) else reader.count(key)


def state_heads(reader: ConfigReader, key: str, dim_key: str, inner: int, head_dim: int, groups: int) -> int:
    """Heads of a Mamba-2 state; absent: as many as ``inner`` channels make.

    Raises
    ------
    ConfigError
        When heads of that width do not make ``inner`` channels, or groups do not divide the heads.
    """
    heads = reader.count(key, default=max(inner // head_dim, 1))
    if heads * head_dim != inner:
        raise reader.error(
            f"{key} = {heads} heads of {dim_key} = {head_dim} do not make the {inner} channels of the state"
        )
    if heads % groups:
        raise reader.error(f"{key} = {heads} is not a multiple of the number of groups = {groups}")
    return heads


def _original(reader: ConfigReader, default_layer: str) -> Shape:
    """The keys of the first published checkpoints; ``ssm_cfg`` holds what differs from the mixer's own defaults."""
    names = {"d_model": "hidden_size", "n_layer": "num_hidden_layers", "tie_embeddings": "tie_word_embeddings"}
    reader = reader.renamed(names)
    hidden, layers = reader.count("hidden_size"), reader.layers()
    if reader.count("d_intermediate", default=0, least=0) or reader.items("attn_layer_idx"):
        raise reader.error("d_intermediate and attn_layer_idx: only 0 and an empty list are known")
    ssm = reader.inner("ssm_cfg")
    layer = ssm.text("layer") if ssm.has("layer") else default_layer
    kernel, inner = ssm.count("d_conv", default=4), ssm.count("expand", default=2) * hidden
    biases = {"conv_bias": ssm.flag("conv_bias", True), "proj_bias": ssm.flag("bias", False)}
    mixer: Recurrent
    if layer == "Mamba1":
        rank = dt_rank(ssm, "dt_rank", hidden)
        mixer = mamba1(hidden, inner, ssm.count("d_state", default=16), rank, kernel, **biases)
    elif layer == "Mamba2":
        head_dim, groups = ssm.count("headdim", default=64), ssm.count("ngroups", default=1)
        heads = state_heads(ssm, "nheads", "headdim", inner, head_dim, groups)
        mixer = mamba2(hidden, heads, head_dim, groups, ssm.count("d_state", default=128), kernel, **biases)
    else:
        raise ssm.error(f"layer = {layer!r}: expected 'Mamba1' or 'Mamba2'")
    norm = hidden if reader.flag("rms_norm", True) else 2 * hidden
    multiple = reader.count("pad_vocab_size_multiple", default=8)
    return stack(
        reader,
        [mixer] * layers,
        [None] * layers,
        norms=norm,
        tied=True,
        vocab=math.ceil(reader.count("vocab_size") / multiple) * multiple,
        final_norm_params=norm,
    )
