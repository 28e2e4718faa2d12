"""Models with routed experts behind plain attention: dots.llm1, ERNIE 4.5, EXAONE MoE and Hunyuan."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, Shape
from .common import all_but_every, attention, check_active, choose, first_dense, stack, windowed, windows
from .deepseek import experts, sparse_layers


@family(
    "dots1",
    defaults={"num_key_value_heads": 32, "first_k_dense_replace": 0, "sliding_window": 4096, "max_window_layers": 62},
)
def _dots1(reader: ConfigReader) -> Shape:
    bias = reader.flag("attention_bias", False)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)
    full = reader.count("max_window_layers", least=0)
    sliding = reader.tokens("sliding_window")
    default = [sliding if layer >= full else math.inf for layer in range(reader.layers())]
    ffns = choose(first_dense(reader), lambda: experts(reader), lambda: Dense(reader.count("intermediate_size")))
    return stack(reader, windowed(attn, windows(reader, default)), ffns)


@family(
    "exaone_moe",
    defaults={
        "num_key_value_heads": 32,
        "first_k_dense_replace": 1,
        "num_shared_experts": 1,
        "sliding_window": 4096,
        "sliding_window_pattern": 4,
    },
)
def _exaone_moe(reader: ConfigReader) -> Shape:
    attn = attention(reader, head_norms=True)
    width = reader.count("moe_intermediate_size")
    count, active = check_active(reader, "num_experts", "num_experts_per_tok")
    shared = reader.count("num_shared_experts", least=0) * width
    moe = Experts(count, active, width, shared_width=shared, router_bias=True)
    ffns = choose(sparse_layers(reader), lambda: moe, lambda: Dense(reader.count("intermediate_size")))
    default = [math.inf] * reader.layers()
    if not reader.items("layer_types"):
        default = all_but_every(
            reader.layers(), reader.count("sliding_window_pattern"), reader.tokens("sliding_window")
        )
    return stack(reader, windowed(attn, windows(reader, default)), ffns)


@family(
    "ernie4_5_moe",
    defaults={
        "num_key_value_heads": 4,
        "moe_num_shared_experts": 2,
        "moe_layer_start_index": 1,
        "moe_layer_interval": 1,
    },
)
def _ernie(reader: ConfigReader) -> Shape:
    bias, layers = reader.flag("use_bias", False), reader.layers()
    attn = attention(reader, qkv_bias=bias, o_bias=bias)
    width = reader.count("moe_intermediate_size")
    count, active = check_active(reader, "moe_num_experts", "moe_k")
    shared = reader.count("moe_num_shared_experts", least=0) * width
    moe = Experts(count, active, width, shared_width=shared, router_bias=True, shared_bias=bias)
    first, every = reader.count("moe_layer_start_index", least=0), reader.count("moe_layer_interval")
    last = reader.count("moe_layer_end_index", default=-1, least=-1)
    last = layers - 1 if last == -1 else last
    sparse = [(layer + 1) % every == 0 and first <= layer <= last for layer in range(layers)]
    ffns = choose(sparse, lambda: moe, lambda: Dense(reader.count("intermediate_size"), bias=bias))
    return stack(reader, [attn] * layers, ffns, tied=True, head_bias=bias)


@family("hunyuan_v1_moe", names={"num_experts_per_tok": "moe_topk"})
def _hunyuan(reader: ConfigReader) -> Shape:
    bias, layers = reader.flag("attention_bias", False), reader.layers()
    attn = attention(reader, qkv_bias=bias, o_bias=bias, head_norms=True)
    width, count = reader.count("intermediate_size"), reader.count("num_experts")
    chosen = reader.counts("moe_topk", layers)
    if max(chosen) > count:
        raise reader.error(f"moe_topk = {max(chosen)} is more than num_experts = {count}")
    return stack(reader, [attn] * layers, [Experts(count, active, width, shared_width=width) for active in chosen])
