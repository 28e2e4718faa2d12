"""GPT-2 to Grok: totals that transformers 5.23 counts on the meta device, totals as published, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from configs import row, without

from tokenroof.errors import ConfigError
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind

GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 48, "vocab_size": 100}
NEO: dict[str, Any] = {
    "model_type": "gpt_neo",
    "hidden_size": 32,
    "num_layers": 3,
    "num_heads": 4,
    "attention_types": [[["global", "local"], 1], [["local"], 1]],
    "window_size": 16,
    "vocab_size": 100,
    "max_position_embeddings": 48,
}
BARE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
MHA = BARE | {"intermediate_size": 80}
GQA = MHA | {"num_key_value_heads": 2}
OPT = BARE | {"model_type": "opt", "ffn_dim": 80, "word_embed_proj_dim": 32}
FALCON = BARE | {"model_type": "falcon", "ffn_hidden_size": 80}
XGLM = {"model_type": "xglm", "d_model": 32, "num_layers": 3, "attention_heads": 4, "ffn_dim": 80, "vocab_size": 100}
MPT: dict[str, Any] = {"model_type": "mpt", "d_model": 32, "n_layers": 3, "n_heads": 4, "vocab_size": 100}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2}
PHIMOE = GQA | {"model_type": "phimoe", "num_local_experts": 4, "num_experts_per_tok": 2}
DBRX: dict[str, Any] = {
    "model_type": "dbrx",
    "d_model": 32,
    "n_layers": 3,
    "n_heads": 4,
    "vocab_size": 100,
    "attn_config": {"kv_n_heads": 2},
    "ffn_config": {"ffn_hidden_size": 80, "moe_num_experts": 4, "moe_top_k": 2},
}
GROK: dict[str, Any] = {  # the release: github.com/xai-org/grok-1, run.py
    "model_type": "grok-1",
    "vocab_size": 131072,
    "sequence_len": 8192,
    "emb_size": 6144,
    "widening_factor": 8,
    "key_size": 128,
    "num_q_heads": 48,
    "num_kv_heads": 8,
    "num_layers": 64,
    "num_experts": 8,
    "num_selected_experts": 2,
}
SMALL_8K: dict[str, Any] = {  # microsoft/Phi-3-small-8k-instruct
    "model_type": "phi3small",
    "hidden_size": 4096,
    "ff_intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "vocab_size": 100352,
    "max_position_embeddings": 8192,
    "dense_attention_every_n_layers": 2,
    "blocksparse_block_size": 64,
    "blocksparse_num_local_blocks": 16,
    "blocksparse_vert_stride": 8,
}


def windows(config: dict[str, Any]) -> dict[float, float]:
    """Layers by window."""
    return {op.window: op.count for op in model_from_hf(config).rows(Kind.ATTENTION)}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


# --- totals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "params"),
    [
        (GPT | {"model_type": "gpt2"}, 42_912),
        (GPT | {"model_type": "gpt2", "n_inner": 72, "tie_word_embeddings": False}, 35_192),
        (GPT | {"model_type": "gpt_bigcode"}, 38_160),
        (GPT | {"model_type": "gpt_bigcode", "multi_query": False}, 42_912),
        (GPT | {"model_type": "gptj"}, 44_100),
        (GPT | {"model_type": "codegen"}, 44_100),
        (NEO, 42_624),
        (MHA | {"model_type": "gpt_neox"}, 35_216),
        (MHA | {"model_type": "gpt_neox", "attention_bias": False, "use_parallel_residual": False}, 34_832),
        (BARE | {"model_type": "gpt_neox_japanese"}, 40_544),
        ({"model_type": "bloom", "hidden_size": 32, "n_layer": 3, "n_head": 4, "vocab_size": 100}, 41_440),
        (OPT, 34_128),
        (OPT | {"word_embed_proj_dim": 24, "do_layer_norm_before": False}, 34_800),
        (OPT | {"enable_bias": False, "layer_norm_elementwise_affine": False}, 32_960),
        (MHA | {"model_type": "biogpt"}, 34_128),
        (
            {
                "model_type": "xglm",
                "d_model": 32,
                "num_layers": 3,
                "attention_heads": 4,
                "ffn_dim": 80,
                "vocab_size": 100,
            },
            32_016,
        ),
        (without(FALCON, "ffn_hidden_size"), 35_712),
        (without(FALCON, "ffn_hidden_size") | {"new_decoder_architecture": True, "num_kv_heads": 2}, 37_440),
        (MPT, 40_288),
        (GQA | {"model_type": "phi"}, 31_956),
        (GQA | {"model_type": "phi", "qk_layernorm": True}, 32_052),
        (GQA | {"model_type": "phi3"}, 38_880),
        (PHIMOE | {"attention_bias": True, "lm_head_bias": True}, 108_996),
        (GQA | {"model_type": "cohere", "use_qk_norm": True, "attention_bias": True}, 36_016),
        (GQA | {"model_type": "cohere2"}, 35_584),
        (GQA | {"model_type": "olmo"}, 38_656),
        (GQA | {"model_type": "olmo2"}, 39_024),
        (GQA | {"model_type": "olmo3"}, 39_024),
        (GQA | EXPERTS | {"model_type": "olmoe"}, 108_528),
        (GQA | EXPERTS | {"model_type": "flex_olmo"}, 108_528),
        (DBRX, 108_384),
        (GQA | {"model_type": "stablelm", "use_qkv_bias": True, "qk_layernorm": True}, 39_440),
        (GQA | {"model_type": "stablelm", "use_parallel_residual": True}, 38_912),
        (GQA | {"model_type": "starcoder2"}, 28_848),
        (GQA | {"model_type": "nemotron"}, 31_424),
        (GQA | {"model_type": "nemotron", "attention_bias": True, "mlp_bias": True}, 32_048),
        (GQA | {"model_type": "jais2"}, 32_048),
        (MHA | {"model_type": "persimmon"}, 35_312),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else "",
)
def test_totals_as_transformers_counts_them(config: dict[str, Any], params: int) -> None:
    assert model_from_hf(config).params == params


@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "params"),
    [  # the paper's table 1 says 8.63, 62.50 and 540.35 billion
        (4096, 32, 16, 8_632_012_800),
        (8192, 64, 32, 62_495_662_080),
        (18432, 118, 48, 540_356_474_880),
    ],
)
def test_palm(hidden: int, layers: int, heads: int, params: int) -> None:
    palm = {
        "model_type": "palm",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "vocab_size": 256000,
    }
    model = model_from_hf(palm)
    assert model.params == params
    attention = row(model, "attention")
    assert (attention.kv_heads, attention.kv_store_elems) == (1, 2 * 256)


def test_gpt3_and_a_trillion_as_configs_of_gpt2() -> None:
    gpt3 = {
        "model_type": "gpt2",
        "n_embd": 12288,
        "n_layer": 96,
        "n_head": 96,
        "n_positions": 2048,
        "vocab_size": 50257,
    }
    assert model_from_hf(gpt3).params == 174_604_259_328
    megatron = {"n_embd": 25600, "n_layer": 128, "n_head": 160, "vocab_size": 51200}  # arXiv:2104.04473, table 1
    assert model_from_hf(gpt3 | megatron).params == 1_008_038_758_400
    # The paper prints 5140 for the width of GPT-3 13B, which 40 heads do not divide; they are 128 wide.
    odd = {"n_embd": 5140, "n_layer": 40, "n_head": 40}
    refused(gpt3 | odd, "n_embd = 5140 is not a multiple of n_head = 40")
    assert model_from_hf(gpt3 | odd | {"head_dim": 128}).params == 12_936_488_380


def test_opt_350m() -> None:
    opt = {
        "model_type": "opt",
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "ffn_dim": 4096,
        "vocab_size": 50272,
        "word_embed_proj_dim": 512,
        "do_layer_norm_before": False,
        "max_position_embeddings": 2048,
    }
    model = model_from_hf(opt)
    assert model.params == 331_196_416
    assert row(model, "positions").store_elems == 2050 * 1024
    assert row(model, "embedding_up").store_elems == row(model, "head_down").store_elems == 512 * 1024
    assert "final_norm" not in [op.name for op in model.operators]


def test_grok() -> None:
    model = model_from_hf(GROK)
    assert model.params == 315_684_820_992
    assert model.active_params == 83_756_587_008
    assert row(model, "experts").read_elems == 3 * 6144 * 32768
    assert row(model, "norms").read_elems == 4 * 6144
    common = {
        "model_type": "grok",
        "hidden_size": 6144,
        "num_hidden_layers": 64,
        "num_attention_heads": 48,
        "num_key_value_heads": 8,
        "intermediate_size": 32768,
        "vocab_size": 131072,
        "max_position_embeddings": 8192,
        "num_experts": 8,
        "num_experts_per_tok": 2,
    }
    assert model_from_hf(common).operators == model.operators
    odd = GROK | {"emb_size": 100 * 128, "num_q_heads": 100, "num_kv_heads": 4, "widening_factor": 7}
    assert row(model_from_hf(odd), "experts").read_elems == 3 * 12800 * 59736  # 59733 and a third, to a multiple of 8
    second = GROK | {"residual_moe": True, "intermediate_size": 4096, "moe_intermediate_size": 2048}
    assert row(model_from_hf(second), "shared_expert").read_elems == 3 * 6144 * 4096
    assert row(model_from_hf(second), "experts").read_elems == 3 * 6144 * 2048


def test_dbrx() -> None:
    config = DBRX | {
        "d_model": 6144,
        "n_layers": 40,
        "n_heads": 48,
        "vocab_size": 100352,
        "max_seq_len": 32768,
        "attn_config": {"kv_n_heads": 8},
        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
    }
    model = model_from_hf(config)
    assert (model.params, model.active_params, model.max_context) == (131_596_523_520, 36_469_708_800, 32768)
    assert row(model, "attention").kv_store_elems == 2 * 8 * 128


# --- windows and caches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (NEO, {math.inf: 1, 16: 2}),
        (GQA | {"model_type": "phi3", "sliding_window": 16}, {16: 3}),
        (GQA | {"model_type": "phi3", "sliding_window": 64}, {math.inf: 3}),  # as long as the context: off
        (GQA | {"model_type": "phi3", "sliding_window": 262144}, {math.inf: 3}),
        (PHIMOE | {"sliding_window": 64}, {math.inf: 3}),
        (GQA | {"model_type": "starcoder2", "sliding_window": 16}, {16: 3}),
        (GQA | {"model_type": "cohere2", "num_hidden_layers": 9}, {4096: 7, math.inf: 2}),
        (GQA | {"model_type": "cohere2", "sliding_window_pattern": 2, "sliding_window": 8}, {8: 2, math.inf: 1}),
        (GQA | {"model_type": "cohere2", "layer_types": ["full_attention"] * 3}, {math.inf: 3}),
        (GQA | {"model_type": "olmo3", "num_hidden_layers": 8}, {4096: 6, math.inf: 2}),
        (MPT | {"attn_config": {"sliding_window_size": 16}}, {16: 3}),
        (MPT | {"attn_config": {"sliding_window_size": -1}}, {math.inf: 3}),
    ],
)
def test_windows(config: dict[str, Any], expected: dict[float, float]) -> None:
    assert windows(config) == expected


def test_block_sparse_attention_reads_its_blocks_and_one_token_in_so_many() -> None:
    model = model_from_hf(SMALL_8K)
    assert model.params == 7_392_272_384
    kv = 2 * 8 * 128
    full = row(model, "attention.full")
    near, far = row(model, "attention.window1024"), row(model, "attention_strided.window1024")
    assert (full.count, near.count, far.count) == (16, 16, 16)
    assert (near.window, far.window, near.kv_store_elems, far.kv_store_elems) == (1024, math.inf, 0, kv)
    for context in (100, 1024, 8192):
        seen = min(context, 1024) + max(context - 1024, 0) / 8
        read = far.kv_read_elems * context + near.kv_read_elems * min(context, 1024)
        work = far.flops_ctx_decode * context + near.flops_ctx_decode * min(context, 1024)
        assert (read, work) == (kv * seen, 4 * 32 * 128 * seen)
    assert near.flops_ctx_prefill + far.flops_ctx_prefill == full.flops_ctx_prefill
    dense = model_from_hf(SMALL_8K | {"dense_attention_every_n_layers": 1})
    assert [op.name for op in dense.rows(Kind.ATTENTION)] == ["attention"]


@pytest.mark.parametrize(
    ("config", "kv_heads"),
    [
        (FALCON, 1),
        (FALCON | {"num_kv_heads": 4}, 1),  # written by the class, never read
        (FALCON | {"multi_query": False}, 4),
        (FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2}, 2),
        (FALCON | {"new_decoder_architecture": True}, 4),
        (GPT | {"model_type": "gpt_bigcode"}, 1),
        (MPT, 4),
        (MPT | {"attn_config": {"attn_type": "multiquery_attention"}}, 1),
        (MPT | {"attn_config": {"attn_type": "grouped_query_attention", "kv_n_heads": 2}}, 2),
    ],
)
def test_kv_heads_by_their_own_keys(config: dict[str, Any], kv_heads: int) -> None:
    attention = row(model_from_hf(config), "attention")
    assert (attention.kv_heads, attention.kv_store_elems) == (kv_heads, 2 * kv_heads * 8)


def test_first_releases_of_falcon() -> None:
    old = {"n_layer": 3, "n_head": 4, "hidden_size": 32, "vocab_size": 100}
    ffn = without(FALCON, "ffn_hidden_size")
    seven = {"model_type": "RefinedWebModel", "multi_query": True, "parallel_attn": True}
    assert model_from_hf(old | seven).operators == model_from_hf(ffn).operators
    forty = ffn | {"new_decoder_architecture": True, "num_kv_heads": 2}
    assert model_from_hf(old | {"model_type": "RefinedWeb", "n_head_kv": 2}).operators == model_from_hf(forty).operators


def test_mpt_with_what_its_library_has_besides() -> None:
    plain = model_from_hf(MPT).params
    table = 2048 * 32
    assert model_from_hf(MPT | {"attn_config": {"alibi": False}}).params == plain + table
    assert model_from_hf(MPT | {"attn_config": {"alibi": False, "rope": True}}).params == plain
    assert model_from_hf(MPT | {"attn_config": {"alibi": False}, "learned_pos_emb": False}).params == plain
    biases = 3 * (3 * 32 + 32 + 128 + 32) + 7 * 32  # matrices of three layers, seven norms
    assert model_from_hf(MPT | {"no_bias": False}).params == plain + biases
    rms = MPT | {"no_bias": False, "norm_type": "rmsnorm"}
    assert model_from_hf(rms).params == plain + biases - 7 * 32
    assert model_from_hf(MPT | {"attn_config": {"qk_ln": True}}).params == plain + 3 * 64
    assert row(model_from_hf(MPT | {"expansion_ratio": 3}), "mlp_up").read_elems == 32 * 96


def test_longest_context() -> None:
    cohere = GQA | {"model_type": "cohere"}
    assert model_from_hf(cohere).max_context == 64
    assert model_from_hf(cohere | {"model_max_length": 131072}).max_context == 131072
    assert model_from_hf(MPT).max_context == 2048
    assert model_from_hf(GROK).max_context == 8192
    assert model_from_hf(GPT | {"model_type": "gpt2"}).max_context == 48


# --- keys ------------------------------------------------------------------------------------------------------------


def test_either_spelling_of_a_key() -> None:
    own = GPT | {"model_type": "gpt2"}
    common = MHA | {"model_type": "gpt2", "max_position_embeddings": 48, "intermediate_size": None}
    assert model_from_hf(common).operators == model_from_hf(own).operators
    assert model_from_hf(own | {"hidden_size": 32}).operators == model_from_hf(own).operators
    refused(own | {"hidden_size": 64}, "n_embd = 32 contradicts hidden_size = 64")


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        (GPT | {"model_type": "gpt2"}, "n_embd n_layer n_head vocab_size"),
        (NEO, "hidden_size num_layers num_heads vocab_size"),
        (OPT, "hidden_size ffn_dim max_position_embeddings"),
        (MPT, "d_model n_layers n_heads"),
        (GROK, "emb_size num_q_heads num_layers num_experts num_selected_experts widening_factor"),
        (SMALL_8K, "hidden_size ff_intermediate_size"),
        (PHIMOE, "num_local_experts num_experts_per_tok intermediate_size"),
    ],
)
def test_missing_keys_are_named_as_the_family_spells_them(config: dict[str, Any], keys: str) -> None:
    for key in keys.split():
        refused(without(config, key), "missing key", f"{key!r}", f"model_type {config['model_type']!r} needs it")
    refused({"model_type": "gpt2"}, "missing key 'n_head' (or 'num_attention_heads'): model_type 'gpt2' needs it")


def test_wrong_values_and_contradictions() -> None:
    gpt2 = GPT | {"model_type": "gpt2"}
    refused(gpt2 | {"n_embd": -1}, "n_embd = -1: expected a whole number")
    refused(gpt2 | {"n_head": 5}, "n_embd = 32 is not a multiple of n_head = 5")
    refused(gpt2 | {"num_key_value_heads": 2}, "num_key_value_heads = 2: model_type 'gpt2' has 4 for n_head = 4")
    refused(gpt2 | {"add_cross_attention": True}, "add_cross_attention = True", "not a decoder-only")
    refused(FALCON | {"num_key_value_heads": 2}, "num_key_value_heads = 2: model_type 'falcon' has 1")
    refused(NEO | {"num_layers": 4}, "attention_types gives 3 layers, num_layers = 4 needs as many")
    refused(NEO | {"attention_types": [["global", 3]]}, "attention_types holds ['global', 3]")
    refused(NEO | {"attention_types": [[["sparse"], 3]]}, "holds 'sparse': expected 'global' or 'local'")
    refused(MPT | {"attn_config": {"attn_type": "linear"}}, "attn_config: attn_type = 'linear'", "grouped_query")
    refused(MPT | {"attn_config": {"kv_n_heads": 2}}, "kv_n_heads = 2", "n_heads = 4")
    refused(MPT | {"attn_config": [1]}, "attn_config = [1]: expected an object")
    refused(DBRX | {"ffn_config": {"moe_top_k": 5}}, "moe_top_k = 5 is more than moe_num_experts = 4")
    refused(PHIMOE | {"num_experts_per_tok": 5}, "num_experts_per_tok = 5 is more than num_local_experts = 4")
    refused(GQA | {"model_type": "cohere2", "layer_types": ["full_attention"]}, "layer_types has 1 entries")
