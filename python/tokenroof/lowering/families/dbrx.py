"""DBRX: sixteen experts, four per token; the sizes of attention and experts stand in objects of their own."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Experts, Shape
from .common import attention, check_active, stack

_NAMES = {
    "d_model": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "max_seq_len": "max_position_embeddings",
}


@family("dbrx", defaults={"max_position_embeddings": 2048}, names=_NAMES)
def _dbrx(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    attn = attention(reader, kv_heads=reader.inner("attn_config").count("kv_n_heads", default=1))
    ffn = reader.inner("ffn_config")
    experts, active = check_active(ffn.over({"moe_num_experts": 4, "moe_top_k": 1}), "moe_num_experts", "moe_top_k")
    moe = Experts(experts, active, ffn.count("ffn_hidden_size", default=3584))
    return stack(reader, [attn] * layers, [moe] * layers)
