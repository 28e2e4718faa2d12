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
    wanted = (
        "gpt2 gpt-3-175b gpt-4 opt-66b palm-540b llama-1-65b llama-2-7b llama-3.1-70b llama-4-scout "
        "mistral-7b-v0.1 mixtral-8x7b qwen2.5-72b qwen3-next-80b-a3b qwen3.5-397b-a17b deepseek-v3 deepseek-v3.2 "
        "deepseek-v4-pro kimi-k2 kimi-k3 glm-4.5 glm-5 gpt-oss-120b gemma-3-27b gemma-4-31b phi-4 falcon-180b "
        "mpt-7b command-r-plus dbrx grok-1 minimax-m1 minimax-m3 nemotron-h-47b nemotron-3-super-120b-a12b "
        "jamba-1.5-large mamba2-2.7b mobilellm-ls-125m smollm2-135m gpt-neox-20b olmo-2-13b"
    )
    assert set(wanted.split()) <= set(model_ids())
    assert len(model_ids()) >= 151
    assert model_ids() == sorted(model_ids())


@pytest.mark.parametrize("model_id", model_ids())
def test_each_file(model_id: str) -> None:
    data, lowered = facts(model_id), model(model_id)
    assert data["id"] == lowered.id == model_id
    assert lowered.name == data["name"] != ""
    assert 2019 <= data["year"] <= 2026
    assert lowered.status == data["status"]
    assert "hf_repo" not in data or lowered.status == "official"  # what was not published is nowhere to fetch
    assert lowered.native_precision == data["native_precision"]
    assert lowered.max_context < math.inf
    assert dict(lowered.config) == {key: None if value == "null" else value for key, value in data["config"].items()}
    assert data["provenance"]["config"]["grade"] in ("verbatim", "reconstructed", "derived", "rumour")
    for count in ("total", "checkpoint"):
        fact = data["params"].get(count, {"value": "1", "source": "", "grade": "published"})
        assert fact["grade"] == "published"
        assert fact["value"][-1] in "MBT" or f"{int(fact['value'].replace(',', '')):,}" == fact["value"]


def test_what_nobody_fetches_was_never_released() -> None:
    unreleased = {model_id for model_id in model_ids() if "hf_repo" not in facts(model_id)}
    official = {model_id for model_id in unreleased if model(model_id).status == "official"}
    assert official == {"gpt-3-13b", "gpt-3-175b", "opt-175b", "palm-8b", "palm-62b", "palm-540b"}
    assert unreleased - official == {"gpt-4", "gpt-4-class-proxy-3e12flop", "dense-1t-proxy", "llama-2-34b"}


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
        config = facts(model_id)["config"]
        if "quantization_config" in config:
            assert model(model_id).native_precision == model_from_hf(config).native_precision != "bf16"


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


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("GPT-2", "gpt2"),
        ("llama3-70b", "llama-3-70b"),
        ("llama1-7b", "llama-1-7b"),
        ("llama4-maverick", "llama-4-maverick"),
        ("gemma2-27b", "gemma-2-27b"),
        ("gpt3-175b", "gpt-3-175b"),
        ("Mamba2 2.7B", "mamba2-2.7b"),
        ("Jamba-1.5-Large", "jamba-1.5-large"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),  # by its repository
        ("CohereForAI/c4ai-command-r-plus", "command-r-plus"),
        ("ai21labs/AI21-Jamba-1.5-Large", "jamba-1.5-large"),
        ("mistral-large-instruct-2407", "mistral-large-2"),
    ],
)
def test_names_of_other_tools(name: str, model_id: str) -> None:
    assert model(name).id == model_id


def test_no_two_models_share_a_spelling() -> None:
    assert len({catalogue._fold(model_id) for model_id in model_ids()}) == len(model_ids())


def test_a_repository_names_one_model() -> None:
    repositories = [catalogue._fold(data["hf_repo"]) for data in map(facts, model_ids()) if "hf_repo" in data]
    assert len(set(repositories)) == len(repositories) == len(catalogue._by_repository())
    ids = {catalogue._fold(model_id): model_id for model_id in model_ids()}
    assert all(ids.get(name, found) == found for name, found in catalogue._by_repository().items())


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


@pytest.mark.parametrize(
    ("name", "near"),
    [("llama-3.1-71b", "llama-3.1-70b"), ("gpt4-rumoured", "gpt-4"), ("mixtral-8x7", "mixtral-8x7b")],
)
def test_unknown_names_come_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"did you mean .*'{near}'"):
        model(name)


# --- files of one's own, and damaged ones ----------------------------------------------------------------------------


def test_a_file_of_ones_own(toml: Any) -> None:
    small = model_from_toml(toml(SMALL))
    assert (small.id, small.name, small.status, small.native_precision) == ("small", "small", "official", "bf16")
    assert (small.max_context, small.sources, small.notes) == (256, (), "")


def test_what_a_checkpoint_holds_besides(toml: Any) -> None:
    small = model_from_toml(toml(SMALL + '[params.besides]\n"vision tower" = "1,234"\n"left out" = "-5"\n'))
    assert small.checkpoint == (("vision tower", 1234),)
    assert small.params == model_from_toml(toml(SMALL)).params


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
        (SMALL + '[params]\ntotals = "3"\n', "unknown key params.totals: known are besides, checkpoint, total"),
        (SMALL + '[params.besides]\nmtp = "3B"\n', "params.besides.mtp = '3B': expected digits such as '1,234'"),
        (SMALL + "[params.besides]\nmtp = 3\n", "params.besides.mtp = 3: expected digits"),
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
