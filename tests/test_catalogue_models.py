"""The catalogue's models: the files are in order, names are understood, damage is reported."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tokenroof.catalogue import load_models as catalogue
from tokenroof.catalogue._toml import load_toml
from tokenroof.catalogue.load_models import model, model_from_toml, model_ids
from tokenroof.errors import CatalogueError, ConfigError, UnknownNameError
from tokenroof.specs import Kind

FOLDER = Path(catalogue.__file__).parent
SOURCES = load_toml(FOLDER / "sources" / "models.toml")

SMALL = """
id = "small"
[config]
model_type = "llama"
hidden_size = 64
num_hidden_layers = 2
num_attention_heads = 4
intermediate_size = 128
vocab_size = 100
max_position_embeddings = 256
"""


def facts(model_id: str) -> dict[str, Any]:
    return load_toml(FOLDER / "models" / f"{model_id}.toml")


@pytest.fixture
def toml(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        file = tmp_path / "small.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


# --- the files -------------------------------------------------------------------------------------------------------


def test_the_usual_models_are_there() -> None:
    wanted = "llama-3.1-70b llama-2-7b mixtral-8x7b deepseek-v3 gpt-oss-120b gpt-4 qwen2.5-72b kimi-k2 smollm2-135m"
    assert set(wanted.split()) <= set(model_ids())
    assert len(model_ids()) >= 39
    assert model_ids() == sorted(model_ids())


@pytest.mark.parametrize("model_id", model_ids())
def test_each_file(model_id: str) -> None:
    data, lowered = facts(model_id), model(model_id)
    assert data["id"] == lowered.id == model_id
    assert lowered.name == data["name"] != ""
    assert 2023 <= data["year"] <= 2026
    assert lowered.status == data["status"]
    assert ("hf_repo" in data) == (lowered.status == "official")  # what was not published is nowhere to fetch
    assert lowered.native_precision == data["native_precision"]
    assert lowered.max_context < math.inf
    assert dict(lowered.config) == data["config"]
    total = data["params"]["total"]
    assert total["grade"] in ("published", "computed")
    assert f"{int(total['value'].replace(',', '')):,}" == total["value"]
    assert ("source" in total) == (total["grade"] == "published")
    assert data["provenance"]["config"]["grade"] in ("verbatim", "reconstructed", "derived", "rumour")


@pytest.mark.parametrize("model_id", model_ids())
def test_each_source_is_known(model_id: str) -> None:
    assert model(model_id).sources
    assert set(model(model_id).sources) <= SOURCES.keys()


def test_each_source_has_a_title_and_a_place_and_is_used() -> None:
    used = {key for model_id in model_ids() for key in model(model_id).sources}
    assert used == SOURCES.keys()
    for source in SOURCES.values():
        assert source["title"] and source["ref"]


def test_native_precision_agrees_with_the_config() -> None:
    from tokenroof.lowering import model_from_hf

    for model_id in model_ids():
        assert model(model_id).native_precision == model_from_hf(facts(model_id)["config"]).native_precision


def test_a_context_that_differs_from_the_config() -> None:
    assert model("llama-2-13b").max_context == 4096
    assert facts("llama-2-13b")["config"]["max_position_embeddings"] == 2048


def test_windows() -> None:
    assert {op.window for op in model("mistral-7b-v0.1").rows(Kind.ATTENTION)} == {4096}
    assert {op.window for op in model("mistral-7b-v0.3").rows(Kind.ATTENTION)} == {math.inf}
    assert {op.window: op.count for op in model("gpt-oss-120b").rows(Kind.ATTENTION)} == {128: 18, math.inf: 18}


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["llama-3.1-70b", "Llama-3.1-70B", "llama3.1-70b", "LLAMA 3.1 70B", "meta-llama/Llama-3.1-70B"]
)
def test_spellings(name: str) -> None:
    assert model(name).id == "llama-3.1-70b"


def test_no_two_models_share_a_spelling() -> None:
    assert len({catalogue._fold(model_id) for model_id in model_ids()}) == len(model_ids())


def test_a_model_is_lowered_once() -> None:
    assert model("mixtral-8x7b") is model("Mixtral 8x7B")


def test_the_list_of_ids_is_the_callers_own() -> None:
    model_ids().clear()
    assert model_ids()


@pytest.mark.parametrize("name", ["llama-3.1-71b", "zzz", "", 3, None, ["gpt-4"]])
def test_unknown_names(name: Any) -> None:
    with pytest.raises(UnknownNameError) as caught:
        model(name)
    assert f"unknown model {name!r}" in str(caught.value)


def test_unknown_names_come_with_near_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean .*'llama-3.1-70b'"):
        model("llama-3.1-71b")


# --- files of one's own, and damaged ones ----------------------------------------------------------------------------


def test_a_file_of_ones_own(toml: Any) -> None:
    small = model_from_toml(toml(SMALL))
    assert (small.id, small.name, small.status, small.native_precision) == ("small", "small", "official", "bf16")
    assert (small.max_context, small.sources, small.notes) == (256, (), "")


def test_overrides(toml: Any) -> None:
    head = 'name = "Small"\nstatus = "proxy"\nnative_precision = "fp8"\nmax_context = 99\nnotes = "n"\n'
    small = model_from_toml(toml(head + SMALL))
    assert (small.name, small.status, small.native_precision) == ("Small", "proxy", "fp8")
    assert (small.max_context, small.notes) == (99, "n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1\n" + SMALL, "unknown key 'colour'"),
        (SMALL.replace('id = "small"', ""), "missing key 'id'"),
        (SMALL.replace('"small"', "7"), "id = 7: expected a string"),
        ('id = "x"\n', r"missing table \[config\]"),
        ('id = "x"\nconfig = 3\n', "config = 3: expected a table"),
        ('status = "secret"\n' + SMALL, "status = 'secret': expected one of official, rumoured, proxy"),
        ('native_precision = "fp7"\n' + SMALL, "native_precision: unknown precision 'fp7'"),
        ("max_context = 0\n" + SMALL, "max_context = 0: expected a number of tokens"),
        ("max_context = nan\n" + SMALL, "max_context = nan"),
        ("max_context = true\n" + SMALL, "max_context = True"),
        (SMALL + "[provenance]\nconfig = 3\n", "provenance.config: expected a table with a source and a grade"),
        (SMALL + '[params]\ntotal = { value = "3" }\n', "params.total: expected a table with a source and a grade"),
    ],
)
def test_wrong_files(toml: Any, text: str, message: str) -> None:
    file = toml(text)
    with pytest.raises(CatalogueError, match=message) as caught:
        model_from_toml(file)
    assert str(file) in str(caught.value)


def test_a_config_that_cannot_be_lowered(toml: Any) -> None:
    with pytest.raises(ConfigError, match="'small': missing key 'vocab_size'"):
        model_from_toml(toml(SMALL.replace("vocab_size = 100", "")))


def test_damaged_toml_names_file_and_line(toml: Any) -> None:
    file = toml('id = "small"\nyear = = 3\n')
    with pytest.raises(CatalogueError, match="line 2") as caught:
        load_toml(file)
    assert str(file) in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"none\.toml: cannot be read"):
        load_toml(tmp_path / "none.toml")
    with pytest.raises(CatalogueError, match="cannot be read"):
        load_toml(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"id = \xff")
    with pytest.raises(CatalogueError, match=r"binary\.toml: not UTF-8 text \(byte 5\)"):
        load_toml(binary)
