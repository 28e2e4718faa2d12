"""Latent attention before dense blocks: MiniCPM3 and Youtu-LLM."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import dense, stack
from .deepseek import latent


@family("minicpm3")
def _minicpm3(reader: ConfigReader) -> Shape:
    if not reader.has("v_head_dim"):
        reader = reader.over({"v_head_dim": reader.count("hidden_size") // reader.count("num_attention_heads")})
    return _stack(reader, query_rank=768, bias=reader.flag("mlp_bias", False))


@family("youtu")
def _youtu(reader: ConfigReader) -> Shape:
    return _stack(reader, query_rank=1536)


def _stack(reader: ConfigReader, query_rank: int, bias: bool = False) -> Shape:
    """``query_rank``: where the key is absent; ``null`` means queries straight from the hidden state."""
    if not reader.is_null("q_lora_rank"):
        reader = reader.over({"q_lora_rank": query_rank})
    layers = reader.layers()
    return stack(reader, [latent(reader)] * layers, [dense(reader, bias)] * layers, tied=True)
