"""Configs that cannot be lowered: one test per error message."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from configs import DEEPSEEK, GPT_OSS, LLAMA, MIXTRAL, QWEN2, QWEN3_MOE, lower, without

from tokenroof.errors import ConfigError
from tokenroof.lowering import (
    model_from_hf,
)


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
