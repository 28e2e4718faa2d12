"""Parameters, cache and work of the catalogue's models and of random ones, against counts written here once more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenroof.catalogue.load_models import model, model_ids
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind, Stage


@pytest.mark.parametrize(
    ("model_id", "total"),
    [
        ("deepseek-v3", 671_026_419_200),
        ("llama-3.1-70b", 70_553_706_496),
        ("llama-3.1-405b", 405_853_388_800),
        ("mixtral-8x7b", 46_702_792_704),
        ("gpt-oss-120b", 116_829_156_672),
        ("gpt-oss-20b", 20_914_757_184),
        ("qwen2.5-72b", 72_706_203_648),
        ("gpt-4", 1_796_876_611_584),
        ("gpt-3-13b", 40 * (4 * 5140 * 5120 + 3 * 5120 + 8 * 5140**2 + 10 * 5140) + (50257 + 2048 + 2) * 5140),
    ],
)
def test_totals(model_id: str, total: int) -> None:
    assert model(model_id).params == total


@pytest.mark.parametrize(
    ("model_id", "active"),
    [  # everything that is not a routed expert, plus the experts of one token; embedding and head included
        ("mixtral-8x7b", 12_879_925_248),
        ("mixtral-8x22b", 39_152_031_744),
        ("deepseek-v3", 37_552_297_472),
        ("kimi-k2", 32_861_500_928),
        ("qwen3-30b-a3b", 3_353_032_704),
        ("qwen3-235b-a22b", 22_190_763_520),
        ("qwen3-coder-480b-a35b", 35_474_765_312),
        ("gpt-oss-20b", 4_187_440_704),
        ("gpt-oss-120b", 5_711_982_912),
        ("gpt-4", 274_847_576_064),
        ("llama-3.1-8b", 8_030_261_248),
    ],
)
def test_active_parameters(model_id: str, active: int) -> None:
    assert model(model_id).active_params == active


@pytest.mark.parametrize(
    ("model_id", "elems", "bf16_bytes"),
    [  # DeepSeek-V3, Qwen2.5-72B, Llama-3.1-405B: arXiv:2505.09343, table 1 (70.272, 327.680, 516.096 kB)
        ("deepseek-v3", 35_136, 70_272),
        ("qwen2.5-72b", 163_840, 327_680),
        ("llama-3.1-405b", 258_048, 516_096),
        ("llama-3.1-70b", 163_840, 327_680),
        ("llama-2-7b", 262_144, 524_288),
        ("gpt-4", 46_080, 92_160),
        ("falcon-7b", 4_096, 8_192),  # one head for all
        ("palm-540b", 60_416, 120_832),
        ("deepseek-v3.2", 42_944, 85_888),  # DeepSeek-V3's and an indexer key of 128 per layer
        ("minimax-m1", 20_480, 40_960),  # 10 of 80 layers
        ("jamba-v0.1", 8_192, 16_384),  # 4 of 32
        ("nemotron-h-47b", 10_240, 20_480),  # 5 of 98
        ("mamba2-2.7b", 0, 0),
        ("mobilellm-ls-125m", 23_040, 46_080),  # each execution of a block keeps a cache of its own
        ("llama-3.2-90b-vision", 163_840, 327_680),  # 80 of 100: the others look at the image
    ],
)
def test_cache_per_token(model_id: str, elems: int, bf16_bytes: int) -> None:
    assert model(model_id).kv_elems_per_token == elems
    assert 2 * elems == bf16_bytes


def test_latent_attention_of_deepseek_v3() -> None:
    rows = model("deepseek-v3").rows(Kind.ATTENTION)
    assert {op.flops_ctx_decode for op in rows} == {278_528}
    assert {op.flops_ctx_prefill for op in rows} == {81_920}


def test_the_dense_proxy_costs_what_it_stands_for() -> None:
    assert model("gpt-4-class-proxy-3e12flop").flops_per_token == pytest.approx(3e12, rel=1e-3)


@pytest.mark.parametrize("model_id", model_ids())
def test_matrices_cost_two_flops_per_active_element(model_id: str) -> None:
    lowered = model(model_id)
    assert all(op.flops_token == 2 * op.read_elems for op in lowered.rows(Kind.GEMM, Kind.HEAD))
    for op in lowered.rows(Kind.EXPERTS):
        matrices, active = op.flops_token / 2, op.active * op.read_elems
        assert matrices == active if not model_id.startswith("gpt-oss") else 0.999 * active < matrices < active


@pytest.mark.parametrize("model_id", model_ids())
def test_every_layer_has_its_mixer_and_its_block(model_id: str) -> None:
    lowered = model(model_id)
    mixers = sum(op.count for op in lowered.operators if op.name.split(".")[0] == "attention" or "_scan" in op.name)
    blocks = sum(op.count for op in lowered.operators if op.name.startswith(("mlp_down", "experts")))
    if lowered.family == "nemotron_h":  # a layer is either of the two
        assert mixers + blocks == lowered.layers
    elif lowered.family == "mamba2":
        assert (mixers, blocks) == (lowered.layers, 0)
    else:
        assert mixers == blocks == lowered.layers
    assert len({op.name for op in lowered.operators}) == len(lowered.operators)


@pytest.mark.parametrize("model_id", model_ids())
def test_one_sum_per_mixer_and_per_block_over_the_ranks(model_id: str) -> None:
    lowered = model(model_id)
    one = {
        "cohere",
        "falcon",
        "gpt_neox",
        "gptj",
        "palm",
        "mamba2",
        "nemotron_h",
    }  # side by side, or one part per layer
    sums = sum(op.count for op in lowered.rows(Kind.ALL_REDUCE))
    assert sums == lowered.layers * (1 if lowered.family in one else 2)


def test_layers_that_share_weights_store_them_once() -> None:
    shared = {model_id for model_id in model_ids() if any(op.count != op.stored for op in model(model_id).operators)}
    assert shared == {"mobilellm-ls-125m", "mobilellm-ls-350m", "llama-3.2-90b-vision"}  # the last one skips layers
    once, twice = model("mobilellm-125m"), model("mobilellm-ls-125m")
    assert (twice.params, twice.layers) == (once.params, 2 * once.layers)
    assert twice.kv_elems_per_token == 2 * once.kv_elems_per_token


# --- properties ------------------------------------------------------------------------------------------------------


@st.composite
def llama_like(draw: st.DrawFn) -> dict[str, Any]:
    kv_heads = draw(st.integers(1, 16))
    heads = kv_heads * draw(st.integers(1, 8))
    config: dict[str, Any] = {
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "num_hidden_layers": draw(st.integers(1, 200)),
        "intermediate_size": draw(st.integers(1, 60_000)),
        "vocab_size": draw(st.integers(1, 300_000)),
        "tie_word_embeddings": draw(st.booleans()),
        "attention_bias": draw(st.booleans()),
        "mlp_bias": draw(st.booleans()),
    }
    if draw(st.booleans()):
        config |= {"head_dim": draw(st.integers(1, 256)), "hidden_size": draw(st.integers(1, 20_000))}
    else:
        config["hidden_size"] = heads * draw(st.integers(1, 256))
    return config


def closed_form(c: dict[str, Any]) -> int:
    d, f, v = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    h, g = c["num_attention_heads"], c["num_key_value_heads"]
    w = c.get("head_dim", d // h)
    layer: int = 2 * d * h * w + 2 * d * g * w + 3 * d * f + 2 * d
    layer += (h * w + 2 * g * w + d) * c["attention_bias"] + (2 * f + d) * c["mlp_bias"]
    total: int = c["num_hidden_layers"] * layer + v * d * (1 if c["tie_word_embeddings"] else 2) + d
    return total


@given(llama_like())
def test_random_dense_models_match_a_closed_form(config: dict[str, Any]) -> None:
    lowered = model_from_hf(config)
    assert lowered.params == lowered.active_params == closed_form(config)
    width = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    assert lowered.kv_elems_per_token == 2 * config["num_key_value_heads"] * width * config["num_hidden_layers"]


@given(llama_like(), st.integers(2, 5))
def test_layer_parameters_grow_with_layers(config: dict[str, Any], factor: int) -> None:
    def in_layers(layers: int) -> float:
        lowered = model_from_hf(config | {"num_hidden_layers": layers})
        return sum(op.params for op in lowered.operators if op.stage is Stage.LAYERS)

    layers = config["num_hidden_layers"]
    assert in_layers(factor * layers) == factor * in_layers(layers)


@given(llama_like(), st.integers(1, 64), st.data())
def test_experts_add_only_themselves_and_their_router(
    config: dict[str, Any], experts: int, data: st.DataObject
) -> None:
    active = data.draw(st.integers(1, experts))
    dense = model_from_hf(config | {"attention_bias": False, "mlp_bias": False})
    sparse = model_from_hf(
        config | {"model_type": "mixtral", "num_local_experts": experts, "num_experts_per_tok": active}
    )
    layers, d = config["num_hidden_layers"], config["hidden_size"]
    expert = 3 * d * config["intermediate_size"]
    assert sparse.params - dense.params == layers * ((experts - 1) * expert + d * experts)
    assert sparse.active_params - dense.active_params == layers * ((active - 1) * expert + d * experts)
    assert sparse.kv_elems_per_token == dense.kv_elems_per_token


@given(llama_like(), st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 10_000))
def test_windows_change_no_parameter_and_no_layer(config: dict[str, Any], slides: list[bool], window: int) -> None:
    config |= {"num_hidden_layers": len(slides)}
    kinds = ["sliding_attention" if slide else "full_attention" for slide in slides]
    mixed = model_from_hf(config | {"layer_types": kinds, "sliding_window": window})
    plain = model_from_hf(config)
    assert mixed.params == plain.params
    assert mixed.kv_elems_per_token == plain.kv_elems_per_token
    assert sum(op.count for op in mixed.rows(Kind.ATTENTION) if op.window == window) == sum(slides)
    assert mixed.layers == len(slides)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["hidden_size", "vocab_size", "num_hidden_layers", "layer_types", "head_dim"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab 0", max_size=5),
    )
)
def test_damaged_configs_lower_or_raise_config_errors(damage: dict[str, Any]) -> None:
    from tokenroof.errors import ConfigError

    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 100,
    }
    try:
        assert model_from_hf(config | damage).params > 0
    except ConfigError as error:
        assert any(key in str(error) for key in damage)
