"""Hybrids of attention and state, models with experts behind plain attention, and shared layers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import lower, names, row, without

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind

TINY: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 1000,
    "max_position_embeddings": 512,
}
STATE = {"mamba_n_heads": 8, "mamba_n_groups": 2, "mamba_d_state": 16, "mamba_expand": 2}
JAMBA = TINY | {"model_type": "jamba", "num_experts": 4, "attn_layer_period": 4, "attn_layer_offset": 1}
BAMBA = TINY | STATE | {"model_type": "bamba", "attn_layer_indices": [2]}
GRANITE = TINY | STATE | {"model_type": "granitemoehybrid", "shared_intermediate_size": 40, "num_local_experts": 4}
FALCON_H1 = TINY | STATE | {"model_type": "falcon_h1", "mamba_d_ssm": 48}
LFM2 = TINY | {"model_type": "lfm2", "full_attn_idxs": [1]}
NEMOTRON = TINY | {
    "model_type": "nemotron_h",
    "hybrid_override_pattern": "M*-E",
    "head_dim": 16,
    "mamba_num_heads": 8,
    "mamba_head_dim": 12,
    "ssm_state_size": 16,
    "n_groups": 2,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "moe_shared_expert_intermediate_size": 40,
}


# --- Jamba -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "params"),  # Jamba v0.1 and 1.5 Mini; 1.5 Large: published as 52 and 398 billion
    [
        ((32, 4096, 32, 8, 14336), 51_570_323_328),
        ((72, 8192, 64, 8, 24576), 398_555_145_696),
    ],
)
def test_jamba_totals(sizes: tuple[int, ...], params: int) -> None:
    keys = "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size"
    model = lower({"model_type": "jamba", "vocab_size": 65536} | dict(zip(keys, sizes, strict=True)))
    assert model.params == params
    assert sum(op.count for op in model.operators if op.name.startswith("attention")) == sizes[0] / 8


def test_jamba_layers_by_period_or_by_name() -> None:
    model = lower(JAMBA)
    assert row(model, "attention.full_moe").count == 1  # layer 1 attends, layers 1 and 3 have experts
    assert row(model, "experts.mamba1_moe").count == 1
    assert row(model, "mlp_up.mamba1_dense").count == 2
    kinds = ["mamba", "attention", "mamba", "mamba"]
    listed = lower(without(without(JAMBA, "attn_layer_period"), "attn_layer_offset"), layers_block_type=kinds)
    assert listed.operators == model.operators
    assert "experts" not in " ".join(names(lower(JAMBA, num_experts=1, num_experts_per_tok=1)))


# --- Nemotron-H ------------------------------------------------------------------------------------------------------

SUPER: dict[str, Any] = {
    "model_type": "nemotron_h",
    "hidden_size": 4096,
    "hybrid_override_pattern": "MEMEMEM*" + "EMEMEMEM*" * 2 + "EMEMEMEMEM*" * 4 + "EMEMEMEM*EMEMEMEME",
    "num_hidden_layers": 88,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "intermediate_size": 2688,
    "vocab_size": 131072,
    "mamba_num_heads": 128,
    "mamba_head_dim": 64,
    "n_routed_experts": 512,
    "num_experts_per_tok": 22,
    "moe_intermediate_size": 2688,
    "moe_shared_expert_intermediate_size": 5376,
    "moe_latent_size": 1024,
    "num_nextn_predict_layers": 1,
    "mtp_hybrid_override_pattern": "*E",
}


def test_nemotron_3_super_to_the_last_number_of_its_checkpoint() -> None:
    model = lower(SUPER)
    assert model.params == 120_668_707_840
    predictor = dict(model.checkpoint)["multi-token prediction"]
    # The hub counts what is kept in 16 bit: all but a correction per expert in 40 layers and in the predictor.
    assert model.params + predictor - 41 * 512 == 123_611_012_096


def test_nemotron_3_nano_as_the_hub_counts_it() -> None:
    sizes = {"hidden_size": 2688, "intermediate_size": 1856, "mamba_num_heads": 64, "num_hidden_layers": 52}
    experts = {"n_routed_experts": 128, "num_experts_per_tok": 6, "moe_intermediate_size": 1856}
    pattern = "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME"
    shared = {"moe_shared_expert_intermediate_size": 3712, "moe_latent_size": None}
    nano = SUPER | sizes | experts | shared | {"hybrid_override_pattern": pattern, "num_nextn_predict_layers": 0}
    assert lower(nano).params - 23 * 128 == 31_577_937_344
    assert lower(nano).checkpoint == ()


def test_nemotron_h_8b_by_its_first_keys() -> None:
    pattern = "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"
    first = {"hybrid_override_pattern": pattern, "num_hidden_layers": 52, "attention_head_dim": 128}
    dense = {"intermediate_size": 21504, "num_key_value_heads": 8, "num_nextn_predict_layers": 0}
    assert lower(SUPER | first | dense).params == 8_100_852_736  # published as 8 billion
    assert lower(SUPER | first | dense).kv_elems_per_token == 4 * 2 * 8 * 128


def test_nemotron_blocks_stand_alone() -> None:
    model = lower(NEMOTRON)
    assert [row(model, f"norms.{kind}").store_elems for kind in ("full", "dense", "moe")] == [64, 64, 64]
    assert row(model, "mlp_up.dense").read_elems == 64 * 96  # squared ReLU has no gate
    assert row(model, "experts.moe").read_elems == 2 * 64 * 24
    assert row(model, "mamba2_scan.mamba2").state_elems == 8 * 12 * 16
    spelt = ["linear_attention", "full_attention", "mlp", "moe"]
    assert lower(without(NEMOTRON, "hybrid_override_pattern"), layers_block_type=spelt).operators == model.operators
    old = ["mamba", "attention", "mlp", "moe"]
    assert lower(without(NEMOTRON, "hybrid_override_pattern"), layers_block_type=old).operators == model.operators


def test_nemotron_state_bytes_and_latent_experts() -> None:
    assert row(lower(NEMOTRON), "mamba2_scan.mamba2").state_bytes == 4
    assert row(lower(NEMOTRON, mamba_ssm_cache_dtype="bfloat16"), "mamba2_scan.mamba2").state_bytes == 2
    latent = lower(NEMOTRON, moe_latent_size=16)
    assert row(latent, "experts.moe").read_elems == 2 * 16 * 24
    assert row(latent, "latent_down.moe").read_elems == row(latent, "latent_up.moe").read_elems == 64 * 16
    assert row(latent, "all_to_all.moe").comm_elems == 2 * 16
    biased = lower(NEMOTRON, moe_latent_size=16, mlp_bias=True)
    assert biased.params - latent.params == (96 + 64) + (40 + 64) + (16 + 64)


# --- other hybrids ---------------------------------------------------------------------------------------------------


def test_bamba_and_granite_in_turn() -> None:
    bamba = lower(BAMBA)
    assert row(bamba, "attention.full").count == 1
    assert row(bamba, "mamba2_scan.mamba2").state_elems == 128 * 16
    kinds = ["mamba", "mamba", "attention", "mamba"]
    granite = lower(GRANITE, layer_types=kinds)
    assert row(granite, "attention.full").count == 1
    assert row(granite, "shared_expert.full").read_elems == 3 * 64 * 40
    assert lower(GRANITE, layers_block_type=kinds).operators == granite.operators
    assert row(lower(GRANITE, num_local_experts=0), "mlp_down").read_elems == 40 * 64
    assert row(lower(GRANITE), "mamba2_scan").count == 4


def test_falcon_h1_mixes_side_by_side_with_one_all_reduce() -> None:
    model = lower(FALCON_H1)
    for name in ("attention", "o_proj", "mamba2_scan", "out_proj", "all_reduce_mixer"):
        assert row(model, name).count == 4
    assert [op.name for op in model.rows(Kind.ALL_REDUCE)] == ["all_reduce_mixer", "all_reduce_ffn"]
    assert model.layers == 4
    assert row(model, "mamba2_scan").state_elems == 48 * 16
    assert row(lower(FALCON_H1, mamba_d_ssm=None), "mamba2_scan").state_elems == 128 * 16
    assert row(lower(without(FALCON_H1, "mamba_d_ssm")), "mamba2_scan").state_elems == 1024 * 16
    biased = lower(FALCON_H1, projectors_bias=True, mamba_rms_norm=True)
    assert biased.params - model.params == 4 * (64 + 48)


def test_lfm2_convolutions_and_the_width_of_its_blocks() -> None:
    model = lower(LFM2)
    assert row(model, "attention.full").count == 1
    assert row(model, "conv.gated_conv").state_elems == 64 * 2
    assert row(model, "mlp_down.full").read_elems == 256 * 64  # two thirds of 96, up to a multiple of 256
    kept = lower(LFM2, block_auto_adjust_ff_dim=False)
    assert row(kept, "mlp_down.full").read_elems == 96 * 64
    scaled = lower(LFM2, block_ffn_dim_multiplier=1.3, block_multiple_of=8)
    assert row(scaled, "mlp_down.full").read_elems == 88 * 64  # int(1.3 * 64) = 83
    assert row(lower(without(LFM2, "full_attn_idxs")), "attention").count == 4
    moe = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "num_dense_layers": 1}
    sparse = lower(LFM2 | moe | {"model_type": "lfm2_moe", "layer_types": ["conv"] * 3 + ["full_attention"]})
    assert row(sparse, "experts.gated_conv_moe").count == 2
    assert row(sparse, "mlp_down.gated_conv_dense").read_elems == 96 * 64


@pytest.mark.parametrize(
    ("layers", "hidden", "heads", "kv_heads", "width", "params"),  # published as 124.6 and 345.3 million
    [(30, 576, 9, 3, 1536, 124_635_456), (32, 960, 15, 5, 2560, 345_355_200)],
)
def test_mobilellm_shares_layers_and_embedding(
    layers: int, hidden: int, heads: int, kv_heads: int, width: int, params: int
) -> None:
    sizes = {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads}
    config = {"model_type": "mobilellm", "num_key_value_heads": kv_heads, "intermediate_size": width} | sizes
    single = lower(config, vocab_size=32000)
    shared = lower(config, vocab_size=32000, layer_sharing=True)
    assert single.params == shared.params == params
    assert (single.layers, shared.layers) == (layers, 2 * layers)
    assert shared.kv_elems_per_token == 2 * single.kv_elems_per_token  # each execution has a cache of its own
    assert (row(shared, "mlp_up").count, row(shared, "mlp_up").stored) == (2 * layers, layers)
    untied = lower(config, vocab_size=32000, share_embedding=False)
    assert untied.params == params + 32000 * hidden


# --- experts behind plain attention ----------------------------------------------------------------------------------


def test_dots1_and_exaone_windows() -> None:
    moe = {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 2, "moe_intermediate_size": 24}
    dots = TINY | moe | {"model_type": "dots1", "sliding_window": 16, "max_window_layers": 3}
    assert {op.window for op in lower(dots).rows(Kind.ATTENTION)} == {math.inf, 16}
    assert row(lower(dots), "attention.window16").count == 1
    exaone = TINY | {"model_type": "exaone_moe", "num_experts": 8, "num_experts_per_tok": 2, "sliding_window": 16}
    model = lower(exaone, moe_intermediate_size=24)
    assert row(model, "attention.window16_moe").count == 2  # the first layer is dense, every fourth sees all
    assert row(model, "shared_expert.full_moe").read_elems == 3 * 64 * 24


def test_ernie_and_hunyuan_blocks() -> None:
    moe = {"moe_num_experts": 8, "moe_k": 2, "moe_intermediate_size": 24, "moe_layer_interval": 2}
    ernie = TINY | moe | {"model_type": "ernie4_5_moe"}
    assert row(lower(ernie), "experts.moe").count == 2
    biased = lower(ernie, use_bias=True, moe_num_shared_experts=0)
    attention = 64 + 2 * 16 + 64
    dense_biases = lower(ernie, moe_num_shared_experts=0).params + 4 * attention + 2 * (2 * 96 + 64) + 1000
    assert biased.params == dense_biases  # routed experts have none
    hunyuan = TINY | {"model_type": "hunyuan_v1_moe", "num_experts": 4, "moe_topk": [1, 2, 2, 2]}
    model = lower(hunyuan)
    assert {op.active for op in model.rows(Kind.EXPERTS)} == {1, 2}
    assert model.params == lower(hunyuan, moe_topk=1).params


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (JAMBA | {"attn_layer_offset": 4}, ("attn_layer_offset = 4", "attn_layer_period = 4")),
        (JAMBA | {"expert_layer_offset": 2}, ("expert_layer_offset = 2", "expert_layer_period = 2")),
        (JAMBA | {"layers_block_type": ["mamba"]}, ("layers_block_type has 1 entries", "num_hidden_layers = 4")),
        (JAMBA | {"layers_block_type": ["rnn"] * 4}, ("'rnn'", "'attention' or 'mamba'")),
        (NEMOTRON | {"hybrid_override_pattern": "MX-E"}, ("hybrid_override_pattern holds 'X'", "M mamba")),
        (NEMOTRON | {"hybrid_override_pattern": "M*"}, ("has 2 layers", "num_hidden_layers = 4")),
        (NEMOTRON | {"mamba_ssm_cache_dtype": "int8"}, ("mamba_ssm_cache_dtype = 'int8'", "float32 or bfloat16")),
        (NEMOTRON | {"attention_head_dim": 8}, ("attention_head_dim = 8", "head_dim = 16")),
        (NEMOTRON | {"n_groups": 3}, ("mamba_num_heads = 8", "3")),
        (without(NEMOTRON, "hybrid_override_pattern"), ("missing key 'hybrid_override_pattern'",)),
        (BAMBA | {"attn_layer_indices": [4]}, ("attn_layer_indices holds 4", "num_hidden_layers = 4")),
        (BAMBA | {"mamba_d_head": 7}, ("mamba_n_heads = 8", "mamba_d_head = 7", "128 channels")),
        (LFM2 | {"block_ffn_dim_multiplier": 0}, ("block_ffn_dim_multiplier = 0", "a positive number")),
        (LFM2 | {"model_type": "lfm2_moe", "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8},
         ("missing key 'layer_types'",)),
        (TINY | {"model_type": "hunyuan_v1_moe", "num_experts": 2, "moe_topk": 3}, ("moe_topk = 3", "num_experts = 2")),
    ],
)  # fmt: skip
def test_contradictions_are_named(config: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)
