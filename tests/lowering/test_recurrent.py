"""Recurrent mixers by hand: parameters, state, FLOP per token; and the families that have little else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import lower, row

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.lowering.blocks import Rows
from tokenroof.lowering.mixer_rows import mixer_rows
from tokenroof.lowering.recurrent import kimi_delta, lightning, mamba1, mamba2, short_conv
from tokenroof.lowering.shape import Recurrent
from tokenroof.specs import Kind

MAMBA: dict[str, Any] = {
    "model_type": "mamba",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "vocab_size": 1000,
    "state_size": 16,
    "conv_kernel": 4,
}
MAMBA2 = MAMBA | {"model_type": "mamba2", "num_heads": 8, "head_dim": 16, "n_groups": 2}
ORIGINAL: dict[str, Any] = {
    "model_type": "mamba2",
    "d_model": 2560,
    "d_intermediate": 0,
    "n_layer": 64,
    "vocab_size": 50277,
    "ssm_cfg": {"layer": "Mamba2"},
    "attn_layer_idx": [],
    "rms_norm": True,
    "pad_vocab_size_multiple": 16,
    "tie_embeddings": True,
}
MINIMAX: dict[str, Any] = {
    "model_type": "minimax_m1",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 24,
    "intermediate_size": 40,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "vocab_size": 1000,
    "attn_type_list": [0, 0, 0, 1],
}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


def elements(mixer: Recurrent) -> int:
    """Parameters of one layer of ``mixer``."""
    rows = Rows(64, 1, "")
    return round(sum(op.params for op in mixer_rows(mixer, rows))) + rows.norms + rows.biases


# --- mixers ----------------------------------------------------------------------------------------------------------


def test_mamba1_by_hand() -> None:
    inner, state, rank = 128, 16, 4
    mixer = mamba1(64, inner, state, rank, 4)
    matrices = 64 * 2 * inner + inner * (rank + 2 * state) + rank * inner + inner * 64
    assert elements(mixer) == matrices + inner + (inner * 4 + inner) + inner * state + inner  # bias of dt, conv, A, D
    assert mixer.state == inner * state
    assert mixer.flops == 6 * inner * state  # dt A; times h; B x; sum; C h, added
    assert mixer.heads == inner  # any tp that divides the channels
    normed = mamba1(64, inner, state, rank, 4, inner_norms=True, conv_bias=False, proj_bias=True)
    assert elements(normed) - elements(mixer) == rank + 2 * state - inner + 2 * inner + 64


def test_mamba2_by_hand() -> None:
    heads, width, groups, state = 8, 16, 2, 32
    inner, channels = heads * width, heads * width + 2 * groups * state
    mixer = mamba2(64, heads, width, groups, state, 4)
    matrices = 64 * (inner + channels + heads) + inner * 64
    assert elements(mixer) == matrices + channels * 4 + channels + 3 * heads + inner
    assert mixer.state == inner * state
    assert mixer.flops == 5 * inner * state  # decay; B x; sum; C h, added
    in_bias = mamba2(64, heads, width, groups, state, 4, proj_bias=True, out_bias=False, norm=False)
    assert elements(in_bias) - elements(mixer) == inner + channels + heads - inner


def test_lightning_by_hand() -> None:
    mixer = lightning(64, 4, 24)
    assert elements(mixer) == 64 * 3 * 96 + 64 * 96 + 96 * 64 + 96
    assert mixer.state == 4 * 24 * 24
    assert mixer.flops == 5 * 4 * 24 * 24
    assert mixer.conv is None


def test_kimi_delta_gate_of_either_rank() -> None:
    low, full = kimi_delta(64, 2, 16, 4), kimi_delta(64, 2, 16, 4, full_gate=True)
    assert elements(full) - elements(low) == 64 * 32 - (64 * 16 + 16 * 32)
    assert low.flops == full.flops == 7 * low.state == 7 * 2 * 16 * 16


def test_a_short_convolution_has_no_other_state() -> None:
    mixer = short_conv(64, 3, bias=True)
    assert elements(mixer) == 64 * 192 + 64 * 64 + 64 * 3 + (192 + 64 + 64)
    rows = {op.name: op for op in mixer_rows(mixer, Rows(64, 1, ""))}
    assert rows["conv"].state_elems == 64 * 2
    assert rows["gated_conv_scan"].state_elems == 0


def test_a_convolution_keeps_one_column_less_than_its_kernel_in_16_bit() -> None:
    conv = row(lower(MAMBA2), "conv")
    assert (conv.state_elems, conv.state_bytes) == ((128 + 2 * 2 * 16) * 3, 2)
    scan = row(lower(MAMBA2), "mamba2_scan")
    assert (scan.state_elems, scan.state_bytes) == (8 * 16 * 16, 4)
    assert (scan.kind, scan.heads, scan.kv_heads) == (Kind.ATTENTION, 8, 8)
    assert lower(MAMBA2).kv_elems_per_token == 0


# --- Mamba -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "width", "params"),  # of state-spaces/mamba2-*, by the formula that its README's sizes follow
    [(24, 768, 128_989_632), (48, 1024, 368_346_624), (48, 2048, 1_343_757_312), (64, 2560, 2_702_599_680)],
)
def test_mamba2_by_the_original_keys(layers: int, width: int, params: int) -> None:
    model = lower(ORIGINAL, n_layer=layers, d_model=width)
    assert (model.params, model.layers, model.vocab) == (params, layers, 50288)
    assert model.max_context == math.inf


def test_both_spellings_are_the_same_model() -> None:
    spelt: dict[str, Any] = {"hidden_size": 1024, "num_hidden_layers": 48, "vocab_size": 50288, "state_size": 128}
    spelt |= {"model_type": "mamba2", "num_heads": 32, "head_dim": 64, "expand": 2, "n_groups": 1}
    tied = lower(spelt, tie_word_embeddings=True)
    assert tied.operators == lower(ORIGINAL, n_layer=48, d_model=1024).operators
    draft = {key: value for key, value in spelt.items() if key != "n_groups"}
    assert lower(draft, tie_embedding_weights=True).operators == tied.operators


def test_the_original_mamba_and_its_layer_norms() -> None:
    first = {"model_type": "mamba", "ssm_cfg": {}, "d_model": 64, "n_layer": 3, "pad_vocab_size_multiple": 8}
    model = lower(ORIGINAL | first, vocab_size=998)
    assert model.operators == lower(MAMBA).operators  # 998 rows are padded to 1000
    assert lower(ORIGINAL | first, vocab_size=1000, rms_norm=False).params == model.params + 4 * 64


def test_mamba_step_rank_and_channels() -> None:
    assert row(lower(MAMBA), "dt_proj").read_elems == 4 * 128  # a sixteenth of the hidden size
    assert row(lower(MAMBA, time_step_rank="auto"), "dt_proj").read_elems == 4 * 128
    assert row(lower(MAMBA, time_step_rank=7), "dt_proj").read_elems == 7 * 128
    assert row(lower(MAMBA, intermediate_size=96), "out_proj").read_elems == 96 * 64  # Falcon Mamba gives it
    assert lower(MAMBA, model_type="falcon_mamba").operators == lower(MAMBA).operators


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (MAMBA2 | {"num_heads": 6}, ("num_heads = 6", "head_dim = 16", "128 channels")),
        (MAMBA2 | {"n_groups": 3}, ("num_heads = 8", "groups = 3")),
        (MAMBA | {"time_step_rank": "some"}, ("time_step_rank = 'some'", "whole number")),
        (ORIGINAL | {"d_intermediate": 64}, ("d_intermediate", "attn_layer_idx")),
        (ORIGINAL | {"attn_layer_idx": [3]}, ("attn_layer_idx",)),
        (ORIGINAL | {"ssm_cfg": {"layer": "Mamba3"}}, ("layer = 'Mamba3'", "'Mamba1' or 'Mamba2'")),
        ({"model_type": "mamba2", "num_hidden_layers": 2}, ("missing key 'hidden_size'",)),
    ],
)
def test_mamba_contradictions_are_named(config: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(config, *words)


# --- MiniMax ---------------------------------------------------------------------------------------------------------


def test_minimax_m1_as_the_hub_counts_it() -> None:
    sizes = {"hidden_size": 6144, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8}
    experts = {"head_dim": 128, "intermediate_size": 9216, "num_local_experts": 32, "vocab_size": 200064}
    model = lower(MINIMAX | sizes | experts, attn_type_list=([0] * 7 + [1]) * 10, shared_intermediate_size=0)
    assert model.params == 456_089_655_296
    assert model.kv_elems_per_token == 10 * 2 * 8 * 128
    assert row(model, "lightning_scan.lightning").state_elems == 64 * 128 * 128


def test_minimax_kinds_by_list_by_name_or_in_turn() -> None:
    named = ["linear_attention"] * 3 + ["full_attention"]
    absent = {key: value for key, value in MINIMAX.items() if key != "attn_type_list"}
    assert lower(absent, layer_types=named).operators == lower(MINIMAX).operators
    in_turn = lower(absent)
    assert row(in_turn, "lightning_scan.lightning").count == row(in_turn, "attention.full").count == 2
    assert in_turn.operators == lower(MINIMAX, attn_type_list=[1, 0, 1, 0]).operators


def test_minimax_shared_expert_with_a_weight_per_token() -> None:
    model = lower(MINIMAX, shared_intermediate_size=16, shared_moe_mode="sigmoid")
    assert model.params - lower(MINIMAX).params == 4 * (3 * 64 * 16 + 64)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attn_type_list": [0, 1]}, ("attn_type_list has 2 entries", "num_hidden_layers = 4")),
        ({"attn_type_list": [0, 1, 2, 0]}, ("attn_type_list holds 2",)),
        ({"model_type": "minimax_m2"}, ("attn_type_list holds 0", "'minimax_m2'")),
        ({"layer_types": ["mamba"] * 4}, ("'mamba'", "linear_attention")),
    ],
)
def test_minimax_contradictions_are_named(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(MINIMAX | changes, *words)


def test_minimax_m2_as_the_hub_counts_it_with_norms_over_all_heads() -> None:
    sizes = {"hidden_size": 3072, "num_hidden_layers": 62, "num_attention_heads": 48, "num_key_value_heads": 8}
    experts = {"head_dim": 128, "intermediate_size": 1536, "num_local_experts": 256, "num_experts_per_tok": 8}
    m2 = MINIMAX | sizes | experts | {"model_type": "minimax_m2", "vocab_size": 200064, "attn_type_list": [1] * 62}
    assert lower(m2).params == 228_689_764_864
    assert lower(m2).params - lower(m2, qk_norm_type="per_head").params == 62 * (48 + 8 - 2) * 128
    assert lower(m2).params - lower(m2, use_qk_norm=False).params == 62 * (48 + 8) * 128
    assert lower(m2).params - lower(m2, use_routing_bias=False).params == 62 * 256


M3 = MINIMAX | {
    "model_type": "minimax_m3",
    "dense_intermediate_size": 96,
    "shared_intermediate_size": 20,
    "moe_layer_freq": [0, 1, 1, 1],
    "sparse_attention_config": {
        "sparse_attention_freq": [0, 0, 1, 1],
        "sparse_num_index_heads": 2,
        "sparse_index_dim": 16,
        "sparse_topk_blocks": 4,
        "sparse_block_size": 128,
        "sparse_local_block": 1,
    },
}


def test_minimax_m3_reads_chosen_blocks() -> None:
    model = lower(M3)
    indexer, attention = row(model, "indexer.full_sparse_moe"), row(model, "attention.full_sparse_moe")
    assert (indexer.count, indexer.kv_read_elems, indexer.kv_store_elems) == (2, 16, 16 + 2 * 2 * 24)
    assert indexer.flops_ctx_decode == 2 * 2 * 16  # the best score of a block needs no weights
    assert (attention.window, attention.kv_store_elems) == (4 * 128, 0)
    assert row(model, "attention.full_moe").window == math.inf
    assert row(model, "mlp_down.full_dense").read_elems == 96 * 64
    # Queries of two heads, one key, a norm of each.
    full = lower(M3, sparse_attention_config=None)
    assert model.params - full.params == 2 * (64 * 32 + 64 * 16 + 2 * 16)


def test_minimax_m3_by_later_keys() -> None:
    kinds = ["full_attention"] * 2 + ["minimax_m3_sparse"] * 2
    flat = {"sparse_attention_config": None, "layer_types": kinds, "index_n_heads": 2, "index_head_dim": 16}
    later = M3 | flat | {"index_topk_blocks": 4, "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"]}
    assert lower(later, model_type="minimax_m3_vl_text").operators == lower(M3).operators


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"moe_layer_freq": [1]}, ("moe_layer_freq has 1 entries", "num_hidden_layers = 4")),
        ({"sparse_attention_config": {"sparse_attention_freq": [1]}}, ("sparse_attention_freq has 1 entries",)),
        ({"num_key_value_heads": 4}, ("2 index heads", "num_key_value_heads = 4")),
    ],
)
def test_minimax_m3_contradictions_are_named(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(M3 | changes, *words)
