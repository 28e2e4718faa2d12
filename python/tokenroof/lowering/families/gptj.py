"""GPT-J and CodeGen: attention without biases next to a block with them, one layer norm for both."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, stack
from .gpt2 import GPT_NAMES, gpt_mlp


@family("gptj", "codegen", defaults={"max_position_embeddings": 2048}, names=GPT_NAMES)
def _gptj(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    attn = attention(reader, kv_heads=reader.count("num_attention_heads"))
    return stack(
        reader,
        [attn] * layers,
        [gpt_mlp(reader)] * layers,
        norms=2 * hidden,
        parallel=True,
        final_norm_params=2 * hidden,
        head_bias=True,
    )
