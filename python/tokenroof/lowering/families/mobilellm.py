"""MobileLLM: thin and deep Llama models, with every block executed twice in a row where layers are shared.

The published files say ``llama``; this type is for the two choices that those files leave to the training script:
``layer_sharing`` (MobileLLM-LS; off where it is absent) and ``share_embedding`` (on). A second execution follows the
first at once, reads the same weights, and has a cache of its own.

References
----------
MobileLLM, arXiv:2402.14905.
"""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, dense, stack


@family("mobilellm", names={"share_embedding": "tie_word_embeddings"})
def _mobilellm(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", False)
    attn, mlp = attention(reader, qkv_bias=bias, o_bias=bias), dense(reader, reader.flag("mlp_bias", False))
    layers = reader.layers()
    repeat = 2 if reader.flag("layer_sharing", False) else 1
    return stack(reader, [attn] * layers, [mlp] * layers, repeat=repeat, tied=True)
