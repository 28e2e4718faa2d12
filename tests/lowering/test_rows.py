"""Operators of lowered configs, coefficient by coefficient, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import DEEPSEEK, GPT_OSS, LLAMA, MIXTRAL, QWEN2, QWEN3, QWEN3_MOE, lower, names, row, without

from tokenroof.specs import Kind, Stage, Weights


def test_llama_rows_in_order_of_execution() -> None:
    assert names(lower(LLAMA)) == [
        "embedding", "qkv_proj", "attention", "o_proj", "all_reduce_mixer", "mlp_up", "mlp_down", "all_reduce_ffn",
        "norms", "stage_handover", "final_norm", "lm_head",
    ]  # fmt: skip


def test_llama_coefficients() -> None:
    model = lower(LLAMA)
    qkv, attention, o = row(model, "qkv_proj"), row(model, "attention"), row(model, "o_proj")
    assert (qkv.kind, qkv.weights, qkv.stage) == (Kind.GEMM, Weights.LINEAR, Stage.LAYERS)
    assert qkv.read_elems == qkv.store_elems == 64 * (8 + 2 * 2) * 8
    assert qkv.flops_token == 2 * qkv.read_elems
    assert qkv.act_elems == 64 + 96
    assert (qkv.count, qkv.stored) == (3, 3)
    assert attention.kind is Kind.ATTENTION
    assert attention.flops_ctx_decode == attention.flops_ctx_prefill == 4 * 8 * 8
    assert attention.kv_read_elems == attention.kv_store_elems == 2 * 2 * 8
    assert (attention.heads, attention.kv_heads, attention.window) == (8, 2, math.inf)
    assert attention.params == 0
    assert o.read_elems == 64 * 64
    up, down = row(model, "mlp_up"), row(model, "mlp_down")
    assert (up.read_elems, up.act_elems) == (2 * 64 * 160, 64 + 320)
    assert (down.read_elems, down.act_elems) == (160 * 64, 160 + 64)


def test_small_parameters_are_wide_replicated_and_free() -> None:
    model = lower(QWEN2)
    for name, elems in (("norms", 128), ("biases", 96), ("final_norm", 64)):
        op = row(model, name)
        assert (op.kind, op.weights, op.flops_token) == (Kind.REPLICATED, Weights.WIDE, 0)
        assert op.read_elems == op.store_elems == elems
    assert row(model, "final_norm").stage is Stage.LAST
    assert row(model, "final_norm").count == 1


def test_embedding_and_head() -> None:
    model = lower(LLAMA)
    embedding, head = row(model, "embedding"), row(model, "lm_head")
    assert (embedding.kind, embedding.weights, embedding.stage) == (Kind.EMBEDDING, Weights.HEAD, Stage.FIRST)
    assert (embedding.store_elems, embedding.read_elems, embedding.act_elems) == (64_000, 0, 128)
    assert (head.kind, head.weights, head.stage) == (Kind.HEAD, Weights.HEAD, Stage.LAST)
    assert (head.read_elems, head.store_elems, head.tied_elems) == (64_000, 64_000, 0)
    assert (head.flops_token, head.act_elems) == (128_000, 1064)


def test_tied_head_is_stored_once_but_read() -> None:
    tied, untied = lower(LLAMA, tie_word_embeddings=True), lower(LLAMA)
    head = row(tied, "lm_head")
    assert (head.read_elems, head.store_elems, head.tied_elems) == (64_000, 0, 64_000)
    assert untied.params - tied.params == 64_000


def test_collectives() -> None:
    model = lower(MIXTRAL)
    for name in ("all_reduce_mixer", "all_reduce_ffn"):
        assert (row(model, name).kind, row(model, name).comm_elems, row(model, name).count) == (Kind.ALL_REDUCE, 64, 3)
    exchange, handover = row(model, "all_to_all"), row(model, "stage_handover")
    assert (exchange.kind, exchange.comm_elems, exchange.count) == (Kind.ALL_TO_ALL, 2 * 64, 3)
    assert (handover.kind, handover.comm_elems, handover.count) == (Kind.POINT_TO_POINT, 64, 1)
    assert not lower(LLAMA).rows(Kind.ALL_TO_ALL)


def test_experts() -> None:
    model = lower(MIXTRAL)
    experts, router = row(model, "experts"), row(model, "router")
    one = 3 * 64 * 160
    assert (experts.kind, experts.weights) == (Kind.EXPERTS, Weights.EXPERT)
    assert (experts.read_elems, experts.store_elems) == (one, 4 * one)
    assert experts.flops_token == 2 * 2 * one
    assert (experts.experts, experts.active) == (4, 2)
    assert experts.act_elems == 2 * (64 + 320 + 160 + 64)
    assert (router.kind, router.weights, router.count) == (Kind.REPLICATED, Weights.WIDE, 3)
    assert (router.read_elems, router.flops_token) == (64 * 4, 2 * 64 * 4)
    assert model.params - model.active_params == 3 * 2 * one


def test_latent_attention() -> None:
    model = lower(DEEPSEEK)
    attention = row(model, "attention.moe")
    assert attention.flops_ctx_decode == 2 * 8 * (2 * 32 + 8)
    assert attention.flops_ctx_prefill == 2 * 8 * (16 + 8 + 12)
    assert attention.kv_read_elems == attention.kv_store_elems == 32 + 8
    assert (attention.heads, attention.kv_heads) == (8, 1)
    sizes = {"q_a_proj": 64 * 48, "q_b_proj": 48 * 8 * 24, "kv_a_proj": 64 * 40, "kv_b_proj": 32 * 8 * 28}
    for name, size in (sizes | {"o_proj": 8 * 12 * 64}).items():
        op = row(model, f"{name}.moe")
        assert (op.read_elems, op.flops_token, op.weights) == (size, 2 * size, Weights.LINEAR)
        assert op.kind is (Kind.REPLICATED if "_a_" in name else Kind.GEMM)
    assert row(model, "norms.moe").read_elems == 2 * 64 + 48 + 32


def test_latent_attention_with_plain_queries() -> None:
    model = lower(DEEPSEEK, q_lora_rank=None)
    assert row(model, "q_proj.moe").read_elems == 64 * 8 * 24
    assert row(model, "norms.moe").read_elems == 2 * 64 + 32
    assert not [name for name in names(model) if name.startswith(("q_a", "q_b"))]


def test_deepseek_dense_then_sparse_layers_with_a_shared_expert() -> None:
    model = lower(DEEPSEEK)
    assert row(model, "mlp_up.dense").count == 1
    assert row(model, "experts.moe").count == 2
    shared = row(model, "shared_expert.moe")
    assert (shared.kind, shared.weights) == (Kind.GEMM, Weights.LINEAR)
    assert shared.read_elems == 3 * 64 * 2 * 24
    assert shared.flops_token == 2 * shared.read_elems
    assert row(model, "biases.moe").read_elems == 16
    assert "biases.moe" not in names(lower(DEEPSEEK, topk_method="greedy"))
    assert "shared_expert.moe" not in names(lower(DEEPSEEK, n_shared_experts=None))
    assert model.layers == 3


@pytest.mark.parametrize(("first", "sparse"), [(0, 3), (1, 2), (3, 0)])
def test_deepseek_first_dense_layers(first: int, sparse: int) -> None:
    model = lower(DEEPSEEK, first_k_dense_replace=first)
    assert sum(op.count for op in model.rows(Kind.EXPERTS)) == sparse
    assert sum(op.count for op in model.rows(Kind.ATTENTION)) == 3


def test_deepseek_sparse_every_second_layer() -> None:
    model = lower(DEEPSEEK, num_hidden_layers=6, first_k_dense_replace=1, moe_layer_freq=2)
    assert row(model, "experts.moe").count == 2  # layers 2 and 4


def test_kimi_is_lowered_as_deepseek() -> None:
    kimi = lower(DEEPSEEK, model_type="kimi_k2")
    assert kimi.operators == lower(DEEPSEEK).operators
    assert kimi.family == "kimi_k2"


def test_gpt_oss_windows_in_turn_with_biases_and_sinks() -> None:
    model = lower(GPT_OSS)
    window, full = row(model, "attention.window128"), row(model, "attention.full")
    assert (window.window, window.count) == (128, 2)
    assert (full.window, full.count) == (math.inf, 2)
    assert row(model, "biases.full").read_elems == 96 + 64 + 8 + 4  # q, k, v; o; sinks; router
    experts = row(model, "experts.full")
    assert experts.read_elems == 3 * 64 * 160 + 2 * 160 + 64
    assert experts.flops_token == 2 * 2 * 3 * 64 * 160
    assert model.native_precision == "mxfp4"


def test_gpt_oss_explicit_layer_types_and_old_key() -> None:
    config = without(GPT_OSS, "num_experts_per_tok") | {"experts_per_token": 3}
    model = lower(config, layer_types=["full_attention"] * 3 + ["sliding_attention"])
    assert row(model, "attention.full").count == 3
    assert row(model, "experts.full").active == 3


def test_mistral_window_only_when_it_is_not_null() -> None:
    mistral = LLAMA | {"model_type": "mistral"}
    assert row(lower(mistral, sliding_window=4096), "attention").window == 4096
    assert row(lower(mistral, sliding_window=None), "attention").window == math.inf
    assert row(lower(mistral), "attention").window == math.inf


@pytest.mark.parametrize("config", [QWEN2, QWEN3])
def test_qwen_window_only_when_it_is_used(config: dict[str, Any]) -> None:
    unused = lower(config, sliding_window=100, use_sliding_window=False, max_window_layers=1)
    assert [op.window for op in unused.rows(Kind.ATTENTION)] == [math.inf]
    used = lower(config, sliding_window=100, use_sliding_window=True, max_window_layers=1)
    assert {op.window: op.count for op in used.rows(Kind.ATTENTION)} == {math.inf: 1, 100: 2}
    null = lower(config, sliding_window=None, use_sliding_window=True)
    assert [op.window for op in null.rows(Kind.ATTENTION)] == [math.inf]


def test_qwen3_head_norms_instead_of_biases() -> None:
    model = lower(QWEN3)
    assert row(model, "norms").read_elems == 2 * 64 + 2 * 16
    assert "biases" not in names(model)
    assert row(lower(QWEN3, attention_bias=True), "biases").read_elems == (8 + 4) * 16 + 64


def test_qwen3_moe_dense_layers() -> None:
    assert row(lower(QWEN3_MOE), "experts").count == 3
    model = lower(QWEN3_MOE, num_hidden_layers=6, decoder_sparse_step=2, mlp_only_layers=[1])
    assert (row(model, "experts.moe").count, row(model, "mlp_up.dense").count) == (2, 4)


def test_llama_biases() -> None:
    assert row(lower(LLAMA, attention_bias=True), "biases").read_elems == 96 + 64
    assert row(lower(LLAMA, mlp_bias=True), "biases").read_elems == 320 + 64


def test_ungated_experts_of_the_catalogues_own_family() -> None:
    config = QWEN3_MOE | {"model_type": "tokenroof", "mlp_gated": False}
    assert row(lower(config), "experts").read_elems == 2 * 64 * 32
    dense = LLAMA | {"model_type": "tokenroof"}
    assert lower(dense).operators == lower(LLAMA).operators
