"""Llama 3.2 Vision: among Llama's layers, some that attend to an image.

Text alone skips those: they keep no cache of text and cost nothing but their place in memory, so that the points of a
sweep are those of requests without an image. What an image adds is not modelled.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, dense, listed_layers, stack

#: Rows that the embedding table has beyond the vocabulary: special tokens that are read, never written.
_EXTRA_ROWS = 8


@family("mllama_text_model", defaults={"num_key_value_heads": 8})
def _mllama(reader: ConfigReader) -> Shape:
    layers, hidden = reader.layers(), reader.count("hidden_size")
    crossing = list(range(3, min(layers, 40), 5))  # the configuration class's, made for 40 layers
    if reader.has("cross_attention_layers"):
        crossing = listed_layers(reader, "cross_attention_layers")
    if len(set(crossing)) == layers:
        raise reader.error(f"cross_attention_layers holds all {layers} layers: expected some with text of their own")
    itself, image = attention(reader), attention(reader, head_norms=True)
    mixers = [image if layer in crossing else itself for layer in range(layers)]
    norms = [2 * hidden + 2 * (mixer is image) for mixer in mixers]  # and a gate for mixer and block each
    shape = stack(
        reader, mixers, [dense(reader)] * layers, norms=norms, embed_rows=reader.count("vocab_size") + _EXTRA_ROWS
    )
    groups = tuple(
        replace(group, label="image", repeat=0) if group.mixer == image else replace(group, label="")
        for group in shape.groups
    )
    return replace(shape, groups=groups)
