"""Lowering of Hugging Face configs: coefficients by hand, and one test per error message."""

from __future__ import annotations

import doctest
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tokenroof import lowering
from tokenroof.errors import ConfigError, SpecError
from tokenroof.lowering import (
    Attention,
    Dense,
    Experts,
    LatentAttention,
    LayerGroup,
    Shape,
    families,
    model_from_hf,
    model_from_shape,
)
from tokenroof.lowering.blocks import Rows
from tokenroof.lowering.ffn_rows import ffn_rows
from tokenroof.lowering.mixer_rows import mixer_rows
from tokenroof.lowering.registry import family
from tokenroof.specs import Kind, Model, Operator, Stage, Weights

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 160,
    "vocab_size": 1000,
    "max_position_embeddings": 512,
}
MIXTRAL = LLAMA | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
QWEN2 = LLAMA | {"model_type": "qwen2"}
QWEN3 = LLAMA | {"model_type": "qwen3", "head_dim": 16}
QWEN3_MOE = QWEN3 | {
    "model_type": "qwen3_moe",
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
}
DEEPSEEK = LLAMA | {
    "model_type": "deepseek_v3",
    "n_routed_experts": 16,
    "num_experts_per_tok": 4,
    "n_shared_experts": 2,
    "moe_intermediate_size": 24,
    "first_k_dense_replace": 1,
    "q_lora_rank": 48,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
}
GPT_OSS = LLAMA | {
    "model_type": "gpt_oss",
    "head_dim": 8,
    "num_hidden_layers": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "sliding_window": 128,
}


def row(model: Model, name: str) -> Operator:
    return next(op for op in model.operators if op.name == name)


def names(model: Model) -> list[str]:
    return [op.name for op in model.operators]


def lower(config: dict[str, Any], **changes: Any) -> Model:
    return model_from_hf(config | changes)


def without(config: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in config.items() if k != key}


# --- rows, by hand ---------------------------------------------------------------------------------------------------


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


# --- the model around the rows ---------------------------------------------------------------------------------------


def test_facts_of_the_model() -> None:
    model = lower(LLAMA)
    assert (model.layers, model.hidden, model.vocab, model.max_context) == (3, 64, 1000, 512)
    assert (model.family, model.native_precision) == ("llama", "bf16")
    assert dict(model.config) == LLAMA
    assert lower(without(LLAMA, "max_position_embeddings")).max_context == math.inf


def test_native_precision() -> None:
    assert lower(LLAMA, quantization_config={"quant_method": "fp8"}).native_precision == "fp8"
    assert lower(LLAMA, quantization_config={"quant_method": "awq"}).native_precision == "bf16"


def test_ids() -> None:
    assert lower(LLAMA).id == "llama"
    assert lower(LLAMA, _name_or_path="maker/Model-1B").id == "Model-1B"
    assert model_from_hf(LLAMA | {"_name_or_path": "x"}, id="mine").id == "mine"


def test_absent_heads_and_null_keys() -> None:
    assert row(lower(without(LLAMA, "num_key_value_heads")), "attention").kv_heads == 8
    assert row(lower(LLAMA, head_dim=None), "attention").flops_ctx_decode == 4 * 64
    assert row(lower(LLAMA, head_dim=32), "attention").flops_ctx_decode == 4 * 8 * 32


def test_text_config_of_a_multimodal_wrapper() -> None:
    wrapper = {
        "model_type": "mistral3",
        "tie_word_embeddings": True,
        "quantization_config": {"quant_method": "fp8"},
        "text_config": LLAMA,
        "vision_config": {"model_type": "pixtral"},
    }
    model = model_from_hf(wrapper)
    assert model.operators == lower(LLAMA, tie_word_embeddings=True).operators
    assert (model.family, model.native_precision) == ("llama", "fp8")


def test_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    file = folder / "config.json"
    file.write_text(json.dumps(LLAMA))
    expected = lower(LLAMA).operators
    for source in (file, folder, str(folder)):
        model = model_from_hf(source)
        assert (model.operators, model.id) == (expected, "my-model")
    other = file.rename(folder / "llama-x.json")
    assert model_from_hf(other).id == "llama-x"
    other.rename(file)
    assert Model.from_hf(folder, id="y").id == "y"


def test_the_config_is_copied() -> None:
    config = dict(LLAMA)
    model = model_from_hf(config)
    config["hidden_size"] = 1
    assert model.config["hidden_size"] == 64


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(lowering).failed == 0


def test_families_are_listed() -> None:
    known = {"llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "deepseek_v3", "kimi_k2", "gpt_oss"}
    assert known <= set(families())
    assert families() == sorted(families())


def test_lowering_is_quick() -> None:
    config = DEEPSEEK | {"num_hidden_layers": 120}
    best = math.inf
    for _ in range(20):
        start = time.perf_counter()
        model_from_hf(config)
        best = min(best, time.perf_counter() - start)
    assert best < 4e-3  # about 0.8 ms on one core; room for slow machines


# --- shapes of one's own ---------------------------------------------------------------------------------------------


def test_model_from_shape() -> None:
    attention = Attention(heads=8, kv_heads=2, head_dim=8)
    group = LayerGroup(3, attention, Dense(160), norm_params=128)
    shape = Shape(64, 1000, (group,), final_norm_params=64)
    model = model_from_shape(shape, "mine", family="own", config={"a": 1})
    assert model.operators == lower(LLAMA).operators
    assert (model.id, model.family, model.max_context, model.config) == ("mine", "own", math.inf, {"a": 1})


def test_groups_of_a_shape_keep_their_labels() -> None:
    near = LayerGroup(2, Attention(8, 2, 8, window=32), Dense(160), 0, "near")
    far = LayerGroup(1, LatentAttention(8, None, 32, 16, 8, 12), Experts(4, 1, 16), 0, "far")
    model = model_from_shape(Shape(64, 1000, (near, far)), "mixed")
    assert row(model, "attention.near").window == 32
    assert row(model, "attention.far").kv_heads == 1
    assert "final_norm" not in names(model)
    assert "norms.near" not in names(model)
    assert len(set(names(model))) == len(names(model))


def test_latent_attention_biases() -> None:
    mixer = LatentAttention(8, 48, 32, 16, 8, 12)
    group = LayerGroup(1, replace(mixer, bias=True), Dense(160), 0)
    model = model_from_shape(Shape(64, 1000, (group,)), "x")
    assert row(model, "biases").read_elems == 48 + 32 + 8 + 64


def test_a_shape_without_layers_is_refused() -> None:
    with pytest.raises(SpecError, match="layers = 0"):
        model_from_shape(Shape(64, 1000, ()), "none")


@pytest.mark.parametrize("make", [mixer_rows, ffn_rows])
def test_an_unknown_block_is_named(make: Callable[[object, Rows], Any]) -> None:
    with pytest.raises(TypeError, match="of type str"):
        make("softmax", Rows(64, 1, ""))


def test_a_model_type_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'llama' is registered twice"):
        family("llama")(lambda reader: Shape(1, 1, ()))


# --- error messages --------------------------------------------------------------------------------------------------


def refused(config: object, *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        (LLAMA, "hidden_size num_hidden_layers num_attention_heads intermediate_size vocab_size"),
        (MIXTRAL, "num_local_experts num_experts_per_tok intermediate_size"),
        (QWEN3_MOE, "num_experts num_experts_per_tok moe_intermediate_size"),
        (DEEPSEEK, "kv_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim n_routed_experts"),
        (GPT_OSS, "num_local_experts intermediate_size sliding_window"),
    ],
)
def test_missing_keys_are_named_with_who_needs_them(config: dict[str, Any], keys: str) -> None:
    for key in keys.split():
        refused(without(config, key), f"missing key {key!r}", f"model_type {config['model_type']!r} needs it")
        refused(config | {key: None}, f"missing key {key!r}")


@pytest.mark.parametrize("value", [0, -1, 1.5, math.nan, math.inf, True, "4096", [8], 2**31, 10**400])
@pytest.mark.parametrize("key", ["hidden_size", "num_key_value_heads", "head_dim", "max_position_embeddings"])
def test_wrong_counts_are_named(key: str, value: object) -> None:
    refused(LLAMA | {key: value}, f"{key} = ", "expected a whole number")


def test_a_damaged_number_of_layers_does_not_fill_the_memory() -> None:
    refused(LLAMA | {"num_hidden_layers": 2**30}, "num_hidden_layers = 1073741824", "at most 100000")


def test_long_values_are_cut_short() -> None:
    with pytest.raises(ConfigError) as caught:
        lower(LLAMA, hidden_size=[1] * 1000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [0, "yes", 1.0])
def test_wrong_flags_are_named(value: object) -> None:
    refused(LLAMA | {"tie_word_embeddings": value}, f"tie_word_embeddings = {value!r}", "expected true or false")


def test_wrong_lists_are_named() -> None:
    refused(LLAMA | {"layer_types": "full_attention"}, "layer_types = 'full_attention'", "expected a list")
    refused(QWEN3_MOE | {"mlp_only_layers": [0, 3]}, "mlp_only_layers holds 3", "num_hidden_layers = 3")
    refused(QWEN3_MOE | {"mlp_only_layers": [True]}, "mlp_only_layers holds True")


def test_contradictions_name_both_keys() -> None:
    refused(LLAMA | {"num_key_value_heads": 3}, "num_attention_heads = 8", "num_key_value_heads = 3")
    refused(LLAMA | {"hidden_size": 65}, "hidden_size = 65", "num_attention_heads = 8", "no head_dim")
    refused(MIXTRAL | {"num_experts_per_tok": 5}, "num_experts_per_tok = 5", "num_local_experts = 4")
    refused(DEEPSEEK | {"num_experts_per_tok": 17}, "num_experts_per_tok = 17", "n_routed_experts = 16")
    refused(DEEPSEEK | {"first_k_dense_replace": 4}, "first_k_dense_replace = 4", "num_hidden_layers = 3")
    refused(LLAMA | {"layer_types": ["full_attention"]}, "layer_types has 1 entries", "num_hidden_layers = 3")
    refused(LLAMA | {"layer_types": ["sliding_attention"] * 3}, "'sliding_attention'", "sliding_window is missing")


def test_layer_types_that_are_not_modelled() -> None:
    kinds = ["full_attention", "linear_attention", "full_attention"]
    refused(LLAMA | {"layer_types": kinds}, "layer_types holds 'linear_attention'", "'llama'")
    refused(LLAMA | {"layer_types": [{}, {}, {}]}, "layer_types holds {}")


def test_qwen_window_needs_to_know_which_layers() -> None:
    refused(QWEN2 | {"use_sliding_window": True, "sliding_window": 8}, "missing key 'max_window_layers'")


def test_unknown_model_type_names_near_ones() -> None:
    refused(LLAMA | {"model_type": "lama"}, "unknown model_type 'lama'", "did you mean 'llama'")
    refused(LLAMA | {"model_type": "zzz"}, "unknown model_type 'zzz'", "known are", "qwen3_moe")


@pytest.mark.parametrize("model_type", ["bert", "vit", "clip", "t5", "whisper"])
def test_encoders_are_told_apart(model_type: str) -> None:
    refused({"model_type": model_type, "text_config": LLAMA}, f"{model_type!r} is not a decoder-only text model")


def test_missing_or_wrong_model_type() -> None:
    refused(without(LLAMA, "model_type"), "missing key 'model_type'")
    refused(LLAMA | {"model_type": 3}, "model_type = 3", "expected a string")
    refused({}, "missing key 'model_type'")


def test_text_config_that_is_no_object() -> None:
    refused({"model_type": "mistral3", "text_config": [1]}, "text_config = [1]", "expected an object")


def test_the_models_id_is_in_the_message() -> None:
    with pytest.raises(ConfigError, match="config of 'mine': missing key"):
        model_from_hf({}, id="mine")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(tmp_path / "none.json", "none.json", "cannot be read")
    refused(tmp_path, str(tmp_path / "config.json"), "cannot be read")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"", b"<html>"])
def test_files_that_are_not_json(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    refused(file, str(file), "not valid JSON")


def test_json_that_is_no_object(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("[1, 2]")
    refused(file, str(file), "expected a JSON object, found list")


def test_errors_in_a_file_name_it(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA).replace("64", "NaN"))
    refused(file, str(file), "hidden_size = nan")
