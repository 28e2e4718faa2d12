"""Latent attention, its sparse and compressed kin, and the models that have them: published totals, and by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import lower, row

from tokenroof.errors import ConfigError
from tokenroof.lowering import LatentAttention, model_from_hf
from tokenroof.lowering.mixer_rows import latent_flops_per_pair
from tokenroof.specs import Kind, Weights

#: DeepSeek-V3's published config, as far as sizes go.
V3: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "intermediate_size": 18432,
    "vocab_size": 129280,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 3,
    "n_group": 8,
    "topk_group": 4,
    "n_routed_experts": 256,
    "num_experts_per_tok": 8,
    "n_shared_experts": 1,
    "moe_intermediate_size": 2048,
    "num_nextn_predict_layers": 1,
}
FP8 = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
V32 = V3 | {"model_type": "deepseek_v32", "index_topk": 2048, "index_n_heads": 64, "index_head_dim": 128}
GLM5 = V32 | {
    "model_type": "glm_moe_dsa",
    "hidden_size": 6144,
    "num_hidden_layers": 78,
    "num_attention_heads": 64,
    "intermediate_size": 12288,
    "vocab_size": 154880,
    "q_lora_rank": 2048,
    "qk_nope_head_dim": 192,
    "v_head_dim": 256,
    "n_group": 1,
    "topk_group": 1,
    "index_n_heads": 32,
}
V2_LITE: dict[str, Any] = {
    "model_type": "deepseek_v2",
    "hidden_size": 2048,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "intermediate_size": 10944,
    "vocab_size": 102400,
    "q_lora_rank": None,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 1,
    "n_routed_experts": 64,
    "num_experts_per_tok": 6,
    "n_shared_experts": 2,
    "moe_intermediate_size": 1408,
    "topk_method": "greedy",
}
V4: dict[str, Any] = {
    "model_type": "deepseek_v4",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "vocab_size": 1000,
    "head_dim": 16,
    "q_lora_rank": 24,
    "o_groups": 4,
    "o_lora_rank": 12,
    "sliding_window": 32,
    "hc_mult": 4,
    "num_hash_layers": 1,
    "compress_ratios": [0, 4, 128, 4, 0],
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 20,
    "index_topk": 6,
    "index_n_heads": 2,
    "index_head_dim": 8,
}
KIMI: dict[str, Any] = {
    "model_type": "kimi_linear",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "vocab_size": 1000,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "num_experts": 8,
    "num_experts_per_token": 2,
    "moe_intermediate_size": 24,
    "linear_attn_config": {
        "kda_layers": [1, 2, 3],
        "full_attn_layers": [4],
        "head_dim": 16,
        "num_heads": 2,
        "short_conv_kernel_size": 4,
    },
}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


# --- the cheaper of two forms ----------------------------------------------------------------------------------------


def test_latent_flops_of_deepseek_v3_by_hand() -> None:
    mixer = LatentAttention(heads=128, q_rank=1536, kv_rank=512, nope=128, rope=64, v_dim=128)
    absorbed = 2 * 128 * (2 * 512 + 64)
    expanded = 2 * 128 * (128 + 64 + 128)
    assert (absorbed, expanded) == (278_528, 81_920)
    assert latent_flops_per_pair(mixer, 1) == absorbed
    assert latent_flops_per_pair(mixer, math.inf) == expanded
    # Expanding a cached latent takes 2 * 512 * 128 * 256 FLOP, shared by the queries of the chunk: 33,554,432 over
    # the 196,608 that a pair then saves is 170.7 queries.
    assert latent_flops_per_pair(mixer, 170) == absorbed
    assert latent_flops_per_pair(mixer, 171) == expanded + 2 * 512 * 128 * 256 / 171
    assert latent_flops_per_pair(mixer, 4096) == expanded + 8192


def test_decode_is_absorbed_and_prefill_expanded() -> None:
    attention = row(lower(V3), "attention.dense")
    assert (attention.flops_ctx_decode, attention.flops_ctx_prefill) == (278_528, 81_920)
    assert attention.kv_store_elems == attention.kv_read_elems == 576


# --- published totals ------------------------------------------------------------------------------------------------


def test_deepseek_v3_to_the_last_number_of_its_checkpoint() -> None:
    model = lower(V3 | FP8)
    assert model.params == 671_026_419_200  # the published weights in 16 bit (microsoft/MAI-DS-R1)
    assert dict(model.checkpoint) == {"multi-token prediction": 13_463_426_304, "FP8 scales": 41_540_496}
    assert model.params + sum(params for _, params in model.checkpoint) == 684_531_386_000  # the hub's count of V3
    assert model.params + 13_463_426_304 == 684_489_845_504  # and of R1, without scales
    assert model.kv_elems_per_token == 61 * 576  # 70,272 bytes in 16 bit


def test_scales_only_of_fp8_in_tiles() -> None:
    assert [name for name, _ in lower(V3).checkpoint] == ["multi-token prediction"]
    other = {"quantization_config": {"quant_method": "modelopt", "weight_block_size": [128, 128]}}
    assert [name for name, _ in lower(V3 | other).checkpoint] == ["multi-token prediction"]
    whole = {"quantization_config": {"quant_method": "fp8"}}
    assert lower(V3 | whole, num_nextn_predict_layers=0).checkpoint == ()


def test_deepseek_v32_has_every_parameter_of_its_indexer() -> None:
    model = lower(V32)
    # Queries from the compressed query, one key with a norm of weight and bias, a weight per head, in 61 layers.
    indexer = 1536 * 64 * 128 + 7168 * 128 + 2 * 128 + 7168 * 64
    assert model.params == 671_026_419_200 + 61 * indexer == 671_877_944_064
    assert model.params + dict(model.checkpoint)["multi-token prediction"] == 685_355_329_792  # the hub's count


def test_glm_5_and_its_shared_indexers() -> None:
    assert lower(GLM5).params == 743_911_218_432
    assert lower(GLM5).params + lower(GLM5).checkpoint[0][1] == 753_864_139_008  # the hub's count of GLM-5
    glm52 = lower(GLM5, indexer_types=["full"] * 3 + (["shared"] * 3 + ["full"]) * 18 + ["shared"] * 3)
    assert glm52.params + glm52.checkpoint[0][1] == 753_329_940_480  # and of GLM-5.2
    assert (
        row(glm52, "index_q_proj.latent_sparse_dense").count + row(glm52, "index_q_proj.latent_sparse_moe").count == 21
    )
    assert lower(GLM5, index_topk_freq=4, index_skip_topk_offset=3).params == glm52.params


def test_deepseek_v2_and_kimi_k2() -> None:
    assert lower(V2_LITE).params == 15_706_484_224
    v2 = {"num_hidden_layers": 60, "n_routed_experts": 160, "topk_method": "group_limited_greedy", "topk_group": 3}
    sizes = {"hidden_size": 5120, "num_attention_heads": 128, "intermediate_size": 12288, "moe_intermediate_size": 1536}
    assert lower(V2_LITE | v2 | sizes, q_lora_rank=1536, n_group=8).params == 235_741_434_880
    k2 = {"num_attention_heads": 64, "vocab_size": 163840, "n_routed_experts": 384, "first_k_dense_replace": 1}
    groups = {"n_group": 1, "topk_group": 1, "num_nextn_predict_layers": 0}
    assert lower(V3 | k2 | groups, model_type="kimi_k2").params == 1_026_408_232_448


def test_kimi_k3_but_for_the_padding_of_its_checkpoint() -> None:
    full = [*range(4, 93, 4), 93]
    linear = {"kda_layers": [n for n in range(1, 94) if n not in full], "full_attn_layers": full, "head_dim": 128}
    linear |= {"num_heads": 96, "short_conv_kernel_size": 4, "use_full_rank_gate": True}
    latent = {key: V3[key] for key in V3 if key.startswith(("qk_", "kv_", "v_", "q_"))}
    sizes = {"hidden_size": 7168, "num_hidden_layers": 93, "num_attention_heads": 96, "intermediate_size": 33792}
    sparse = {"num_experts": 896, "num_experts_per_token": 16, "num_shared_experts": 2, "moe_intermediate_size": 3072}
    extra = {"routed_expert_hidden_size": 3584, "latent_moe_use_norm": True, "mla_use_output_gate": True}
    model = lower(
        KIMI | latent | sizes | sparse | extra, vocab_size=163840, attn_res_block_size=12, linear_attn_config=linear
    )
    # 2,779,931,837,184 numbers on the hub, less 401,214,464 of the vision tower and 46,144,512 of the projector; one
    # A_log for each of 96 heads is stored in 128 places in 69 layers.
    assert model.params == 2_779_931_837_184 - 401_214_464 - 46_144_512 - 69 * 32


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_sparse_attention_reads_the_chosen_and_stores_all() -> None:
    model = lower(V32)
    indexer, attention = row(model, "indexer.moe"), row(model, "attention.moe")
    assert (indexer.kv_read_elems, indexer.kv_store_elems, indexer.window) == (128, 128 + 576, math.inf)
    assert indexer.flops_ctx_decode == indexer.flops_ctx_prefill == 2 * 64 * 128 + 2 * 64
    assert (attention.kv_read_elems, attention.kv_store_elems, attention.window) == (576, 0, 2048)
    assert model.kv_elems_per_token == 61 * (576 + 128)


def test_a_layer_that_shares_a_choice_has_no_indexer() -> None:
    model = lower(GLM5, indexer_types=["full"] + ["shared"] * 77)
    assert "indexer.latent_moe" not in [op.name for op in model.operators]
    cache, attention = row(model, "latent_cache.latent_moe"), row(model, "attention.latent_moe")
    assert (cache.kv_store_elems, cache.kv_read_elems, cache.window) == (576, 0, math.inf)
    assert (attention.kv_store_elems, attention.window) == (0, 2048)


def test_deepseek_v4_window_and_compressed_past() -> None:
    model = lower(V4)
    window = row(model, "attention.compressed_sparse")
    assert (window.window, window.kv_read_elems, window.kv_store_elems) == (32, 16, 16)  # keys are values
    assert window.flops_ctx_decode == 4 * 8 * 16
    past = row(model, "compressed_attention.compressed_sparse")
    assert (past.window, past.kv_read_elems, past.kv_store_elems) == (6 * 4, 16 / 4, 0)
    assert past.flops_ctx_decode == 4 * 8 * 16 / 4
    indexer = row(model, "indexer.compressed_sparse")
    assert (indexer.kv_read_elems, indexer.kv_store_elems) == (8 / 4, (8 + 16) / 4)
    heavy = row(model, "compressed_attention.compressed")
    assert (heavy.window, heavy.kv_store_elems) == (math.inf, 16 / 128)
    assert row(model, "compressor.compressed_sparse").read_elems == 2 * 64 * 2 * 16  # entries overlap
    assert row(model, "compressor.compressed").read_elems == 64 * 2 * 16
    assert row(model, "o_a_proj.window").read_elems == 8 * 16 * 12
    assert row(model, "o_b_proj.window").read_elems == 4 * 12 * 64


def test_deepseek_v4_buffers_hold_what_is_not_whole() -> None:
    model = lower(V4)
    sparse, heavy = row(model, "compressor_buffer.compressed_sparse"), row(model, "compressor_buffer.compressed")
    assert (sparse.kv_store_elems, sparse.window) == (3 * 16, 8)  # 4 tokens of two values and weights, 4 of one
    assert (heavy.kv_store_elems, heavy.window) == (2 * 16, 128)


def test_deepseek_v4_streams_and_tables() -> None:
    model = lower(V4)
    connections = row(model, "hyper_connections.compressed")
    assert connections.read_elems == 2 * (24 * 256 + 24 + 3)
    assert connections.weights is Weights.WIDE
    assert row(model, "hyper_head").read_elems == 4 * 256 + 4 + 1
    assert model.rows(Kind.POINT_TO_POINT)[0].comm_elems == 4 * 64
    assert dict(model.checkpoint) == {"expert tables": 1000 * 2}
    assert row(model, "biases.window").store_elems == 8  # sinks: a table leaves the scores uncorrected
    assert dict(lower(V4, num_nextn_predict_layers=1).checkpoint)["multi-token prediction"] > 2 * 64 * 64


def test_deepseek_v4_kinds_without_ratios() -> None:
    config = {key: value for key, value in V4.items() if key != "compress_ratios"}
    assert row(model_from_hf(config), "q_a_proj.compressed_sparse").count == 1
    kinds = ["sliding_attention", "heavily_compressed_attention", "heavily_compressed_attention", "sliding_attention"]
    rates = {"compress_rates": {"heavily_compressed_attention": 16}}
    listed = model_from_hf(config | rates | {"layer_types": kinds, "mlp_layer_types": ["moe"] * 4})
    assert row(listed, "compressed_attention.compressed").kv_store_elems == 1


def test_kimi_delta_attention_parameters_and_state() -> None:
    model = lower(KIMI)
    # q, k, v; decay by way of 16; beta; gate by way of 16; out; convolution; A, step bias, norm of a head.
    elements = 3 * 64 * 32 + (64 * 16 + 16 * 32) + 64 * 2 + (64 * 16 + 16 * 32) + 32 * 64 + 96 * 4 + 2 + 32 + 16
    names = ["qkv_proj", "decay_a_proj", "decay_b_proj", "beta_proj", "gate_a_proj", "gate_b_proj", "out_proj", "conv"]
    found = sum(row(model, f"{name}.kda_moe").store_elems for name in names)
    assert found + row(model, "norms.kda_moe").store_elems - 2 * 64 == elements
    assert row(model, "decay_a_proj.kda_moe").kind is Kind.REPLICATED
    assert row(model, "kda_scan.kda_moe").state_elems == 2 * 16 * 16
    assert row(model, "kda_scan.kda_moe").flops_token == 7 * 2 * 16 * 16
    assert row(model, "conv.kda_moe").state_elems == 96 * 3


def test_kimi_layers_by_either_list_and_older_names() -> None:
    linear = {key: value for key, value in KIMI["linear_attn_config"].items() if not key.endswith("_layers")}
    kinds = ["linear_attention"] * 3 + ["full_attention"]
    assert lower(KIMI, linear_attn_config=linear, layer_types=kinds).operators == lower(KIMI).operators
    older = {key: value for key, value in KIMI.items() if key != "num_experts_per_token"}
    model = lower(older, num_experts_per_tok=2, model_max_length=512)
    assert model.operators == lower(KIMI).operators
    assert model.max_context == 512


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (V3 | {"n_group": 7}, ("n_routed_experts = 256", "n_group = 7")),
        (V3 | {"topk_group": 9}, ("topk_group = 9", "n_group = 8")),
        (V3 | {"num_experts_per_tok": 129}, ("num_experts_per_tok = 129", "topk_group = 4", "128")),
        (V32 | {"mlp_layer_types": ["dense"]}, ("mlp_layer_types has 1 entries", "num_hidden_layers = 61")),
        (V32 | {"mlp_layer_types": ["thick"] * 61}, ("'thick'", "'dense' or 'sparse'")),
        (GLM5 | {"indexer_types": ["full"]}, ("indexer_types has 1 entries", "num_hidden_layers = 78")),
        (GLM5 | {"indexer_types": ["full"] * 77 + ["half"]}, ("'half'", "'full' or 'shared'")),
        (GLM5 | {"indexer_types": ["shared"] * 78}, ("begins with 'shared'",)),
        (GLM5 | {"index_topk_pattern": "FX"}, ("index_topk_pattern", "F (full) or S (shared)")),
        (V4 | {"compress_ratios": [0, 4]}, ("compress_ratios has 2 entries", "num_hidden_layers = 4")),
        (V4 | {"compress_ratios": [0, 4, 8, 128]}, ("compress_ratios holds 8",)),
        (V4 | {"o_groups": 3}, ("num_attention_heads = 8", "o_groups = 3")),
        (V4 | {"mlp_layer_types": ["moe"]}, ("mlp_layer_types has 1 entries",)),
        (V4 | {"mlp_layer_types": ["mlp"] * 4}, ("'mlp'", "'hash_moe' or 'moe'")),
        (KIMI | {"linear_attn_config": {}}, ("kda_layers and full_attn_layers", "model_type 'kimi_linear'")),
        (KIMI | {"linear_attn_config": {"kda_layers": [0]}}, ("kda_layers holds 0", "num_hidden_layers = 4")),
        (KIMI | {"linear_attn_config": {"kda_layers": [1, 2], "full_attn_layers": [2]}}, ("layer 2 stands twice",)),
        (KIMI | {"linear_attn_config": {"kda_layers": [1, 2, 4]}}, ("layer 3 is in neither",)),
    ],
)
def test_contradictions_are_named(config: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(config, *words)


def test_no_shared_expert_by_null_and_the_class_default_when_absent() -> None:
    absent = {key: value for key, value in V2_LITE.items() if key != "n_shared_experts"}
    assert model_from_hf(absent).params == lower(V2_LITE).params
    assert "shared_expert.moe" not in [op.name for op in lower(V2_LITE, n_shared_experts=None).operators]


def test_dense_models_with_latent_attention() -> None:
    dense = {key: V2_LITE[key] for key in V2_LITE if "expert" not in key and "topk" not in key}
    youtu = lower(dense, model_type="youtu", tie_word_embeddings=False)
    assert youtu.params == lower(V2_LITE, first_k_dense_replace=27).params
    absent = {key: value for key, value in dense.items() if key not in ("q_lora_rank", "v_head_dim")}
    mini = lower(absent, model_type="minicpm3")
    assert row(mini, "q_a_proj").read_elems == 2048 * 768
    assert row(mini, "o_proj").read_elems == 16 * 128 * 2048  # a value head is a head's share of the hidden size
    assert lower(absent, model_type="minicpm3", mlp_bias=True).params - mini.params == 27 * (2 * 10944 + 2048)
