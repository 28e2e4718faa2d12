"""ChatGLM2 to GLM-4-9B in the keys of their own code; `glm` reads the same models in the common keys."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack

_NAMES = {
    "num_layers": "num_hidden_layers",
    "ffn_hidden_size": "intermediate_size",
    "kv_channels": "head_dim",
    "padded_vocab_size": "vocab_size",
    "seq_length": "max_position_embeddings",
}


@family("chatglm", names=_NAMES)
def _chatglm(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    bias = reader.flag("add_bias_linear", False)
    grouped = reader.flag("multi_query_attention", False)
    kv_heads = reader.count("multi_query_group_num") if grouped else reader.count("num_attention_heads")
    attn = attention(reader, qkv_bias=bias or reader.flag("add_qkv_bias", False), o_bias=bias, kv_heads=kv_heads)
    norm = hidden if reader.flag("rmsnorm", True) else 2 * hidden
    return stack(
        reader,
        [attn] * layers,
        [Dense(reader.count("intermediate_size"), bias=bias)] * layers,
        norms=2 * norm,
        final_norm_params=norm if reader.flag("post_layer_norm", True) else 0,
    )
