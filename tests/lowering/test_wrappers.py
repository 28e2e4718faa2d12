"""Which part of a multimodal config is lowered, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from tokenroof.errors import ConfigError
from tokenroof.lowering import families, model_from_hf
from tokenroof.lowering.families.wrappers import _TEXT_TYPES

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 160,
    "vocab_size": 1000,
}
QWEN2_VL = LLAMA | {"model_type": "qwen2_vl_text"}
UNTYPED = {key: value for key, value in LLAMA.items() if key != "model_type"}


def refused(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_hf(config)
    for word in words:
        assert word in str(caught.value)


def tied(config: dict[str, Any]) -> bool:
    head = next(op for op in model_from_hf(config).operators if op.name == "lm_head")
    return head.tied_elems > 0


@pytest.mark.parametrize("place", ["text_config", "llm_config", "language_config"])
def test_places_of_the_language_model(place: str) -> None:
    model = model_from_hf({"model_type": "some_vl", place: LLAMA, "vision_config": {"model_type": "clip"}})
    assert model.operators == model_from_hf(LLAMA).operators
    assert model.family == "llama"


def test_the_wrappers_type_decides_where_the_text_has_none() -> None:
    model = model_from_hf({"model_type": "qwen2_vl", "text_config": UNTYPED})
    assert model.operators == model_from_hf(QWEN2_VL).operators
    assert model.family == "qwen2_vl_text"
    refused({"model_type": "some_vl", "text_config": UNTYPED}, "text_config has no model_type", "'some_vl'")
    refused({"text_config": UNTYPED}, "text_config has no model_type")


def test_keys_of_the_text_among_the_wrappers_own() -> None:
    flat = model_from_hf(UNTYPED | {"model_type": "qwen2_vl", "vision_config": {"depth": 32}})
    assert flat.operators == model_from_hf(QWEN2_VL).operators


def test_wrappers_within_wrappers() -> None:
    inner = {"model_type": "qwen2_vl", "text_config": UNTYPED}
    assert model_from_hf({"model_type": "agent", "language_config": inner}).family == "qwen2_vl_text"


def test_every_text_type_is_known() -> None:
    assert set(_TEXT_TYPES.values()) <= set(families())


def test_tied_embeddings_inside_and_outside() -> None:
    for wrapper in ("mistral3", "qwen2_vl", "qwen3_vl_moe"):
        for outside in (True, False):
            whole = {"model_type": wrapper, "text_config": LLAMA, "tie_word_embeddings": outside}
            assert tied(whole) is outside
            assert tied(whole | {"text_config": LLAMA | {"tie_word_embeddings": False}}) is outside
        assert tied({"model_type": wrapper, "text_config": LLAMA | {"tie_word_embeddings": True}})
        assert not tied({"model_type": wrapper, "text_config": LLAMA})


def test_tied_inside_alone() -> None:
    """Older files say it there; in Qwen3-VL-MoE's it is a default of the class."""
    text = LLAMA | {"tie_word_embeddings": True}
    assert tied({"model_type": "llava_onevision", "tie_word_embeddings": False, "text_config": text})
    assert not tied({"model_type": "qwen3_vl_moe", "tie_word_embeddings": False, "text_config": text})


def test_a_quantiser_inside_or_outside() -> None:
    fp8 = {"quantization_config": {"quant_method": "fp8"}}
    assert model_from_hf({"model_type": "llava", "text_config": LLAMA} | fp8).native_precision == "fp8"
    assert model_from_hf({"model_type": "llava", "text_config": LLAMA | fp8}).native_precision == "fp8"


def test_sizes_that_published_wrappers_leave_out() -> None:
    """LLaVA 1.5 7B and 1.6 on Mistral: what their files say of the text."""
    llava = {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32064}}
    assert model_from_hf(llava).params == 6_738_939_904  # Llama 2 7B with 64 more rows in both tables
    text = {"model_type": "mistral", "intermediate_size": 14336, "vocab_size": 32064, "sliding_window": None}
    assert model_from_hf({"model_type": "llava_next", "text_config": text}).params == 7_242_256_384
    refused({"model_type": "llama", "vocab_size": 32064}, "missing key")  # alone, nothing is left out


def test_what_has_no_decoder_is_refused() -> None:
    refused({"model_type": "clip", "text_config": LLAMA}, "'clip' is not a decoder-only text model")
    refused({"model_type": "some_vl", "text_config": {"model_type": "bert"}}, "'bert' is not a decoder-only")
    refused({"model_type": "grounding-dino", "text_config": {"model_type": "bert"}}, "'bert' is not a decoder-only")


def test_wrong_objects() -> None:
    refused({"model_type": "llava", "text_config": [1]}, "text_config = [1]", "expected an object")
    refused({"model_type": [], "text_config": UNTYPED}, "no model_type")
    refused({"model_type": "llava", "text_config": LLAMA | {"model_type": 3}}, "model_type = 3", "expected a string")
