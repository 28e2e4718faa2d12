"""Qwen2-MoE, Qwen3-Next, Qwen3.5 and the vision models' text parts; the plain families are in test_rows."""

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
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 160,
    "vocab_size": 1000,
}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
SHARED = EXPERTS | {"shared_expert_intermediate_size": 40}
QWEN2_MOE = TINY | SHARED | {"model_type": "qwen2_moe"}
DELTA = {
    "head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 12,
    "linear_conv_kernel_dim": 4,
}
QWEN3_NEXT = TINY | DELTA | SHARED | {"model_type": "qwen3_next"}
QWEN3_5 = TINY | DELTA | {"model_type": "qwen3_5_text"}
NEXT_80B: dict[str, Any] = {
    "model_type": "qwen3_next",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "num_experts": 512,
    "num_experts_per_tok": 10,
    "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512,
    "vocab_size": 151936,
}
QWEN3_5_27B: dict[str, Any] = {
    "model_type": "qwen3_5_text",
    "hidden_size": 5120,
    "intermediate_size": 17408,
    "num_hidden_layers": 64,
    "num_attention_heads": 24,
    "num_key_value_heads": 4,
    "linear_num_value_heads": 48,
    "mtp_num_hidden_layers": 1,
    "vocab_size": 248320,
}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


def test_qwen2_moe_total() -> None:
    """Qwen1.5-MoE-A2.7B, as its index file counts."""
    config = QWEN2_MOE | {
        "hidden_size": 2048,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "moe_intermediate_size": 1408,
        "shared_expert_intermediate_size": 5632,
        "num_experts": 60,
        "num_experts_per_tok": 4,
        "vocab_size": 151936,
    }
    assert model_from_hf(config).params == 14_315_784_192


def test_shared_expert_with_a_gate() -> None:
    model = model_from_hf(QWEN2_MOE)
    assert row(model, "shared_expert").read_elems == 3 * 64 * 40
    assert row(model, "shared_gate").read_elems == 64
    assert row(model, "experts").store_elems == 8 * 3 * 64 * 24
    assert row(model, "biases").read_elems == (8 + 2 * 2) * 8
    assert "biases" not in names(model_from_hf(QWEN2_MOE | {"qkv_bias": False}))


def test_which_layers_have_experts() -> None:
    model = model_from_hf(QWEN2_MOE | {"decoder_sparse_step": 2})
    assert (row(model, "experts.moe").count, row(model, "mlp_up.dense").count) == (2, 2)
    model = model_from_hf(QWEN2_MOE | {"mlp_only_layers": [0, 1, 2]})
    assert (row(model, "experts.moe").count, row(model, "mlp_up.dense").count) == (1, 3)


def test_windows_of_every_other_layer() -> None:
    config = QWEN2_MOE | {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 3}
    found = {op.window: op.count for op in model_from_hf(config).rows(Kind.ATTENTION)}
    assert found == {16: 2, math.inf: 2}  # layers 0 and 2


def test_windows_of_all_layers_with_experts() -> None:
    config = TINY | EXPERTS | {"model_type": "qwen3_moe", "sliding_window": 16, "max_window_layers": 3}
    assert row(model_from_hf(config), "attention").window == math.inf
    assert row(model_from_hf(config | {"use_sliding_window": True}), "attention").window == 16


def test_two_spellings_of_the_number_of_experts() -> None:
    config = TINY | EXPERTS | {"model_type": "qwen3_moe"}
    other = {"num_local_experts" if key == "num_experts" else key: value for key, value in config.items()}
    assert model_from_hf(other).operators == model_from_hf(config).operators


def test_qwen3_next_total() -> None:
    model = model_from_hf(NEXT_80B)
    assert model.params == 79_674_391_296  # the index file of the checkpoint without prediction block
    assert model.kv_elems_per_token == 12 * 2 * 2 * 256
    assert (row(model, "delta_scan.delta").count, row(model, "attention.full").count) == (36, 12)


def test_one_prediction_block_of_qwen3_next() -> None:
    """With it the model has what the index file of Qwen3-Next-80B-A3B-Instruct counts; its config does not tell."""
    model = model_from_hf(NEXT_80B | {"mtp_num_hidden_layers": 1})
    assert model.params + sum(params for _, params in model.checkpoint) == 81_324_862_720


def test_qwen3_5_total() -> None:
    model = model_from_hf(QWEN3_5_27B)
    vision = 460_730_096  # transformers' count
    assert model.checkpoint == (("multi-token prediction", 424_699_392),)
    assert model.params + 424_699_392 + vision == 27_781_427_952  # the index file of Qwen3.5-27B


def test_gated_attention() -> None:
    model = model_from_hf(QWEN3_5)
    assert row(model, "qkv_proj.full").count == 1
    assert row(model, "gate_proj.full").read_elems == 64 * 8 * 16
    assert row(model, "norms.full").read_elems == 2 * 64 + 2 * 16
    biased = model_from_hf(QWEN3_5 | {"attention_bias": True})
    assert row(biased, "biases.full").read_elems == (2 * 8 + 2 * 2) * 16 + 64
    assert "gate_proj.full" not in names(model_from_hf(QWEN3_5 | {"attn_output_gate": False}))


def test_gated_delta_net() -> None:
    model = model_from_hf(QWEN3_5)
    keys, values = 2 * 8, 4 * 12
    assert row(model, "in_proj.delta").read_elems == 64 * (2 * keys + 2 * values)
    assert row(model, "decay_proj.delta").read_elems == 64 * 2 * 4
    assert row(model, "conv.delta").store_elems == (2 * keys + values) * 4
    assert row(model, "conv.delta").state_elems == (2 * keys + values) * 3
    scan = row(model, "delta_scan.delta")
    assert (scan.state_elems, scan.state_bytes, scan.count) == (4 * 8 * 12, 4, 3)
    assert row(model, "norms.delta").read_elems == 2 * 64 + 2 * 4 + 12


def test_the_format_of_the_state() -> None:
    half = model_from_hf(QWEN3_5 | {"mamba_ssm_dtype": "bfloat16"})
    assert row(half, "delta_scan.delta").state_bytes == 2
    refused(QWEN3_5 | {"mamba_ssm_dtype": "int3"}, "mamba_ssm_dtype = 'int3'", "float32")


def test_which_layers_are_linear() -> None:
    model = model_from_hf(QWEN3_NEXT | {"full_attention_interval": 2})
    assert row(model, "attention.full").count == 2
    kinds = ["full_attention", "linear_attention", "linear_attention", "linear_attention"]
    assert row(model_from_hf(QWEN3_NEXT | {"layer_types": kinds}), "attention.full").count == 1
    all_full = model_from_hf(QWEN3_NEXT | {"layer_types": ["full_attention"] * 4})
    assert row(all_full, "attention").count == 4
    refused(QWEN3_NEXT | {"layer_types": ["mamba"] * 4}, "layer_types holds 'mamba'", "linear_attention")


def test_contradictions() -> None:
    refused(QWEN3_5 | {"linear_num_value_heads": 3}, "linear_num_value_heads = 3", "linear_num_key_heads = 2")
    refused(QWEN2_MOE | {"num_experts_per_tok": 9}, "num_experts_per_tok = 9", "num_experts = 8")
    refused(QWEN2_MOE | {"mlp_only_layers": [4]}, "mlp_only_layers holds 4", "num_hidden_layers = 4")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("qwen2_vl_text", "qwen2"),
        ("qwen2_5_vl_text", "qwen2"),
        ("qwen3_vl_text", "qwen3"),
        ("qwen3_vl_moe_text", "qwen3_moe"),
    ],
)
def test_text_parts_are_the_plain_models(text: str, plain: str) -> None:
    config = TINY | EXPERTS | {"head_dim": 8}
    assert (
        model_from_hf(config | {"model_type": text}).operators
        == model_from_hf(config | {"model_type": plain}).operators
    )
