"""Gemma 1 to 4: totals as published or as transformers counts them, windows, shared caches, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import row

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind, Model

TINY: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 160,
    "vocab_size": 1000,
}
GEMMA = TINY | {"model_type": "gemma"}
GEMMA2 = TINY | {"model_type": "gemma2", "sliding_window": 32}
GEMMA3 = TINY | {"model_type": "gemma3_text", "sliding_window": 32}
GEMMA3N = TINY | {
    "model_type": "gemma3n_text",
    "num_hidden_layers": 8,
    "vocab_size_per_layer_input": 500,
    "hidden_size_per_layer_input": 4,
    "num_kv_shared_layers": 2,
    "altup_num_inputs": 3,
    "laurel_rank": 8,
    "sliding_window": 32,
}
GEMMA4 = TINY | {"model_type": "gemma4_text", "global_head_dim": 32, "hidden_size_per_layer_input": 0}
E2B: dict[str, Any] = {
    "model_type": "gemma4_text",
    "hidden_size": 1536,
    "intermediate_size": 6144,
    "num_hidden_layers": 35,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
    "num_kv_shared_layers": 20,
    "use_double_wide_mlp": True,
    "layer_types": (["sliding_attention"] * 4 + ["full_attention"]) * 7,
}


def windows(model: Model) -> dict[float, float]:
    found: dict[float, float] = {}
    for op in model.rows(Kind.ATTENTION):
        found[op.window] = found.get(op.window, 0) + op.count
    return found


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


def sizes(layers: int, hidden: int, heads: int, kv_heads: int, head_dim: int, width: int) -> dict[str, int]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "intermediate_size": width,
    }


@pytest.mark.parametrize(
    ("config", "params"),
    [  # totals of the checkpoints' index files; of Gemma 3 from 4B on, and of Gemma 4, without vision and sound
        ({"model_type": "gemma", "vocab_size": 256000} | sizes(28, 3072, 16, 16, 256, 24576), 8_537_680_896),
        ({"model_type": "gemma2", "vocab_size": 256000} | sizes(26, 2304, 8, 4, 256, 9216), 2_614_341_888),
        ({"model_type": "gemma2", "vocab_size": 256000} | sizes(42, 3584, 16, 8, 256, 14336), 9_241_705_984),
        ({"model_type": "gemma2", "vocab_size": 256000} | sizes(46, 4608, 32, 16, 128, 36864), 27_227_128_320),
        ({"model_type": "gemma3_text", "vocab_size": 262144} | sizes(26, 1152, 4, 1, 256, 6912), 999_885_952),
        ({"model_type": "gemma3_text"} | sizes(62, 5376, 32, 16, 128, 21504), 27_009_346_304),
        (E2B, 4_628_569_379),
    ],
)
def test_published_totals(config: dict[str, Any], params: int) -> None:
    assert model_from_hf(config).params == params


def test_gemma3_leaves_most_keys_to_its_class() -> None:
    """The whole of what Gemma 3 4B's file says about text, and its 3.88 billion parameters."""
    text = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    model = model_from_hf({"model_type": "gemma3", "text_config": text | {"model_type": "gemma3_text"}})
    assert model.params == 3_880_263_168
    assert windows(model) == {1024: 29, math.inf: 5}
    assert model.max_context == 131072


def test_heads_are_wider_than_the_hidden_state() -> None:
    model = model_from_hf({key: value for key, value in GEMMA.items() if key != "head_dim"})
    assert row(model, "o_proj").read_elems == 8 * 256 * 64
    assert row(model, "lm_head").tied_elems == 64_000
    assert row(model, "norms").read_elems == 2 * 64


def test_windows_of_even_layers() -> None:
    assert windows(model_from_hf(GEMMA2)) == {32: 3, math.inf: 3}
    assert windows(model_from_hf(GEMMA2 | {"num_hidden_layers": 5})) == {32: 3, math.inf: 2}
    other = {key: value for key, value in GEMMA2.items() if key != "sliding_window"}
    assert windows(model_from_hf(other | {"sliding_window_size": 16})) == {16: 3, math.inf: 3}
    assert windows(model_from_hf(other)) == {4096: 3, math.inf: 3}
    kinds = ["full_attention"] * 5 + ["sliding_attention"]
    assert windows(model_from_hf(GEMMA2 | {"layer_types": kinds})) == {32: 1, math.inf: 5}
    assert row(model_from_hf(GEMMA2), "norms.full").read_elems == 4 * 64


def test_windows_of_all_layers_but_each_sixth() -> None:
    assert windows(model_from_hf(GEMMA3)) == {32: 5, math.inf: 1}
    assert windows(model_from_hf(GEMMA3 | {"sliding_window_pattern": 2})) == {32: 3, math.inf: 3}
    assert row(model_from_hf(GEMMA3), "norms.full").read_elems == 4 * 64 + 2 * 16


def test_vaultgemma_has_two_norms() -> None:
    assert row(model_from_hf(GEMMA2 | {"model_type": "vaultgemma"}), "norms.full").read_elems == 2 * 64


def test_biases() -> None:
    model = model_from_hf(GEMMA | {"attention_bias": True})
    assert row(model, "biases").read_elems == (8 + 2 * 2) * 16 + 64


def test_gemma3n_beside_mixer_and_block() -> None:
    model = model_from_hf(GEMMA3N)
    assert model.params == 518_340  # transformers' count
    laurel, altup = row(model, "laurel.full"), row(model, "altup.full")
    assert (laurel.read_elems, laurel.flops_token) == (2 * 64 * 8, 4 * 64 * 8)
    assert altup.read_elems == 3 * 64 + 3**3 + 3**2
    assert altup.flops_token == 2 * (2 * 3 * 64 + 3**3 + 3**2 + 64 * 3**2)  # the router twice, the mixing of copies
    assert row(model, "altup_in").params == row(model, "altup_out").params == 2 * 64 * 64
    assert row(model, "norms.full").read_elems == 7 * 64 + 2 * 16 + 64
    assert row(model, "per_layer_embedding").params == 500 * 8 * 4


def test_gemma3n_widths_layer_by_layer() -> None:
    widths = [160, 160, 160, 160, 160, 160, 160, 320]
    wider = model_from_hf(GEMMA3N | {"intermediate_size": widths})
    assert wider.params == model_from_hf(GEMMA3N).params + 3 * 64 * 160
    refused(GEMMA3N | {"intermediate_size": widths[:7]}, "intermediate_size has 7 entries", "num_hidden_layers = 8")
    refused(GEMMA3N | {"intermediate_size": [*widths[:7], 0]}, "intermediate_size holds 0", "at least 1")


def test_shared_caches_hold_nothing_of_their_own() -> None:
    model = model_from_hf(E2B)
    assert model.kv_elems_per_token == 12 * 2 * 256 + 3 * 2 * 512
    shared = row(model, "attention.window512_shared")
    assert (shared.count, shared.kv_store_elems, shared.kv_read_elems) == (16, 0, 512)
    assert row(model, "qkv_proj.window512_shared").read_elems == 1536 * 8 * 256  # queries alone
    assert row(model, "mlp_down.window512_shared").read_elems == 2 * 6144 * 1536
    assert row(model, "mlp_down.window512").read_elems == 6144 * 1536
    # The checkpoint's 5,123,178,051 numbers hold these: with vision and sound, nothing is left over.
    assert model.checkpoint == (("unused keys and values", 18_880_512),)


def test_gemma4_full_layers_have_heads_of_their_own() -> None:
    model = model_from_hf(GEMMA4 | {"attention_k_eq_v": True, "num_global_key_value_heads": 1})
    full, window = row(model, "attention.full"), row(model, "attention.window512")
    assert (full.kv_store_elems, window.kv_store_elems) == (2 * 1 * 32, 2 * 2 * 16)
    assert row(model, "qkv_proj.full").read_elems == 64 * (8 * 32 + 32)  # values are the keys' projection
    assert row(model, "norms.full").read_elems == 4 * 64 + 1 + 2 * 32
    own = model_from_hf(GEMMA4 | {"num_global_key_value_heads": 1})  # counts only with values from keys
    assert row(own, "attention.full").kv_store_elems == 2 * 2 * 32


def test_gemma4_layers_listed_one_by_one() -> None:
    listed = GEMMA4 | {"attention_k_eq_v": True, "per_layer_config": {"5": {"head_dim": 32, "num_key_value_heads": 1}}}
    usual = GEMMA4 | {"attention_k_eq_v": True, "num_global_key_value_heads": 1}
    assert model_from_hf(listed).operators == model_from_hf(usual).operators


def test_gemma4_last_layer_is_full() -> None:
    assert windows(model_from_hf(GEMMA4 | {"layer_types": ["sliding_attention"] * 6})) == {512: 5, math.inf: 1}


def test_gemma4_experts_beside_the_dense_block() -> None:
    moe = {"enable_moe_block": True, "num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 24}
    model = model_from_hf(GEMMA4 | moe)
    assert row(model, "shared_expert.full").read_elems == 3 * 64 * 160
    assert row(model, "experts.full").store_elems == 4 * 3 * 64 * 24
    assert row(model, "norms.full").read_elems == (4 * 64 + 1) + (4 * 64 + 4) + 2 * 32
    refused(GEMMA4 | moe | {"top_k_experts": 5}, "top_k_experts = 5", "num_experts = 4")


def test_gemma4_unified_has_no_embedding_per_layer() -> None:
    unified = {key: value for key, value in GEMMA4.items() if key != "hidden_size_per_layer_input"}
    model = model_from_hf(unified | {"model_type": "gemma4_unified_text"})
    assert windows(model) == {1024: 5, math.inf: 1}
    assert not [op for op in model.operators if op.name.startswith("per_layer")]


def test_contradictions() -> None:
    refused(GEMMA3N | {"num_kv_shared_layers": 8}, "num_kv_shared_layers = 8", "num_hidden_layers = 8")
    refused(GEMMA3N | {"num_kv_shared_layers": 4}, "num_kv_shared_layers = 4", "'full_attention'")
    refused(GEMMA3 | {"layer_types": ["chunked_attention"] * 6}, "'chunked_attention'", "gemma3_text")
    shared = {"attention_k_eq_v": True, "num_global_key_value_heads": 3}
    refused(GEMMA4 | shared, "num_attention_heads = 8", "num_global_key_value_heads = 3")


def test_encoders_are_refused() -> None:
    refused(GEMMA3 | {"use_bidirectional_attention": True}, "use_bidirectional_attention", "not a decoder-only")
    refused(GEMMA4 | {"use_bidirectional_attention": "all"}, "use_bidirectional_attention", "not a decoder-only")
    vision = GEMMA4 | {"use_bidirectional_attention": "vision"}  # image tokens see each other, text stays causal
    assert model_from_hf(vision).operators == model_from_hf(GEMMA4).operators
