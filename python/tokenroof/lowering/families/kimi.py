"""Kimi Linear (three layers of Kimi Delta Attention, one of latent attention, and so on) and Kimi K3.

Kimi Linear is as its technical report (arXiv:2510.26692) and published code have it. K3's further keys follow the names
and shapes of its published checkpoint: queries through a compressed vector, an output gate on either kind of attention,
routed experts on a projection of the hidden state, and attention over earlier blocks of layers in place of the
residual. That checkpoint holds 2,779,484,478,208 numbers besides its vision part, 2,208 more than are counted here: one
``A_log`` per head is stored in ``head_dim`` places. The few operations of the attention over layers are left out.
"""

from __future__ import annotations

from ..config import ConfigReader
from ..recurrent import kimi_delta
from ..registry import family
from ..shape import Dense, Experts, Shape
from .common import check_active, choose, layer_kinds, stack
from .deepseek import latent, sparse_layers

_LINEAR, _FULL = "linear_attention", "full_attention"


@family(
    "kimi_linear",
    defaults={"first_k_dense_replace": 1},
    names={"model_max_length": "max_position_embeddings", "num_experts_per_tok": "num_experts_per_token"},
)
def _kimi_linear(reader: ConfigReader) -> Shape:
    hidden = reader.count("hidden_size")
    linear = reader.inner("linear_attn_config")
    delta = kimi_delta(
        hidden,
        linear.count("num_heads", default=32),
        linear.count("head_dim", default=128),
        linear.count("short_conv_kernel_size", default=4),
        full_gate=linear.flag("use_full_rank_gate", False),
    )
    gate = 0
    if reader.flag("mla_use_output_gate", False):
        gate = reader.count("num_attention_heads") * reader.count("v_head_dim")
    attn = latent(reader, gate=gate)
    kinds = layer_kinds(reader, (_LINEAR, _FULL), _kinds_by_lists(reader, linear))
    ffns = choose(sparse_layers(reader), lambda: _experts(reader), lambda: Dense(reader.count("intermediate_size")))
    norms, final = 2 * hidden, hidden
    if reader.has("attn_res_block_size"):  # a norm and a query before mixer, before block, and before the head
        norms, final = norms + 4 * hidden, final + 2 * hidden
    return stack(
        reader,
        [delta if kind == _LINEAR else attn for kind in kinds],
        ffns,
        norms=norms,
        final_norm_params=final,
    )


def _kinds_by_lists(reader: ConfigReader, linear: ConfigReader) -> list[str]:
    """By the two lists of layers, counted from 1; each layer is in one of them."""
    layers = reader.layers()
    lists = {_LINEAR: linear.items("kda_layers"), _FULL: linear.items("full_attn_layers")}
    if not any(lists.values()):
        if reader.items("layer_types"):
            return []
        raise reader.error(
            f"neither layer_types nor linear_attn_config's kda_layers and full_attn_layers are there: model_type "
            f"{reader.model_type!r} needs the kind of each layer"
        )
    kinds: list[str | None] = [None] * layers
    for kind, places in lists.items():
        name = "kda_layers" if kind == _LINEAR else "full_attn_layers"
        for place in places:
            if type(place) is not int or not 1 <= place <= layers:
                raise linear.error(f"{name} holds {place!r}: expected layers from 1 to num_hidden_layers = {layers}")
            if kinds[place - 1] is not None:
                raise linear.error(f"layer {place} stands twice in kda_layers and full_attn_layers: expected once")
            kinds[place - 1] = kind
    if None in kinds:
        missing = kinds.index(None) + 1
        raise linear.error(f"layer {missing} is in neither kda_layers nor full_attn_layers: expected one of them")
    return [kind for kind in kinds if kind]


def _experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "num_experts", "num_experts_per_token")
    width = reader.count("moe_intermediate_size")
    return Experts(
        experts,
        active,
        width,
        shared_width=reader.count("num_shared_experts", default=1, least=0) * width,
        latent=reader.count("routed_expert_hidden_size", default=0),
        latent_norm=reader.flag("latent_moe_use_norm", False),
        router_bias=True,
    )
