"""Llama's block with a detail of its own: which biases there are, which norms, how often a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Attention, Dense, Shape
from .common import all_but_every, attention, dense, longest_context, stack, windowed, windows


def _alike(reader: ConfigReader, attn: Attention, mlp: Dense, norms: int | None = None, tied: bool = False) -> Shape:
    layers = reader.layers()
    return stack(reader, [attn] * layers, [mlp] * layers, norms=norms, tied=tied)


def _attention(reader: ConfigReader, head_norms: bool = False) -> Attention:
    """``attention_bias`` decides all four biases."""
    bias = reader.flag("attention_bias", False)
    return attention(reader, qkv_bias=bias, o_bias=bias, head_norms=head_norms)


def _ungated(reader: ConfigReader, bias: bool = False) -> Dense:
    return Dense(reader.count("intermediate_size"), gated=False, bias=bias)


# --- the block itself under other names ------------------------------------------------------------------------------


_INTERNLM3 = {"num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 32768}


@family("internlm3", names={"qkv_bias": "attention_bias", "bias": "mlp_bias"}, defaults=_INTERNLM3)
def _internlm3(reader: ConfigReader) -> Shape:
    return _alike(reader, _attention(reader), dense(reader, bias=reader.flag("mlp_bias", False)))


@family("iquestcoder", defaults={"num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072})
def _iquestcoder(reader: ConfigReader) -> Shape:
    return _alike(reader, _attention(reader), dense(reader, bias=reader.flag("mlp_bias", False)))


@family("internlm2", names={"bias": "attention_bias"})
def _internlm2(reader: ConfigReader) -> Shape:
    return _alike(reader, _attention(reader), dense(reader))


@family("exaone", names={"num_layers": "num_hidden_layers"})
def _exaone(reader: ConfigReader) -> Shape:
    return _alike(reader, attention(reader), dense(reader))


@family("baichuan")
def _baichuan(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    attn = attention(reader, kv_heads=reader.count("num_attention_heads"))
    return stack(reader, [attn] * layers, [dense(reader)] * layers, max_context=longest_context(reader))


@family("qwen", names={"kv_channels": "head_dim"})
def _qwen(reader: ConfigReader) -> Shape:
    """The first Qwen: ``intermediate_size`` is that of gate and value together."""
    both, bias = reader.count("intermediate_size"), not reader.flag("no_bias", True)
    if both % 2:
        raise reader.error(f"intermediate_size = {both}: expected an even number, for gate and value are half of it")
    attn = attention(reader, qkv_bias=True, o_bias=bias, kv_heads=reader.count("num_attention_heads"))
    return _alike(reader, attn, Dense(both // 2, bias=bias))


@family("ernie4_5", defaults={"num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 131072})
def _ernie(reader: ConfigReader) -> Shape:
    bias = reader.flag("use_bias", False)
    return _alike(reader, attention(reader, qkv_bias=bias, o_bias=bias), dense(reader, bias=bias), tied=True)


@family("seed_oss", defaults={"num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 524288})
def _seed_oss(reader: ConfigReader) -> Shape:
    attn = attention(
        reader, qkv_bias=reader.flag("attention_bias", True), o_bias=reader.flag("attention_out_bias", False)
    )
    return _alike(reader, attn, dense(reader, bias=reader.flag("mlp_bias", False)))


@family("helium", defaults={"num_key_value_heads": 20, "head_dim": 128, "max_position_embeddings": 4096})
def _helium(reader: ConfigReader) -> Shape:
    attn = attention(reader, qkv_bias=reader.flag("attention_bias", False))
    hidden = reader.count("hidden_size")
    if attn.heads * attn.head_dim != hidden:
        raise reader.error(
            f"num_attention_heads = {attn.heads} times head_dim = {attn.head_dim} is not hidden_size = {hidden}"
        )
    return _alike(reader, attn, dense(reader, bias=reader.flag("mlp_bias", False)))


# --- more norms, or fewer --------------------------------------------------------------------------------------------


@family("hunyuan_v1_dense", defaults={"max_position_embeddings": 2048})
def _hunyuan(reader: ConfigReader) -> Shape:
    return _alike(reader, _attention(reader, head_norms=True), dense(reader))


@family("hyperclovax", defaults={"max_position_embeddings": 2048})
def _hyperclovax(reader: ConfigReader) -> Shape:
    norms = (4 if reader.flag("use_post_norm", True) else 2) * reader.count("hidden_size")
    return _alike(reader, _attention(reader), dense(reader, bias=reader.flag("mlp_bias", False)), norms)


@family("bitnet", defaults={"max_position_embeddings": 2048})
def _bitnet(reader: ConfigReader) -> Shape:
    """Ternary weights: a norm in front of each output matrix as well."""
    hidden, mlp = reader.count("hidden_size"), dense(reader)
    return _alike(reader, _attention(reader), mlp, norms=3 * hidden + mlp.width)


@family("nanochat", defaults={"max_position_embeddings": 2048})
def _nanochat(reader: ConfigReader) -> Shape:
    layers = reader.layers()
    mixers, ffns = [_attention(reader)] * layers, [_ungated(reader)] * layers
    return stack(reader, mixers, ffns, norms=0, final_norm_params=0)  # norms without parameters


# --- blocks without a gate -------------------------------------------------------------------------------------------


@family("arcee", defaults={"max_position_embeddings": 4096})
def _arcee(reader: ConfigReader) -> Shape:
    return _alike(reader, _attention(reader), _ungated(reader, reader.flag("mlp_bias", False)))


@family("apertus", defaults={"hidden_act": "xielu", "max_position_embeddings": 65536})
def _apertus(reader: ConfigReader) -> Shape:
    norms = 2 * reader.count("hidden_size")
    if reader.text("hidden_act") == "xielu":
        norms += 2  # two slopes that the activation learns
    return _alike(reader, _attention(reader, head_norms=True), _ungated(reader), norms)


# --- windows ---------------------------------------------------------------------------------------------------------


def _windowed(reader: ConfigReader, attn: Attention, mlp: Dense, widths: Sequence[float], tied: bool = False) -> Shape:
    return stack(reader, windowed(attn, windows(reader, widths)), [mlp] * reader.layers(), tied=tied)


@family("ministral", defaults={"num_key_value_heads": 8, "max_position_embeddings": 131072})
def _ministral(reader: ConfigReader) -> Shape:
    width = _width(reader, 4096)
    return _windowed(reader, attention(reader), dense(reader), [width] * reader.layers())


@family("ministral3", defaults={"num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262144})
def _ministral3(reader: ConfigReader) -> Shape:
    attn = replace(attention(reader), window=reader.tokens("sliding_window"))
    return _alike(reader, attn, dense(reader))


@family("exaone4", defaults={"max_position_embeddings": 2048})
def _exaone4(reader: ConfigReader) -> Shape:
    layers, width = reader.layers(), _width(reader, 4096)
    widths = [math.inf] * layers
    # Where the layers are listed, the pattern is a word such as LLLG, or null.
    if not math.isinf(width) and not reader.items("layer_types"):
        widths = all_but_every(layers, reader.count("sliding_window_pattern", default=4), width)
    return _windowed(reader, attention(reader, head_norms=True), dense(reader), widths)


_CWM = {"num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072, "sliding_window": 8192}


@family("cwm", defaults=_CWM)
def _cwm(reader: ConfigReader) -> Shape:
    width = reader.tokens("sliding_window")
    widths = [math.inf if layer % 4 == 0 else width for layer in range(reader.layers())]
    return _windowed(reader, attention(reader), dense(reader, bias=reader.flag("mlp_bias", False)), widths)


@family("smollm3", defaults={"num_key_value_heads": 4, "max_position_embeddings": 32768})
def _smollm3(reader: ConfigReader) -> Shape:
    """The window, where it is used, is in the layers without rotary positions."""
    layers, width = reader.layers(), math.inf
    if reader.flag("use_sliding_window", False):
        width = reader.tokens("sliding_window")
    every = reader.count("no_rope_layer_interval", default=4)
    rotary = reader.items("no_rope_layers") or [(layer + 1) % every != 0 for layer in range(layers)]
    if len(rotary) != layers:
        raise reader.error(f"no_rope_layers has {len(rotary)} entries, num_hidden_layers = {layers}")
    widths = [math.inf if with_rope else width for with_rope in rotary]
    mlp = dense(reader, bias=reader.flag("mlp_bias", False))
    return _windowed(reader, _attention(reader), mlp, widths, tied=True)


def _width(reader: ConfigReader, default: int) -> float:
    """The window [tokens]: ``null`` means none, but an absent key means the class default."""
    if reader.is_null("sliding_window"):
        return math.inf
    return float(reader.count("sliding_window", default=default))
