"""Decoders whose layer norms kept their bias: StableLM, StarCoder2, Nemotron, Persimmon, Jais 2."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Ffn, Shape
from .common import attention, dense, stack


@family("stablelm", defaults={"max_position_embeddings": 4096})
def _stablelm(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=reader.flag("use_qkv_bias", False))
    if reader.flag("qk_layernorm", False):  # every head has a norm of its own, without a bias
        attn = replace(attn, qk_norm=(attn.heads + attn.kv_heads) * attn.head_dim)
    side_by_side = reader.flag("use_parallel_residual", False)
    return _stack(reader, attn, dense(reader), norms=1 if side_by_side else 2, parallel=side_by_side)


@family("starcoder2", defaults={"num_key_value_heads": 2, "max_position_embeddings": 4096})
def _starcoder2(reader: ConfigReader) -> Shape:
    bias = reader.flag("use_bias", True)
    attn = attention(reader, qkv_bias=bias, o_bias=bias)
    attn = replace(attn, window=reader.tokens("sliding_window"))
    return _stack(reader, attn, _ungated(reader, bias), tied=True)


@family("nemotron", defaults={"max_position_embeddings": 4096})
def _nemotron(reader: ConfigReader) -> Shape:
    return _stack(reader, _attention(reader, False), _ungated(reader, reader.flag("mlp_bias", False)))


@family("jais2", defaults={"max_position_embeddings": 8192})
def _jais2(reader: ConfigReader) -> Shape:
    return _stack(reader, _attention(reader, True), _ungated(reader, reader.flag("mlp_bias", True)))


@family("persimmon", defaults={"max_position_embeddings": 16384})
def _persimmon(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=True, o_bias=True, kv_heads=reader.count("num_attention_heads"))
    if reader.flag("qk_layernorm", True):  # a weight and a bias each, shared by all heads
        attn = replace(attn, qk_norm=4 * attn.head_dim)
    return _stack(reader, attn, _ungated(reader, True))


def _attention(reader: ConfigReader, default: bool) -> Attention:
    bias = reader.flag("attention_bias", default)
    return attention(reader, qkv_bias=bias, o_bias=bias)


def _ungated(reader: ConfigReader, bias: bool) -> Dense:
    return Dense(reader.count("intermediate_size"), gated=False, bias=bias)


def _stack(
    reader: ConfigReader, attn: Attention, ffn: Ffn, norms: int = 2, parallel: bool = False, tied: bool = False
) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    return stack(
        reader,
        [attn] * layers,
        [ffn] * layers,
        norms=norms * 2 * hidden,
        parallel=parallel,
        tied=tied,
        final_norm_params=2 * hidden,
    )
