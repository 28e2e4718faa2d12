"""GGUF files, written whole and read back: the sum of their tensors is the model's number of parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")

import gguf
from gguf_files import attention, blocks, dense, experts, norms, total, write

from tokenroof.errors import ConfigError, TokenroofError
from tokenroof.specs import Model

HIDDEN, VOCAB = 64, 100
LLAMA: dict[str, Any] = {
    "block_count": 3,
    "context_length": 512,
    "embedding_length": HIDDEN,
    "feed_forward_length": 160,
    "attention.head_count": 8,
    "attention.head_count_kv": 2,
}
ENDS = {"token_embd.weight": (VOCAB, HIDDEN), "output_norm.weight": (HIDDEN,)}
HEAD = {"output.weight": (VOCAB, HIDDEN)}
LLAMA_BLOCK = {
    **attention(HIDDEN, 64, 16),
    **dense(HIDDEN, 160),
    **norms(HIDDEN, "attn_norm", "ffn_norm"),
}
LLAMA_TENSORS = {**ENDS, **HEAD, **blocks(3, LLAMA_BLOCK)}


def without(keys: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in keys.items() if k != key}


def refused(path: Path, *words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Model.from_gguf(path)
    for word in (path.name, *words):
        assert word in str(caught.value)


# --- whole files -----------------------------------------------------------------------------------------------------


def test_llama(tmp_path: Path) -> None:
    general = {"general.name": "Tiny Llama", "general.type": "model"}
    path = write(tmp_path / "tiny-f16.gguf", "llama", LLAMA, LLAMA_TENSORS, general=general, vocab=VOCAB)
    model = Model.from_gguf(path)
    config = {
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "intermediate_size": 160,
        "vocab_size": VOCAB,
        "max_position_embeddings": 512,
    }
    assert model.operators == Model.from_hf(config).operators
    assert model.params == total(LLAMA_TENSORS)
    assert (model.id, model.name, model.family, model.max_context) == ("tiny-f16", "Tiny Llama", "llama", 512)
    assert model.native_precision == "fp16"
    assert "16.00 bits per weight (F16 100.0%)" in model.notes
    assert f"{2 * total(LLAMA_TENSORS):,} bytes" in model.notes
    assert "than its metadata" not in model.notes
    assert Model.from_gguf(str(path), id="mine").id == "mine"


def test_a_head_of_its_own_or_the_embedding(tmp_path: Path) -> None:
    tied = {name: shape for name, shape in LLAMA_TENSORS.items() if name != "output.weight"}
    assert Model.from_gguf(write(tmp_path / "tied.gguf", "llama", LLAMA, tied)).summary().tied
    assert not Model.from_gguf(write(tmp_path / "own.gguf", "llama", LLAMA, LLAMA_TENSORS)).summary().tied


def test_rotary_tables_are_no_parameters(tmp_path: Path) -> None:
    tensors = {**LLAMA_TENSORS, "rope_freqs.weight": (4,), "rope_factors_long.weight": (4,)}
    model = Model.from_gguf(write(tmp_path / "a.gguf", "llama", LLAMA, tensors))
    assert model.params == total(LLAMA_TENSORS)
    assert "than its metadata" not in model.notes


def test_mixtral_is_a_llama_with_experts(tmp_path: Path) -> None:
    keys = LLAMA | {"expert_count": 4, "expert_used_count": 2, "attention.sliding_window": 128}
    block = {**attention(HIDDEN, 64, 16), **experts(HIDDEN, 4, 160), **norms(HIDDEN, "attn_norm", "ffn_norm")}
    tensors = {**ENDS, **HEAD, **blocks(3, block)}
    model = Model.from_gguf(write(tmp_path / "a.gguf", "llama", keys, tensors))
    assert (model.family, model.params) == ("mixtral", total(tensors))
    assert [use.reads for use in model.summary().cache_uses] == [(("window", 128.0),)]


def test_biases_are_told_by_tensors(tmp_path: Path) -> None:
    biases = {"attn_q.bias": (64,), "attn_k.bias": (16,), "attn_v.bias": (16,), "attn_output.bias": (HIDDEN,)}
    mlp = {"ffn_gate.bias": (160,), "ffn_up.bias": (160,), "ffn_down.bias": (HIDDEN,)}
    tensors = {**ENDS, **blocks(3, {**LLAMA_BLOCK, **biases, **mlp})}
    model = Model.from_gguf(write(tmp_path / "a.gguf", "llama", LLAMA, tensors))
    assert model.params == total(tensors)


def test_qwen3moe(tmp_path: Path) -> None:
    keys = LLAMA | {
        "attention.key_length": 16,
        "expert_count": 8,
        "expert_used_count": 2,
        "expert_feed_forward_length": 24,
    }
    block = {
        **attention(HIDDEN, 128, 32),
        "attn_q_norm.weight": (16,),
        "attn_k_norm.weight": (16,),
        **experts(HIDDEN, 8, 24),
        **norms(HIDDEN, "attn_norm", "ffn_norm"),
    }
    tensors = {**ENDS, **HEAD, **blocks(3, block)}
    model = Model.from_gguf(write(tmp_path / "a.gguf", "qwen3moe", keys, tensors))
    assert (model.family, model.params) == ("qwen3_moe", total(tensors))
    assert model.summary().experts == ((3, 8, 2),)
    # files of before the key existed tell the width by their tensors
    old = write(tmp_path / "old.gguf", "qwen3moe", without(keys, "expert_feed_forward_length"), tensors)
    assert Model.from_gguf(old).operators == model.operators


@pytest.mark.parametrize(("arch", "norm_names"), [("gemma2", ()), ("gemma3", ("attn_q_norm", "attn_k_norm"))])
def test_gemma(tmp_path: Path, arch: str, norm_names: tuple[str, ...]) -> None:
    keys = LLAMA | {"block_count": 6, "attention.key_length": 12, "attention.sliding_window": 32}
    block = {
        **attention(HIDDEN, 96, 24),
        **norms(12, *norm_names),
        **dense(HIDDEN, 160),
        **norms(HIDDEN, "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
    }
    tensors = {**ENDS, **blocks(6, block)}
    model = Model.from_gguf(write(tmp_path / "a.gguf", arch, keys, tensors, vocab=VOCAB + 8))
    assert model.params == total(tensors), "the embedding's rows, not the tokenizer's tokens"
    windowed = {"gemma2": 3, "gemma3": 5}[arch]
    assert {use.reads[0][0]: use.layers for use in model.summary().cache_uses} == {
        "window": windowed,
        "all": 6 - windowed,
    }


DEEPSEEK = LLAMA | {
    "leading_dense_block_count": 1,
    "attention.q_lora_rank": 48,
    "attention.kv_lora_rank": 32,
    "rope.dimension_count": 8,
    "expert_count": 16,
    "expert_used_count": 4,
    "expert_shared_count": 2,
    "expert_feed_forward_length": 24,
    "expert_gating_func": 2,
}
#: 8 heads with 16 + 8 columns of a key and 12 of a value.
LATENT = {
    "attn_q_a.weight": (48, HIDDEN),
    "attn_q_a_norm.weight": (48,),
    "attn_q_b.weight": (8 * 24, 48),
    "attn_kv_a_mqa.weight": (40, HIDDEN),
    "attn_kv_a_norm.weight": (32,),
    "attn_output.weight": (HIDDEN, 96),
    **norms(HIDDEN, "attn_norm", "ffn_norm"),
}
OLD_LATENT = {**LATENT, "attn_kv_b.weight": (8 * 28, 32)}
NEW_LATENT = {**LATENT, "attn_k_b.weight": (8, 32, 16), "attn_v_b.weight": (8, 12, 32)}
SPARSE = {**experts(HIDDEN, 16, 24), "exp_probs_b.bias": (16,), **dense(HIDDEN, 48, "_shexp")}


@pytest.mark.parametrize(
    ("keys", "latent"),
    [
        ({"attention.head_count_kv": 8, "attention.key_length": 24, "attention.value_length": 12}, OLD_LATENT),
        (
            {
                "attention.head_count_kv": 1,
                "attention.key_length": 40,
                "attention.value_length": 32,
                "attention.key_length_mla": 24,
                "attention.value_length_mla": 12,
            },
            NEW_LATENT,
        ),
    ],
    ids=["before 2025", "as one cached head"],
)
def test_deepseek2(tmp_path: Path, keys: dict[str, int], latent: dict[str, tuple[int, ...]]) -> None:
    tensors = {
        **ENDS,
        **HEAD,
        **blocks(1, {**latent, **dense(HIDDEN, 160)}),
        **blocks(2, {**latent, **SPARSE}, first=1),
    }
    model = Model.from_gguf(write(tmp_path / "a.gguf", "deepseek2", DEEPSEEK | keys, tensors))
    assert (model.family, model.params) == ("deepseek_v3", total(tensors))
    assert model.kv_elems_per_token == 3 * 40
    # V2 corrects no scores, and its small version has no compressed queries
    del tensors["blk.1.exp_probs_b.bias"], tensors["blk.2.exp_probs_b.bias"]
    lite = {name: shape for name, shape in tensors.items() if "attn_q_" not in name}
    lite |= blocks(3, {"attn_q.weight": (8 * 24, HIDDEN)})
    lite_keys = without(without(DEEPSEEK, "attention.q_lora_rank"), "expert_gating_func") | keys
    model = Model.from_gguf(write(tmp_path / "lite.gguf", "deepseek2", lite_keys, lite))
    assert (model.family, model.params) == ("deepseek_v2", total(lite))


def test_blocks_that_predict_further_tokens_are_named_apart(tmp_path: Path) -> None:
    keys = LLAMA | {
        "block_count": 4,
        "nextn_predict_layers": 1,
        "attention.key_length": 16,
        "leading_dense_block_count": 1,
        "expert_count": 16,
        "expert_used_count": 4,
        "expert_shared_count": 1,
        "expert_feed_forward_length": 24,
    }
    mixer = {**attention(HIDDEN, 128, 32), **norms(HIDDEN, "attn_norm", "post_attention_norm")}
    sparse = {**experts(HIDDEN, 16, 24), "exp_probs_b.bias": (16,), **dense(HIDDEN, 24, "_shexp")}
    tensors = {
        **ENDS,
        **HEAD,
        **blocks(1, {**mixer, **dense(HIDDEN, 160)}),
        **blocks(2, {**mixer, **sparse}, first=1),
    }
    extra = blocks(1, {**mixer, **sparse, "nextn.eh_proj.weight": (HIDDEN, 2 * HIDDEN)}, first=3)
    model = Model.from_gguf(write(tmp_path / "a.gguf", "glm4moe", keys, {**tensors, **extra}))
    assert (model.layers, model.params) == (3, total(tensors))
    assert model.checkpoint == (("prediction blocks", total(extra)),)
    assert "than its metadata" not in model.notes


def test_what_differs_is_said(tmp_path: Path) -> None:
    more = {**LLAMA_TENSORS, "blk.0.attn_extra.weight": (5, 7)}
    model = Model.from_gguf(write(tmp_path / "more.gguf", "llama", LLAMA, more))
    assert "hold 35 parameters more than its metadata describe" in model.notes
    less = {name: shape for name, shape in LLAMA_TENSORS.items() if name != "blk.2.ffn_norm.weight"}
    model = Model.from_gguf(write(tmp_path / "less.gguf", "llama", LLAMA, less))
    assert "hold 64 parameters less than its metadata describe" in model.notes


def test_keys_alone(tmp_path: Path) -> None:
    model = Model.from_gguf(write(tmp_path / "keys.gguf", "llama", LLAMA, vocab=VOCAB))
    assert model.vocab == VOCAB
    assert "no tensors" in model.notes
    assert Model.from_gguf(write(tmp_path / "key.gguf", "llama", LLAMA | {"vocab_size": 77}, vocab=VOCAB)).vocab == 77


@pytest.mark.parametrize(
    ("kind", "native", "bits"),
    [("Q4_K", "q4_k/bf16/bf16", 4.5), ("Q8_0", "q8_0/bf16/bf16", 8.5), ("IQ2_XXS", "w2a16", 2.0625),
     ("IQ3_S", "w3a16", 3.4375), ("F32", "fp32", 32), ("BF16", "bf16", 16), ("MXFP4", "mxfp4", 4.25)],
)  # fmt: skip
def test_formats(tmp_path: Path, kind: str, native: str, bits: float) -> None:
    keys = LLAMA | {"embedding_length": 256, "feed_forward_length": 512}
    block = {**attention(256, 256, 64), **dense(256, 512), **norms(256, "attn_norm", "ffn_norm")}
    tensors = {"token_embd.weight": (VOCAB, 256), "output_norm.weight": (256,), **blocks(3, block)}
    types = {
        name: gguf.GGMLQuantizationType.F32 if len(shape) == 1 else gguf.GGMLQuantizationType[kind]
        for name, shape in tensors.items()
    }
    model = Model.from_gguf(write(tmp_path / "a.gguf", "llama", keys, tensors, types=types))
    assert model.native_precision == native
    named = write(tmp_path / "b.gguf", "llama", keys, tensors, types=types, general={"general.file_type": 15})
    exact = kind in ("F32", "BF16", "MXFP4")
    assert Model.from_gguf(named).native_precision == (native if exact else "q4_k_m")
    assert model.params == total(tensors)
    small = 7 * 256
    mean = (bits * (total(tensors) - small) + 32 * small) / total(tensors)
    assert f"{mean:.2f} bits per weight ({kind} " in model.notes
    assert model.weight_bytes() > 0


# --- split files -----------------------------------------------------------------------------------------------------


def split(folder: Path) -> list[Path]:
    names, parts = list(LLAMA_TENSORS), []
    for number, chosen in enumerate((names[:5], names[5:20], names[20:]), start=1):
        path = folder / f"tiny-{number:05}-of-00003.gguf"
        general = {"split.no": number - 1, "split.count": 3}
        keys = LLAMA if number == 1 else {}
        parts.append(write(path, "llama", keys, {name: LLAMA_TENSORS[name] for name in chosen}, general=general))
    return parts


def test_split_file(tmp_path: Path) -> None:
    first, second, third = split(tmp_path)
    for path in (first, second, third):  # whichever is named
        model = Model.from_gguf(path)
        assert (model.id, model.params) == ("tiny", total(LLAMA_TENSORS))
        assert "than its metadata" not in model.notes
    third.unlink()
    model = Model.from_gguf(first)
    assert "Parts missing next to it: 1" in model.notes
    assert model.vocab == VOCAB
    first.unlink()
    refused(second, "part 2 of a split file", first.name, "missing")


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_not_gguf(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    refused(path, "cannot be read", "No such file")
    path.write_bytes(b"")
    refused(path, "not a GGUF file")
    path.write_bytes(b"PK\x03\x04 and more")
    refused(path, "not a GGUF file", "PK", "b'GGUF'")
    refused(tmp_path, "cannot be read")


def test_cut_off_anywhere(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.gguf", "llama", LLAMA, LLAMA_TENSORS, vocab=VOCAB).read_bytes()
    path = tmp_path / "a.gguf"
    for end in [*range(4, 3000, 7), len(whole) // 2, len(whole) - 100]:
        path.write_bytes(whole[:end])
        refused(path, "damaged or cut-off")


def test_damaged_anywhere(tmp_path: Path) -> None:
    """One wrong byte leaves a readable file, or a `ConfigError`."""
    whole = write(tmp_path / "whole.gguf", "llama", LLAMA, LLAMA_TENSORS, vocab=VOCAB).read_bytes()
    path = tmp_path / "a.gguf"
    for at in range(0, 4000, 19):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            Model.from_gguf(path)
        except ConfigError as error:
            assert path.name in str(error)


@pytest.mark.parametrize(
    ("arch", "words"),
    [
        ("lama", ["unknown architecture 'lama'", "did you mean 'llama'"]),
        ("qwen3moee", ["did you mean 'qwen3moe'"]),
        ("rwkv7", ["unknown architecture 'rwkv7'", "known are"]),
        ("bert", ["architecture 'bert' is not a decoder-only text model"]),
    ],
)
def test_unknown_architecture(tmp_path: Path, arch: str, words: list[str]) -> None:
    refused(write(tmp_path / "a.gguf", arch, LLAMA, vocab=VOCAB), *words)


@pytest.mark.parametrize("key", ["block_count", "embedding_length", "feed_forward_length", "attention.head_count"])
def test_missing_keys_in_the_spelling_of_the_file(tmp_path: Path, key: str) -> None:
    refused(write(tmp_path / "a.gguf", "llama", without(LLAMA, key), vocab=VOCAB), f"missing key 'llama.{key}'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"block_count": "three"}, ["llama.block_count = 'three'", "whole number"]),
        ({"block_count": 2.5}, ["llama.block_count = 2.5"]),
        ({"block_count": 0}, ["llama.block_count = 0"]),
        ({"block_count": 2**31}, ["llama.block_count = 2147483648"]),
        ({"block_count": 2**30}, ["llama.block_count = 1073741824", "expected 1 to 100000"]),
        ({"feed_forward_length": [160, 160, 96]}, ["llama.feed_forward_length = [160, 160, 96]", "one number"]),
        (
            {"attention.head_count_kv": 3},
            ["llama.attention.head_count = 8 is not a multiple of llama.attention.head_count_kv = 3"],
        ),
        ({"nextn_predict_layers": 3}, ["llama.nextn_predict_layers = 3", "llama.block_count = 3"]),
        (
            {"expert_count": 2, "expert_used_count": 4},
            ["llama.expert_used_count = 4 is more than llama.expert_count = 2"],
        ),
        (
            {"attention.sliding_window": 8, "attention.sliding_window_pattern": [True, False]},
            ["llama.attention.sliding_window_pattern has 2 entries", "llama.block_count = 3"],
        ),
    ],
)
def test_wrong_keys(tmp_path: Path, change: dict[str, Any], words: list[str]) -> None:
    refused(write(tmp_path / "a.gguf", "llama", LLAMA | change, vocab=VOCAB), *words)


def test_other_wrong_files(tmp_path: Path) -> None:
    refused(write(tmp_path / "a.gguf", "llama", LLAMA), "vocab_size", "tokenizer.ggml.tokens")
    adapter = write(tmp_path / "b.gguf", "llama", LLAMA, general={"general.type": "adapter"}, vocab=VOCAB)
    refused(adapter, "general.type = 'adapter'", "expected 'model'")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(TokenroofError, match=r"pip install 'tokenroof\[gguf\]'"):
        Model.from_gguf(tmp_path / "a.gguf")
