"""Llama's block under many names: totals as transformers 5.23 counts them or as published, and windows."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind

GQA: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 80,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
WIDE = GQA | {"head_dim": 16}
BOTH = {"attention_bias": True, "mlp_bias": True}
MOE = {"num_local_experts": 4, "num_experts_per_tok": 2}
SHARED = GQA | MOE | {"model_type": "granitemoeshared", "shared_intermediate_size": 40, "attention_bias": True}
SEVEN: dict[str, Any] = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 14336,
}
APERTUS = SEVEN | {"model_type": "apertus", "intermediate_size": 21504, "num_key_value_heads": 8, "vocab_size": 131072}


def windows(config: dict[str, Any]) -> dict[float, float]:
    """Layers by window."""
    return {op.window: op.count for op in model_from_hf(config).rows(Kind.ATTENTION)}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("config", "params"),
    [
        (GQA | {"model_type": "internlm3", "head_dim": 8, "qkv_bias": True, "bias": True}, 39_744),
        (WIDE | BOTH | {"model_type": "iquestcoder"}, 49_152),
        (WIDE | {"model_type": "ernie4_5", "use_bias": True}, 45_952),
        (WIDE | {"model_type": "seed_oss"}, 48_480),
        (WIDE | {"model_type": "seed_oss", "attention_out_bias": True, "mlp_bias": True}, 49_152),
        (GQA | BOTH | {"model_type": "helium", "head_dim": 8}, 39_648),
        (WIDE | {"model_type": "hunyuan_v1_dense"}, 48_192),
        (GQA | {"model_type": "hyperclovax"}, 39_072),
        (GQA | BOTH | {"model_type": "hyperclovax", "use_post_norm": False}, 39_744),
        (GQA | {"model_type": "bitnet"}, 39_216),
        (GQA | {"model_type": "nanochat"}, 30_976),
        (GQA | BOTH | {"model_type": "arcee"}, 31_824),
        (GQA | {"model_type": "apertus"}, 31_254),
        (GQA | {"model_type": "apertus", "hidden_act": "silu", "attention_bias": True}, 31_536),
        (WIDE | {"model_type": "ministral"}, 48_096),
        (WIDE | {"model_type": "ministral3"}, 48_096),
        (GQA | {"model_type": "exaone4"}, 38_928),
        (WIDE | {"model_type": "cwm"}, 48_096),
        (GQA | BOTH | {"model_type": "smollm3"}, 36_544),
        (GQA | BOTH | {"model_type": "granite"}, 39_744),
        (GQA | MOE | {"model_type": "granitemoe"}, 108_384),
        (
            GQA | MOE | {"model_type": "granitemoeshared", "shared_intermediate_size": 40, "attention_bias": True},
            120_192,
        ),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else "",
)
def test_totals_as_transformers_counts_them(config: dict[str, Any], params: int) -> None:
    assert model_from_hf(config).params == params


CHATGLM: dict[str, Any] = {  # THUDM/chatglm2-6b
    "model_type": "chatglm",
    "hidden_size": 4096,
    "num_layers": 28,
    "num_attention_heads": 32,
    "kv_channels": 128,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "ffn_hidden_size": 13696,
    "padded_vocab_size": 65024,
    "vocab_size": 65024,
    "seq_length": 32768,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "rmsnorm": True,
    "post_layer_norm": True,
}
QWEN: dict[str, Any] = SEVEN | {  # Qwen/Qwen-7B
    "model_type": "qwen",
    "intermediate_size": 22016,
    "kv_channels": 128,
    "no_bias": True,
    "vocab_size": 151936,
}


@pytest.mark.parametrize(
    ("config", "params"),
    [
        # internlm/internlm2-chat-7b
        (SEVEN | {"model_type": "internlm2", "num_key_value_heads": 8, "vocab_size": 92544}, 7_737_708_544),
        # baichuan-inc/Baichuan-7B
        (SEVEN | {"model_type": "baichuan", "intermediate_size": 11008, "vocab_size": 64000}, 7_000_559_616),
        (CHATGLM, 6_243_584_000),
        (QWEN, 7_721_324_544),
        # CohereForAI/aya-expanse-8b
        (SEVEN | {"model_type": "cohere", "num_key_value_heads": 8, "vocab_size": 256000}, 8_028_033_024),
        # swiss-ai/Apertus-8B
        (
            SEVEN
            | {"model_type": "apertus", "num_key_value_heads": 8, "intermediate_size": 21504, "vocab_size": 131072},
            8_053_338_176,
        ),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else "",
)
def test_totals_as_published(config: dict[str, Any], params: int) -> None:
    assert model_from_hf(config).params == params


def test_the_first_exaone_is_llama_with_another_key() -> None:
    config = {key: value for key, value in GQA.items() if key != "num_hidden_layers"}
    exaone = model_from_hf(config | {"model_type": "exaone", "num_layers": 3})
    assert exaone.operators == model_from_hf(GQA | {"model_type": "llama"}).operators


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "ministral"}, {4096: 8}),
        ({"model_type": "ministral", "sliding_window": None}, {math.inf: 8}),
        ({"model_type": "ministral3"}, {math.inf: 8}),
        ({"model_type": "ministral3", "sliding_window": 16}, {16: 8}),
        ({"model_type": "exaone4", "sliding_window": 16}, {16: 6, math.inf: 2}),
        ({"model_type": "exaone4", "sliding_window": None, "sliding_window_pattern": None}, {math.inf: 8}),
        (
            {
                "model_type": "exaone4",
                "sliding_window": 16,
                "sliding_window_pattern": "LLLG",
                "layer_types": ["sliding_attention", "full_attention"] * 4,
            },
            {16: 4, math.inf: 4},
        ),
        ({"model_type": "cwm"}, {8192: 6, math.inf: 2}),
        ({"model_type": "smollm3"}, {math.inf: 8}),
        ({"model_type": "smollm3", "use_sliding_window": True, "sliding_window": 16}, {16: 2, math.inf: 6}),
        (
            {
                "model_type": "smollm3",
                "use_sliding_window": True,
                "sliding_window": 16,
                "no_rope_layers": [1, 0, 0, 0, 1, 1, 1, 1],
            },
            {16: 3, math.inf: 5},
        ),
    ],
)
def test_windows(config: dict[str, Any], expected: dict[float, float]) -> None:
    assert windows(GQA | {"num_hidden_layers": 8, "head_dim": 8} | config) == expected


def test_contradictions() -> None:
    refused(GQA | {"model_type": "helium", "head_dim": 16}, "num_attention_heads = 4 times head_dim = 16", "= 32")
    refused(GQA | {"model_type": "smollm3", "no_rope_layers": [1]}, "no_rope_layers has 1 entries")
    refused(GQA | {"model_type": "exaone4", "sliding_window_pattern": "LG"}, "sliding_window_pattern = 'LG'")
    refused(GQA | {"model_type": "baichuan"}, "num_key_value_heads = 2: model_type 'baichuan' has 4")
    refused(QWEN | {"intermediate_size": 22017}, "intermediate_size = 22017: expected an even number")
    refused(CHATGLM | {"vocab_size": 64000}, "padded_vocab_size = 65024 contradicts vocab_size = 64000")
    refused(CHATGLM | {"multi_query_group_num": None}, "missing key 'multi_query_group_num'")
    refused(CHATGLM | {"multi_query_group_num": 5}, "num_attention_heads = 32 is not a multiple of")
