"""Parameter totals against published ones; what else a checkpoint holds against counts written here once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenroof.catalogue import load_models as catalogue
from tokenroof.catalogue._toml import load_toml
from tokenroof.catalogue.load_models import model, model_ids
from tokenroof.lowering import model_from_hf

FACTS = {
    model_id: load_toml(Path(catalogue.__file__).parent / "models" / f"{model_id}.toml") for model_id in model_ids()
}
PARAMS = {model_id: data["params"] for model_id, data in FACTS.items()}
DOCS = Path(__file__).parents[2] / "docs" / "catalogue.md"


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def printed(text: str) -> tuple[float, float]:
    """A published number, and how far the true one may be: less than a unit of the last digit that is printed."""
    scale = {"M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1])
    if scale is None:
        return whole(text), 1
    digits = text[:-1].partition(".")[2]
    return float(text[:-1]) * scale, scale * 10 ** -len(digits)


# --- published counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", [model_id for model_id, params in PARAMS.items() if "total" in params])
def test_total_equals_the_published_one_to_its_last_digit(model_id: str) -> None:
    total, unit = printed(PARAMS[model_id]["total"]["value"])
    assert abs(model(model_id).params - total) < unit


@pytest.mark.parametrize("model_id", [model_id for model_id, params in PARAMS.items() if "checkpoint" in params])
def test_total_and_what_else_a_checkpoint_holds_equal_its_count(model_id: str) -> None:
    params = PARAMS[model_id]
    besides = sum(whole(value) for value in params["besides"].values())
    assert model(model_id).params + besides == whole(params["checkpoint"]["value"])


def test_most_counts_are_exact() -> None:
    exact = [
        p for p in PARAMS.values() if "checkpoint" in p or printed(p.get("total", {"value": "0B"})["value"])[1] == 1
    ]
    assert len(exact) >= 95
    assert sum("unpublished" in params for params in PARAMS.values()) <= 27


@pytest.mark.parametrize("model_id", model_ids())
def test_each_model_has_a_published_count_or_a_reason_in_the_docs(model_id: str) -> None:
    params = PARAMS[model_id]
    assert ("unpublished" in params) != ("total" in params or "checkpoint" in params)
    assert ("besides" in params) == ("checkpoint" in params)
    if "unpublished" in params:
        without = (
            DOCS.read_text(encoding="utf-8").partition("## Models without a published count")[2].partition("\n## ")[0]
        )
        assert f"`{model_id}`" in without


@pytest.mark.parametrize(
    ("model_id", "active"),
    [  # as the makers' cards and papers print it
        ("mixtral-8x7b", "12.9B"),
        ("deepseek-v2", "21B"),
        ("deepseek-v3", "37B"),
        ("kimi-k2", "32B"),
        ("qwen3-235b-a22b", "22B"),
        ("dbrx", "36B"),
        ("phi-3.5-moe", "6.6B"),
        ("jamba-v0.1", "12B"),
        ("jamba-1.5-large", "94B"),
        ("llama-4-scout", "17B"),
        ("llama-4-maverick", "17B"),
        ("nemotron-3-nano-30b-a3b", "3.5B"),
        ("qwen3.5-397b-a17b", "17B"),
        ("gemma-4-26b-a4b", "3.8B"),
    ],
)
def test_active_parameters_as_the_makers_print_them(model_id: str, active: str) -> None:
    number, unit = printed(active)
    assert abs(model(model_id).active_params - number) < unit


# --- what else a checkpoint holds, counted here a second time --------------------------------------------------------


def vision_transformer(width: int, layers: int, block: int, patch: int, positions: int) -> int:
    """Patches of 3 colours, learned positions, layers with biases everywhere, a norm at the end."""
    layer = 4 * (width * width + width) + 2 * width * block + block + width + 4 * width
    return 3 * patch * width + width + positions * width + layers * layer + 2 * width


def qwen_vision(width: int, layers: int, block: int, out: int, deep: int) -> int:
    """Pairs of frames of 16 x 16 patches; four patches become a token, at the end and after ``deep`` layers as well."""
    merger = (4 * width) ** 2 + 4 * width + 4 * width * out + out
    tower = vision_transformer(width, layers, block, 2 * 16 * 16, 48 * 48)
    return tower + merger + deep * (merger + 8 * width)


def llama_4_vision(width: int = 1408, out: int = 4096) -> int:
    """A class token, norms before and after the layers, and an adapter of two matrices, all without biases."""
    tower = vision_transformer(width, 34, 5632, 14 * 14, (336 // 14) ** 2 + 1)
    return tower + 2 * width + 4 * width * out + out * out


def tables(config: dict[str, Any]) -> int:
    return config["vocab_size"] * config["hidden_size"]


def rotary(config: dict[str, Any]) -> int:
    width = config["hidden_size"] // config["num_attention_heads"]
    return config["num_hidden_layers"] * width // 2


def routers(config: dict[str, Any], more: int = 0) -> int:
    """One number per expert and sparse layer; ``more``: sparse layers of the prediction block."""
    return -config["n_routed_experts"] * (config["hybrid_override_pattern"].count("E") + more)


def fp8_tiles(config: dict[str, Any]) -> int:
    """One scale per tile of 128 x 128 in every matrix of DeepSeek-V3 but router, embedding and head."""

    def tiles(rows: int, columns: int) -> int:
        return -(-rows // 128) * -(-columns // 128)

    d, heads = config["hidden_size"], config["num_attention_heads"]
    q, kv, rope = config["q_lora_rank"], config["kv_lora_rank"], config["qk_rope_head_dim"]
    nope, v = config["qk_nope_head_dim"], config["v_head_dim"]
    attention = tiles(q, d) + tiles(heads * (nope + rope), q) + tiles(kv + rope, d)
    attention += tiles(heads * (nope + v), kv) + tiles(d, heads * v)
    expert = 3 * tiles(config["moe_intermediate_size"], d)
    dense = config["first_k_dense_replace"]
    layers = config["num_hidden_layers"] + config["num_nextn_predict_layers"]
    experts = config["n_routed_experts"] + config["n_shared_experts"]
    return layers * attention + 3 * tiles(config["intermediate_size"], d) * dense + (layers - dense) * experts * expert


BESIDES: dict[tuple[str, str], Callable[[dict[str, Any]], int]] = {
    ("", "LM head, stored again"): tables,
    ("", "its copies of embedding and LM head"): lambda config: 2 * tables(config),
    ("", "rotary buffers"): rotary,
    ("nemotron-3-super", "corrections of the routers, in 32 bit"): lambda config: routers(config, more=1),
    ("", "corrections of the routers, in 32 bit"): routers,
    ("", "FP8 scales"): fp8_tiles,
    ("", "56 per layer, of unknown use"): lambda config: 56 * config["num_hidden_layers"],
    ("gemma-3", "vision tower"): lambda config: vision_transformer(1152, 27, 4304, 14 * 14, (896 // 14) ** 2),
    ("gemma-3", "projector"): lambda config: 1152 * config["hidden_size"] + 1152,
    ("llama-4", "vision tower"): lambda config: llama_4_vision(),
    ("llama-4", "projector"): lambda config: 4096 * config["hidden_size"],
    ("qwen3-vl-8b", "vision tower"): lambda config: qwen_vision(1152, 27, 4304, config["hidden_size"], 3),
    ("qwen3-vl", "vision tower"): lambda config: qwen_vision(1024, 24, 4096, config["hidden_size"], 3),
    ("qwen3.6", "vision tower"): lambda config: qwen_vision(1152, 27, 4304, config["hidden_size"], 0),
}


@pytest.mark.parametrize(
    ("model_id", "part"),
    [(model_id, part) for model_id, params in PARAMS.items() for part in params.get("besides", {})],
)
def test_parts_of_a_checkpoint(model_id: str, part: str) -> None:
    config, count = FACTS[model_id]["config"], whole(PARAMS[model_id]["besides"][part])
    lowered = dict(model_from_hf(config).checkpoint)
    again = next((f for (start, name), f in BESIDES.items() if name == part and model_id.startswith(start)), None)
    assert again or part in lowered or (model_id, part) == ("qwen3-next-80b-a3b", "multi-token prediction")
    assert again is None or again(config) == count
    assert lowered.get(part, count) == count
    assert count < 0 or dict(model(model_id).checkpoint)[part] == count


def test_the_prediction_block_of_qwen3_next() -> None:
    config = FACTS["qwen3-next-80b-a3b"]["config"]
    d, width = config["hidden_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * width, config["num_key_value_heads"] * width
    expert = 3 * d * config["moe_intermediate_size"]
    block = d * (2 * q + 2 * kv) + q * d + 2 * width + (config["num_experts"] + 1) * expert + d
    block += d * config["num_experts"] + 2 * d  # router, norms
    assert block + 2 * d * d + 3 * d == whole(PARAMS["qwen3-next-80b-a3b"]["besides"]["multi-token prediction"])
