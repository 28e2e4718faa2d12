"""Phi: 1, 1.5 and 2 (phi), 3 to 4 (phi3), Phi-3-small with its block-sparse layers, and Phi-3.5-MoE (phimoe)."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Experts, Shape
from .common import attention, check_active, dense, stack


@family("phi", defaults={"max_position_embeddings": 2048})
def _phi(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    attn = attention(reader, qkv_bias=True, o_bias=True)
    if reader.flag("qk_layernorm", False):  # a weight and a bias each, shared by all heads
        attn = replace(attn, qk_norm=4 * attn.head_dim)
    return stack(
        reader,
        [attn] * layers,
        [Dense(reader.count("intermediate_size"), gated=False, bias=True)] * layers,
        norms=2 * hidden,
        parallel=True,
        final_norm_params=2 * hidden,
        head_bias=True,
    )


@family("phi3", defaults={"max_position_embeddings": 4096})
def _phi3(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    return stack(reader, [_with_window(reader, attention(reader))] * layers, [dense(reader)] * layers)


@family("phimoe", defaults={"num_key_value_heads": 8, "max_position_embeddings": 131072})
def _phimoe(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    bias = reader.flag("attention_bias", False)
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    moe = Experts(experts, active, reader.count("intermediate_size"))  # the key holds the width of one expert
    return stack(
        reader,
        [_with_window(reader, attention(reader, qkv_bias=bias, o_bias=bias))] * layers,
        [moe] * layers,
        norms=4 * hidden,
        final_norm_params=2 * hidden,
        head_bias=reader.flag("lm_head_bias", False),
    )


def _with_window(reader: ConfigReader, attn: Attention) -> Attention:
    """A window as long as the longest context, or longer, is how published files switch it off."""
    window = reader.tokens("sliding_window")
    return replace(attn, window=window) if window < reader.tokens("max_position_embeddings") else attn


@family(
    "phi3small",
    defaults={"max_position_embeddings": 8192},
    names={"ff_intermediate_size": "intermediate_size"},
)
def _phi3small(reader: ConfigReader) -> Shape:
    """Dense attention in each so-manieth layer; the others see blocks of tokens.

    A query of those layers sees the last ``blocksparse_num_local_blocks`` blocks, and of the earlier blocks one in
    ``blocksparse_vert_stride``; which one differs from head to head unless ``blocksparse_homo_head_pattern``. The
    local blocks are counted whole: the block of the query itself is half full on average, so that up to half a block
    is read less. The cache keeps every token.

    References
    ----------
    Abdin et al., arXiv:2404.14219, section 2.
    """
    hidden, layers = reader.count("hidden_size"), reader.layers()
    every = reader.count("dense_attention_every_n_layers", default=2)
    block = reader.count("blocksparse_block_size", default=64)
    local = float(block * reader.count("blocksparse_num_local_blocks", default=16))
    full = attention(reader, qkv_bias=True, o_bias=True)
    sparse = replace(full, window=local, stride=reader.count("blocksparse_vert_stride", default=8))
    mixers = [full if (layer + 1) % every == 0 else sparse for layer in range(layers)]
    return stack(
        reader,
        mixers,
        [dense(reader, bias=True)] * layers,
        norms=4 * hidden,
        tied=True,
        final_norm_params=2 * hidden,
    )
