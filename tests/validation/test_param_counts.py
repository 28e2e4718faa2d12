"""Parameter totals and cache sizes against published ones, and against counts written here a second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenroof.catalogue import load_models as catalogue
from tokenroof.catalogue._toml import load_toml
from tokenroof.catalogue.load_models import model, model_ids
from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind, Stage


def whole(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("model_id", model_ids())
def test_total_equals_the_published_one_to_the_last_digit(model_id: str) -> None:
    data = load_toml(Path(catalogue.__file__).parent / "models" / f"{model_id}.toml")
    total = data["params"]["total"]
    assert model(model_id).params == whole(total["value"]) - whole(total.get("excess", "0"))


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
    ],
)
def test_cache_per_token(model_id: str, elems: int, bf16_bytes: int) -> None:
    assert model(model_id).kv_elems_per_token == elems
    assert 2 * elems == bf16_bytes


def test_latent_attention_of_deepseek_v3() -> None:
    rows = model("deepseek-v3").rows(Kind.ATTENTION)
    assert {op.flops_ctx_decode for op in rows} == {278_528}
    assert {op.flops_ctx_prefill for op in rows} == {81_920}


@pytest.mark.parametrize("model_id", model_ids())
def test_matrices_cost_two_flops_per_active_element(model_id: str) -> None:
    lowered = model(model_id)
    table = lowered.vocab * lowered.hidden
    small = sum(op.active_params for op in lowered.operators if op.kind is Kind.REPLICATED and not op.flops_token)
    experts = lowered.rows(Kind.EXPERTS)
    biases = sum(op.active_params - op.count * op.flops_token / 2 for op in experts)
    untied = 0 if lowered.rows(Kind.HEAD)[0].tied_elems else table
    matrices = lowered.active_params - small - biases - untied  # minus the table that is only looked up
    assert sum(op.count * op.flops_token for op in lowered.operators) == 2 * matrices


@pytest.mark.parametrize("model_id", model_ids())
def test_every_layer_has_one_mixer_and_one_block(model_id: str) -> None:
    lowered = model(model_id)
    assert sum(op.count for op in lowered.rows(Kind.ATTENTION)) == lowered.layers
    assert sum(op.count for op in lowered.operators if op.name.startswith(("mlp_down", "experts"))) == lowered.layers
    assert sum(op.count for op in lowered.rows(Kind.ALL_REDUCE)) == 2 * lowered.layers
    assert all(op.count == op.stored for op in lowered.operators)
    assert len({op.name for op in lowered.operators}) == len(lowered.operators)


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
