"""Grok-1 in the keys of its JAX release, and in those of the conversions and of Grok-2."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Experts, Shape
from .common import attention, check_active, stack

_NAMES = {
    "emb_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_q_heads": "num_attention_heads",
    "num_kv_heads": "num_key_value_heads",
    "key_size": "head_dim",
    "sequence_len": "max_position_embeddings",
    "num_selected_experts": "num_experts_per_tok",
    "num_local_experts": "num_experts",
}


@family("grok", "grok-1", names=_NAMES)
def _grok(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    if reader.flag("residual_moe", False):  # Grok-2: an expert for all tokens beside the routed ones
        shared = reader.count("intermediate_size")
        moe = Experts(experts, active, reader.count("moe_intermediate_size"), shared_width=shared)
    else:
        moe = Experts(experts, active, _width(reader))
    # A norm before and after each part, without biases.
    return stack(reader, [attention(reader)] * layers, [moe] * layers, norms=4 * hidden, tied=True)


def _width(reader: ConfigReader) -> int:
    """Width of an expert: two thirds of the widened state, because it is gated, up to the next multiple of 8.

    References
    ----------
    Function ``ffn_size`` of the release: github.com/xai-org/grok-1, model.py.
    """
    if reader.has("intermediate_size"):
        return reader.count("intermediate_size")
    width = reader.count("widening_factor") * reader.count("hidden_size") * 2 // 3
    return -(-width // 8) * 8
