"""What a lowered model says of itself, where configs come from, and shapes of one's own."""

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
from configs import DEEPSEEK, LLAMA, lower, names, row, without

from tokenroof import lowering
from tokenroof.errors import SpecError
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
from tokenroof.specs import Model


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
