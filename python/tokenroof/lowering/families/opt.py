"""OPT, and two siblings from the same code: BioGPT and XGLM."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack

#: Rows of the table of positions that no token ever uses: the offset of the library that OPT was trained with.
_UNUSED_POSITIONS = 2


@family("opt", names={"ffn_dim": "intermediate_size"})
def _opt(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    bias = reader.flag("enable_bias", True)
    norm = 2 * hidden if reader.flag("layer_norm_elementwise_affine", True) else 0
    # Norms before each part need one more at the end; opt-350m has them after.
    last = reader.flag("do_layer_norm_before", True) and not reader.flag("_remove_final_layer_norm", False)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, kv_heads=reader.count("num_attention_heads"))
    mlp = Dense(reader.count("intermediate_size"), gated=False, bias=bias)
    return stack(
        reader,
        [attn] * layers,
        [mlp] * layers,
        norms=2 * norm,
        tied=True,
        final_norm_params=norm if last else 0,
        positions=reader.count("max_position_embeddings") + _UNUSED_POSITIONS,
        embed_width=reader.count("word_embed_proj_dim", default=hidden),
    )


@family("biogpt", defaults={"max_position_embeddings": 1024})
def _biogpt(reader: ConfigReader) -> Shape:
    return _biased(reader, positions=reader.count("max_position_embeddings") + _UNUSED_POSITIONS)


_XGLM_NAMES = {
    "d_model": "hidden_size",
    "num_layers": "num_hidden_layers",
    "attention_heads": "num_attention_heads",
    "ffn_dim": "intermediate_size",
}


@family("xglm", defaults={"max_position_embeddings": 2048}, names=_XGLM_NAMES)
def _xglm(reader: ConfigReader) -> Shape:
    if reader.flag("add_cross_attention", False):
        raise reader.error("add_cross_attention = True: half of an encoder-decoder, not a decoder-only text model")
    return _biased(reader, positions=0)  # sines, which nothing stores


def _biased(reader: ConfigReader, positions: int) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    attn = attention(reader, qkv_bias=True, o_bias=True, kv_heads=reader.count("num_attention_heads"))
    mlp = Dense(reader.count("intermediate_size"), gated=False, bias=True)
    return stack(
        reader,
        [attn] * layers,
        [mlp] * layers,
        norms=4 * hidden,
        tied=True,
        final_norm_params=2 * hidden,
        positions=positions,
    )
