"""Llama 4, Llama 3.2 Vision and GLM: totals as published, chunks, image layers, prediction blocks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import names, row

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind

TINY: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 1000,
}
LLAMA4 = TINY | {
    "model_type": "llama4_text",
    "head_dim": 16,
    "intermediate_size_mlp": 160,
    "num_local_experts": 4,
    "num_experts_per_tok": 1,
    "attention_chunk_size": 32,
}
SCOUT: dict[str, Any] = {
    "model_type": "llama4_text",
    "hidden_size": 5120,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "intermediate_size": 8192,
    "intermediate_size_mlp": 16384,
    "num_local_experts": 16,
    "num_experts_per_tok": 1,
    "vocab_size": 202048,
}
MLLAMA = TINY | {"model_type": "mllama_text_model", "cross_attention_layers": [3, 6]}
GLM4_MOE = TINY | {
    "model_type": "glm4_moe",
    "head_dim": 16,
    "attention_bias": True,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}
GLM_45: dict[str, Any] = {
    "model_type": "glm4_moe",
    "attention_bias": True,
    "head_dim": 128,
    "hidden_size": 5120,
    "intermediate_size": 12288,
    "moe_intermediate_size": 1536,
    "num_attention_heads": 96,
    "n_routed_experts": 160,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "num_hidden_layers": 92,
    "num_nextn_predict_layers": 1,
    "use_qk_norm": True,
    "vocab_size": 151552,
}
GLM_45_AIR = GLM_45 | {
    "hidden_size": 4096,
    "intermediate_size": 10944,
    "moe_intermediate_size": 1408,
    "n_routed_experts": 128,
    "first_k_dense_replace": 1,
    "num_hidden_layers": 46,
    "use_qk_norm": False,
}
LITE = TINY | {
    "model_type": "glm4_moe_lite",
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


def chunks(config: dict[str, Any]) -> dict[tuple[float, float], float]:
    return {(op.window, op.chunked): op.count for op in model_from_hf(config).rows(Kind.ATTENTION)}


def test_llama4_totals() -> None:
    """With vision as transformers counts it (871,932,416), the totals of both checkpoints' index files."""
    scout = model_from_hf(SCOUT)
    assert scout.params == 108_641_793_536 - 871_932_416
    assert scout.kv_elems_per_token == 48 * 2 * 8 * 128
    maverick = model_from_hf(SCOUT | {"num_local_experts": 128, "interleave_moe_layer_step": 2})
    assert maverick.params == 401_583_781_376 - 871_932_416


def test_llama4_chunks_where_positions_rotate() -> None:
    assert chunks(LLAMA4) == {(32, 1): 6, (math.inf, 0): 2}
    assert chunks(LLAMA4 | {"no_rope_layers": []}) == {(32, 1): 6, (math.inf, 0): 2}
    assert chunks(LLAMA4 | {"no_rope_layer_interval": 2}) == {(32, 1): 4, (math.inf, 0): 4}
    assert chunks(LLAMA4 | {"no_rope_layers": [1] * 7 + [0]}) == {(32, 1): 7, (math.inf, 0): 1}
    kinds = ["full_attention"] * 6 + ["chunked_attention"] * 2
    assert chunks(LLAMA4 | {"layer_types": kinds}) == {(32, 1): 2, (math.inf, 0): 6}


def test_llama4_widths() -> None:
    model = model_from_hf(LLAMA4 | {"moe_layers": [1, 2]})
    dense = [op for op in model.operators if op.name.startswith("mlp_up.")]
    moe = [op for op in model.operators if op.name.startswith("experts.")]
    assert {op.read_elems for op in dense} == {2 * 64 * 160}
    assert {(op.read_elems, op.count) for op in moe} == {(3 * 64 * 24, 2)}
    assert row(model, "shared_expert.chunk32_moe").read_elems == 3 * 64 * 24
    none = model_from_hf(LLAMA4 | {"moe_layers": []})
    assert not [name for name in names(none) if name.startswith("experts")]


def test_llama4_norms_of_queries_and_keys_hold_nothing() -> None:
    with_norm, without = (model_from_hf(LLAMA4 | {"use_qk_norm": flag}) for flag in (True, False))
    assert with_norm.operators == without.operators


def test_llama4_contradictions() -> None:
    refused(LLAMA4 | {"no_rope_layers": [1, 0]}, "no_rope_layers has 2 entries", "num_hidden_layers = 8")
    refused(LLAMA4 | {"no_rope_layers": [2] * 8}, "no_rope_layers holds 2", "0 or 1")
    refused(LLAMA4 | {"moe_layers": [8]}, "moe_layers holds 8", "num_hidden_layers = 8")
    refused({k: v for k, v in LLAMA4.items() if k != "num_local_experts"}, "missing key 'num_local_experts'")


def test_mllama_total() -> None:
    """Llama 3.2 11B Vision: with vision as transformers counts it, the total of the checkpoint's index file."""
    config = MLLAMA | {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    }
    del config["cross_attention_layers"]  # the class's: each fifth from the fourth on
    assert model_from_hf(config).params == 10_670_220_835 - 895_028_755


def test_text_passes_by_the_layers_of_images() -> None:
    model = model_from_hf(MLLAMA)
    image = row(model, "o_proj.image")
    assert (image.count, image.stored, image.params) == (0, 2, 2 * 64 * 64)
    assert row(model, "norms.image").store_elems == 2 * 64 + 2 + 2 * 8
    assert model.layers == row(model, "o_proj").count == 6
    assert model.kv_elems_per_token == 6 * 2 * 2 * 8
    assert model.active_params < model.params
    assert row(model, "embedding").params == 1008 * 64
    assert row(model, "lm_head").params == 1000 * 64


def test_mllama_contradictions() -> None:
    refused(MLLAMA | {"cross_attention_layers": [9]}, "cross_attention_layers holds 9", "num_hidden_layers = 8")
    refused(MLLAMA | {"cross_attention_layers": list(range(8))}, "cross_attention_layers", "all 8 layers")


def test_glm_45_and_46_differ_by_two_tables() -> None:
    """The prediction block closes the gap to what the index files count: exactly for GLM-4.6.

    GLM-4.5 and 4.5-Air hold further copies of embedding and LM head in it; their configs do not tell.
    """
    model = model_from_hf(GLM_45)
    assert model.params == 352_797_829_024
    assert model.checkpoint == (("multi-token prediction", 3_988_069_792),)
    assert model.params + 3_988_069_792 == 356_785_898_816  # GLM-4.6
    assert model.params + 3_988_069_792 + 2 * 151552 * 5120 == 358_337_791_296  # GLM-4.5
    air = model_from_hf(GLM_45_AIR)
    assert air.params == 106_852_251_264  # INTELLECT-3, which has no such block
    assert air.params + air.checkpoint[0][1] + 2 * 151552 * 4096 == 110_468_824_832  # GLM-4.5-Air


def test_glm4_moe_rows() -> None:
    model = model_from_hf(GLM4_MOE)
    assert (row(model, "mlp_up.dense").count, row(model, "experts.moe").count) == (1, 7)
    assert row(model, "biases.dense").read_elems == (8 + 2 * 2) * 16  # none on the output projection
    assert row(model, "biases.moe").read_elems == (8 + 2 * 2) * 16 + 8
    assert row(model, "shared_expert.moe").read_elems == 3 * 64 * 24
    assert row(model, "norms.moe").read_elems == 2 * 64
    assert row(model_from_hf(GLM4_MOE | {"use_qk_norm": True}), "norms.moe").read_elems == 2 * 64 + 2 * 16
    assert model_from_hf(GLM4_MOE | {"num_nextn_predict_layers": 0}).checkpoint == ()


def test_glm_biases_by_default() -> None:
    assert "biases" in names(model_from_hf(TINY | {"model_type": "glm"}))
    assert "biases" not in names(model_from_hf(TINY | {"model_type": "glm", "attention_bias": False}))
    unsaid = {key: value for key, value in GLM4_MOE.items() if key != "attention_bias"}
    assert "biases.dense" not in names(model_from_hf(unsaid))
    assert "biases.dense" in names(model_from_hf(unsaid | {"model_type": "glm4v_moe_text"}))


def test_glm4_norms_before_and_after() -> None:
    for model_type, norms in (("glm", 2), ("glm4", 4), ("glm4v_text", 4)):
        assert row(model_from_hf(TINY | {"model_type": model_type}), "norms").read_elems == norms * 64


def test_glm4_32b_total() -> None:
    """GLM-4-32B-0414, as its index file counts."""
    config = TINY | {
        "model_type": "glm4",
        "hidden_size": 6144,
        "num_hidden_layers": 61,
        "num_attention_heads": 48,
        "intermediate_size": 23040,
        "attention_bias": False,
        "vocab_size": 151552,
    }
    assert model_from_hf(config).params == 32_566_081_536


def test_glm4_moe_lite_has_latent_attention() -> None:
    model = model_from_hf(LITE)
    assert model.kv_elems_per_token == 8 * (32 + 8)
    assert row(model, "q_a_proj.dense").read_elems == 64 * 768  # the class's rank
    straight = model_from_hf(LITE | {"q_lora_rank": None})
    assert row(straight, "q_proj.dense").read_elems == 64 * 8 * 24
    kinds = ["sparse"] * 6 + ["dense"] * 2
    assert row(model_from_hf(LITE | {"mlp_layer_types": kinds}), "mlp_up.dense").count == 2
    refused(LITE | {"mlp_layer_types": kinds[1:]}, "mlp_layer_types has 7 entries", "num_hidden_layers = 8")
    refused(LITE | {"mlp_layer_types": ["moe"] * 8}, "mlp_layer_types holds 'moe'", "sparse")
