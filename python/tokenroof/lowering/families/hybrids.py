"""Mamba-2 beside attention: Bamba and Granite 4 (in turn), Falcon-H1 (side by side); and LFM2's short convolutions."""

from __future__ import annotations

from ..config import ConfigReader
from ..recurrent import mamba2, short_conv
from ..registry import family
from ..shape import Attention, Dense, Experts, Ffn, Recurrent, Shape, SideBySide
from .common import attention, check_active, choose, layer_kinds, listed_layers, stack
from .mamba import state_heads

#: What the configuration classes of these families have in common.
_MAMBA = {"mamba_n_heads": 128, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4, "mamba_expand": 2}

_LINEAR, _FULL = "linear_attention", "full_attention"

#: The kinds' names in older files.
_OLD_NAMES = {"mamba": _LINEAR, "attention": _FULL}


@family("bamba", defaults=_MAMBA | {"num_key_value_heads": 8})
def _bamba(reader: ConfigReader) -> Shape:
    attends = set(listed_layers(reader, "attn_layer_indices"))
    attn, mamba = _attention(reader), _mamba(reader)
    mixers = [attn if layer in attends else mamba for layer in range(reader.layers())]
    mlp = Dense(reader.count("intermediate_size"), bias=reader.flag("mlp_bias", False))
    return stack(reader, mixers, [mlp] * reader.layers())


@family("falcon_h1", defaults=_MAMBA | {"num_key_value_heads": 8})
def _falcon_h1(reader: ConfigReader) -> Shape:
    # The class means 1024 channels where the key is absent, and by null what the hidden size gives.
    inner = None if reader.is_null("mamba_d_ssm") else reader.count("mamba_d_ssm", default=1024)
    mamba = _mamba(
        reader,
        inner,
        out_bias=reader.flag("projectors_bias", False),
        norm=reader.flag("mamba_rms_norm", False),
    )
    mlp = Dense(reader.count("intermediate_size"), bias=reader.flag("mlp_bias", False))
    mixer = SideBySide((_attention(reader), mamba))
    return stack(reader, [mixer] * reader.layers(), [mlp] * reader.layers())


@family("granitemoehybrid", defaults=_MAMBA | {"num_local_experts": 8, "num_experts_per_tok": 2})
def _granite(reader: ConfigReader) -> Shape:
    shared = reader.count("shared_intermediate_size")
    ffn: Ffn = Dense(shared)
    if reader.count("num_local_experts", least=0):
        experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
        ffn = Experts(experts, active, reader.count("intermediate_size"), shared_width=shared)
    reader_kinds = _granite_kinds(reader)
    mixers: dict[str, Attention | Recurrent] = {}
    for kind in set(reader_kinds):
        mixers[kind] = _attention(reader) if kind == _FULL else _mamba(reader)
    return stack(reader, [mixers[kind] for kind in reader_kinds], [ffn] * reader.layers())


def _granite_kinds(reader: ConfigReader) -> list[str]:
    known = (_LINEAR, _FULL, *_OLD_NAMES)
    default = [_LINEAR] * reader.layers()
    if reader.items("layers_block_type"):
        reader = reader.renamed({"layers_block_type": "layer_types"})
    return [_OLD_NAMES.get(kind, kind) for kind in layer_kinds(reader, known, default)]


def _attention(reader: ConfigReader) -> Attention:
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias)


def _mamba(
    reader: ConfigReader, inner: int | None = None, *, out_bias: bool | None = None, norm: bool = True
) -> Recurrent:
    hidden, groups = reader.count("hidden_size"), reader.count("mamba_n_groups")
    inner = inner or reader.count("mamba_expand") * hidden
    heads = reader.count("mamba_n_heads")
    head_dim = max(inner // heads, 1) if reader.is_auto("mamba_d_head") else reader.count("mamba_d_head")
    return mamba2(
        hidden,
        state_heads(reader, "mamba_n_heads", "mamba_d_head", inner, head_dim, groups),
        head_dim,
        groups,
        reader.count("mamba_d_state"),
        reader.count("mamba_d_conv"),
        conv_bias=reader.flag("mamba_conv_bias", True),
        proj_bias=reader.flag("mamba_proj_bias", False),
        out_bias=out_bias,
        norm=norm,
    )


@family(
    "lfm2",
    defaults={"num_key_value_heads": 8, "conv_L_cache": 3, "block_multiple_of": 256},
    names={"block_ff_dim": "intermediate_size", "tie_embedding": "tie_word_embeddings"},
)
def _lfm2(reader: ConfigReader) -> Shape:
    width = reader.count("intermediate_size")
    if reader.flag("block_auto_adjust_ff_dim", True):  # two thirds, scaled, then up to a multiple
        multiple = reader.count("block_multiple_of")
        width = -(int(reader.factor("block_ffn_dim_multiplier", 1.0) * (2 * width // 3)) // -multiple) * multiple
    layers, attends = reader.layers(), set(listed_layers(reader, "full_attn_idxs"))
    default = [_FULL if layer in attends or not reader.has("full_attn_idxs") else "conv" for layer in range(layers)]
    return stack(reader, _lfm2_mixers(reader, default), [Dense(width)] * layers, tied=True)


@family(
    "lfm2_moe",
    defaults={"num_key_value_heads": 8, "conv_L_cache": 3, "num_dense_layers": 2},
    names={"tie_embedding": "tie_word_embeddings"},
)
def _lfm2_moe(reader: ConfigReader) -> Shape:
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    corrected = reader.flag("use_expert_bias", True)
    moe = Experts(experts, active, reader.count("moe_intermediate_size"), router_bias=corrected)
    first, layers = reader.count("num_dense_layers", least=0), reader.layers()
    sparse = [layer >= first for layer in range(layers)]
    ffns = choose(sparse, lambda: moe, lambda: Dense(reader.count("intermediate_size")))
    if not reader.items("layer_types"):
        raise reader.error("missing key 'layer_types': model_type 'lfm2_moe' needs the kind of each layer")
    return stack(reader, _lfm2_mixers(reader, []), ffns, tied=True)


def _lfm2_mixers(reader: ConfigReader, default: list[str]) -> list[Attention | Recurrent]:
    attn = attention(reader, head_norms=True)
    bias = reader.flag("conv_bias", False)
    conv = short_conv(reader.count("hidden_size"), reader.count("conv_L_cache"), bias=bias)
    return [attn if kind == _FULL else conv for kind in layer_kinds(reader, ("conv", _FULL), default)]
