"""Each architecture of GGUF becomes the very operators that the family's ``config.json`` becomes."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")

import gguf
from gguf_cases import CASES, CONFIG, ENDS, HIDDEN, KEYS, LAYERS, PUBLISHED, VOCAB
from gguf_files import write

import tokenroof as tr
from tokenroof.lowering import families
from tokenroof.lowering.gguf.architectures import ARCHITECTURES, spellings
from tokenroof.specs import Model

#: Shapes of tensors whose sizes are read.
SHAPES = {"per_layer_token_embd.weight": (90, 32), "blk.0.laurel_l.weight": (16, HIDDEN), "output.bias": (VOCAB,)}


def tensors(names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Tensors by name, those of a block in block 0 unless they say in which."""
    whole = [
        name
        if name.startswith(("output", "per_layer", "position"))
        else f"blk.{name if name[0].isdigit() else f'0.{name}'}"
        for name in names
    ]
    return {name: SHAPES.get(name, (1,)) for name in whole}


@pytest.mark.parametrize(("arch", "config", "keys", "names"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_as_the_config(
    tmp_path: Path, arch: str, config: dict[str, Any], keys: dict[str, Any], names: tuple[str, ...]
) -> None:
    model = Model.from_gguf(write(tmp_path / "a.gguf", arch, KEYS | keys, ENDS | tensors(names)))
    expected = Model.from_hf(CONFIG | config)
    assert model.operators == expected.operators
    assert (model.layers, model.hidden, model.vocab, model.max_context) == (LAYERS, HIDDEN, VOCAB, 512)


def test_every_architecture_is_tried_and_leads_to_a_family() -> None:
    assert {case[0] for case in CASES} == set(ARCHITECTURES)
    assert set(ARCHITECTURES) <= set(gguf.MODEL_ARCH_NAMES.values())
    for name, found in ARCHITECTURES.items():
        if isinstance(found.model_type, str):
            assert found.model_type in families(), name


def test_keys_are_those_of_the_specification() -> None:
    known: set[str] = set()
    for group in vars(gguf.Keys).values():
        if inspect.isclass(group):
            places = [group, *(inner for inner in vars(group).values() if inspect.isclass(inner))]
            known |= {v.removeprefix("{arch}.") for place in places for v in vars(place).values() if isinstance(v, str)}
    for name, found in ARCHITECTURES.items():
        for key, recipe in found.keys.items():
            if isinstance(recipe, str):
                assert recipe.removesuffix("?").removesuffix(">0") in known, (name, key)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_headers(tmp_path: Path, name: str) -> None:
    arch, keys = PUBLISHED[name]
    model, known = Model.from_gguf(write(tmp_path / "a.gguf", arch, keys)), tr.model(name)
    # headers of before the keys of expert groups do not say to how many nodes a token's experts are limited
    assert model.operators == tuple(replace(op, nodes=0.0) for op in known.operators)
    assert model.params == known.params


def test_messages_speak_of_keys_of_the_file(tmp_path: Path) -> None:
    from tokenroof.lowering.gguf.file import read_gguf
    from tokenroof.lowering.gguf.keys import Keys

    spelt = spellings(Keys(read_gguf(write(tmp_path / "a.gguf", "llama", KEYS, ENDS))))
    assert spelt["num_key_value_heads"] == "llama.attention.head_count_kv"
    assert spelt["num_local_experts"] == "llama.expert_count"
    assert "vocab_size" not in spelt
