"""What a model consists of: parts that add up, numbers by hand, text that says what stands in the rows."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

import tokenroof as tr
from tokenroof.errors import SpecError
from tokenroof.lowering import Attention, Dense, Experts, LatentAttention, LayerGroup, Shape, model_from_shape
from tokenroof.lowering.recurrent import lightning, mamba2
from tokenroof.lowering.shape import CompressedAttention, Extra, Indexer, SideBySide
from tokenroof.specs import Kind, Model, Operator, Weights
from tokenroof.specs.parts import PARTS, CacheUse, parts_of

HIDDEN, VOCAB, INF = 64, 100, math.inf
ATTENTION = Attention(heads=4, kv_heads=2, head_dim=16)
MLP = Dense(128)
NORMS = 2 * HIDDEN


def lower(*groups: LayerGroup, **rest: Any) -> Model:
    return model_from_shape(Shape(HIDDEN, VOCAB, groups, final_norm_params=HIDDEN, **rest), "made")


def parts(model: Model) -> dict[str, int]:
    return {part: n for part, n in model.params_by_part.items() if n}


def line(model: Model, name: str) -> str:
    """A fact of the text, on one line."""
    lines = str(model.summary()).splitlines()
    start = next(i for i, text in enumerate(lines) if text.startswith(f"  {name} "))
    found = [lines[start].split(name, 1)[1].strip()]
    for text in lines[start + 1 :]:
        if not text.startswith("     "):
            break
        found.append(text.strip())
    return " ".join(found)


# --- parts -----------------------------------------------------------------------------------------------------------


def test_dense_parts_by_hand() -> None:
    model = lower(LayerGroup(3, ATTENTION, MLP, NORMS), positions=10)
    assert parts(model) == {
        "embedding": VOCAB * HIDDEN + 10 * HIDDEN,
        "lm_head": VOCAB * HIDDEN,
        "attention": 3 * (HIDDEN * (64 + 2 * 32) + 64 * HIDDEN),
        "dense_ffn": 3 * 3 * HIDDEN * 128,
        "norms_and_biases": 3 * NORMS + HIDDEN,
    }
    assert model.summary().active_params_by_part == model.params_by_part


def test_experts_by_hand() -> None:
    moe = Experts(8, 2, 24, shared_width=48, shared_gate=True, router_bias=True)
    model = lower(LayerGroup(1, ATTENTION, MLP, NORMS, "dense"), LayerGroup(2, ATTENTION, moe, NORMS, "moe"), tied=True)
    found, active = model.params_by_part, model.summary().active_params_by_part
    assert (found["lm_head"], model.summary().tied) == (0, True)
    assert found["routed_experts"] == 2 * 8 * 3 * HIDDEN * 24
    assert active["routed_experts"] == 2 * 2 * 3 * HIDDEN * 24
    assert found["shared_experts"] == active["shared_experts"] == 2 * (3 * HIDDEN * 48 + HIDDEN)
    assert found["router"] == 2 * HIDDEN * 8
    assert found["dense_ffn"] == 3 * HIDDEN * 128
    assert found["norms_and_biases"] == 3 * NORMS + HIDDEN + 2 * 8
    assert model.summary().experts == ((2, 8.0, 2.0),)


def test_recurrent_mixers_alone_in_turn_and_side_by_side() -> None:
    mamba = mamba2(HIDDEN, heads=4, head_dim=32, groups=2, state=16, kernel=4)
    matrices = HIDDEN * (128 + 192 + 4) + 128 * HIDDEN + 192 * 4
    state = 4.0 * 128 * 16 + 2.0 * 192 * 3  # 32 bit for the scan, 16 bit for the convolution
    turns = lower(LayerGroup(2, mamba, MLP, NORMS, "mamba2"), LayerGroup(1, ATTENTION, MLP, NORMS, "full"))
    assert (turns.params_by_part["recurrent"], turns.params_by_part["attention"]) == (2 * matrices, 12288)
    assert turns.state_bytes_per_sequence == 2 * state
    linear = lower(LayerGroup(2, lightning(HIDDEN, 4, 16), MLP, NORMS))  # projections with the names of attention's
    assert (linear.params_by_part["recurrent"], linear.params_by_part["attention"]) == (2 * 5 * HIDDEN * 64, 0)
    beside = lower(LayerGroup(2, SideBySide((ATTENTION, mamba)), MLP, NORMS))
    assert (beside.params_by_part["recurrent"], beside.params_by_part["attention"]) == (2 * matrices, 2 * 12288)
    assert beside.summary().cache_uses == (CacheUse(2, (("all", INF),), False),)


def test_every_projection_of_attention_is_known() -> None:
    indexer = Indexer(top=64, heads=2, head_dim=16)
    mixers = [
        replace(ATTENTION, gate=64, indexer=indexer, stride=0),
        replace(ATTENTION, window=16.0, stride=4),
        LatentAttention(4, None, 32, 16, 8, 12, gate=48),
        LatentAttention(4, 48, 32, 16, 8, 12, indexer=indexer),
        CompressedAttention(4, 16, 32, 128.0, 2, 8, ratio=4, indexer=indexer),
    ]
    for mixer in mixers:
        model = lower(LayerGroup(1, mixer, MLP, NORMS))
        assert set(parts(model)) == {"embedding", "lm_head", "attention", "dense_ffn", "norms_and_biases"}


def test_what_stands_beside_the_layers() -> None:
    model = lower(LayerGroup(2, ATTENTION, MLP, NORMS, extras=(Extra("low_rank", 80, 160, 20),)))
    assert parts(model)["other"] == 2 * 80
    assert "other" in str(model.summary())


def test_rows_of_ones_own() -> None:
    rows = (
        Operator("table", Kind.EMBEDDING, Weights.HEAD, store_elems=10.0),
        Operator("matrix", Kind.GEMM, store_elems=7.0, read_elems=7.0),
        Operator("norm", Kind.REPLICATED, Weights.WIDE, store_elems=3.0),
    )
    model = Model("mine", rows, layers=1, hidden=1, vocab=1)
    assert parts(model) == {"embedding": 10, "norms_and_biases": 3, "other": 7}
    assert "in no layer" in line(model, "attention")


@pytest.mark.parametrize("model_id", tr.model_ids())
def test_parts_of_the_catalogue_add_up(model_id: str) -> None:
    model = tr.model(model_id)
    summary = model.summary()
    assert tuple(model.params_by_part) == PARTS
    assert sum(model.params_by_part.values()) == model.params
    assert sum(summary.active_params_by_part.values()) == model.active_params
    assert model.params_by_part["other"] == 0, [op.name for op, part in parts_of(model.operators) if part == "other"]
    assert 0 < summary.stored_layers <= model.layers
    assert sum(use.layers for use in summary.cache_uses) <= model.layers
    assert summary.kv_elems_beyond_windows <= model.kv_elems_per_token
    text = str(summary)
    assert f"{model.params:,}" in text
    assert max(map(len, text.splitlines())) <= 120
    json.dumps(summary.to_dict())


# --- cache and state -------------------------------------------------------------------------------------------------


def test_windows_chunks_and_shared_caches() -> None:
    window = replace(ATTENTION, window=128.0)
    chunk = replace(ATTENTION, window=256.0, chunked=True)
    reader = replace(ATTENTION, shared_cache=True)
    model = lower(
        LayerGroup(4, window, MLP, NORMS, "window128"),
        LayerGroup(3, chunk, MLP, NORMS, "chunk256"),
        LayerGroup(2, ATTENTION, MLP, NORMS, "full"),
        LayerGroup(1, reader, MLP, NORMS, "full_shared"),
    )
    assert model.summary().cache_uses == (
        CacheUse(4, (("window", 128.0),), False),
        CacheUse(3, (("chunk", 256.0),), False),
        CacheUse(2, (("all", INF),), False),
        CacheUse(1, (("all", INF),), True),
    )
    assert line(model, "attention") == (
        "4 of 10 layers see the last 128 tokens; 3 of 10 layers see their chunk of 256 tokens; "
        "2 of 10 layers see all tokens; 1 of 10 layers see all tokens, in another layer's cache"
    )
    each = 2 * 2 * 16
    assert model.kv_elems_per_token == 9 * each
    assert model.summary().kv_elems_beyond_windows == 2 * each
    assert model.cache_bytes(100) == 2 * each * 9 * 100
    assert model.cache_bytes(1000) == 2 * each * (4 * 128 + 3 * 256 + 2 * 1000)
    assert f"{2 * 9 * each:,} bytes per token at bf16, {2 * 2 * each:,} once all windows are full" in line(
        model, "cache"
    )


def test_chosen_tokens_and_latents() -> None:
    latent = LatentAttention(4, 48, 32, 16, 8, 12, indexer=Indexer(top=64, heads=2, head_dim=16))
    model = lower(LayerGroup(5, latent, MLP, NORMS))
    assert model.summary().cache_uses == (CacheUse(5, (("chosen", 64.0),), False),)
    assert line(model, "attention") == "5 of 5 layers see 64 chosen tokens; latent (MLA)"
    assert model.kv_elems_per_token == 5 * (32 + 8 + 16)


def test_same_use_in_two_groups_is_told_once() -> None:
    model = lower(LayerGroup(1, ATTENTION, MLP, NORMS, "a"), LayerGroup(2, ATTENTION, Dense(32), NORMS, "b"))
    assert line(model, "attention") == "3 of 3 layers see all tokens"


def test_state_has_the_width_of_its_rows_or_of_the_precision() -> None:
    model = lower(LayerGroup(2, lightning(HIDDEN, 4, 16), MLP, NORMS))
    assert model.state_bytes_per_sequence == model.cache_bytes(0) == model.cache_bytes(10**6) == 2 * 4 * 16 * 16 * 4.0
    narrow = replace(tr.precision("bf16"), name="narrow", state="bf16")
    assert model.cache_bytes(7, narrow) == model.state_bytes_per_sequence / 2
    assert line(model, "state") == "8,192 bytes per sequence, whatever its length"


@pytest.mark.parametrize("tokens", [-1, math.nan, INF])
def test_cache_of_no_number_of_tokens(tokens: float) -> None:
    with pytest.raises(SpecError, match="tokens"):
        tr.model("llama-3.1-8b").cache_bytes(tokens)


def test_published_sizes() -> None:
    """DeepSeek-V3 70,272, Qwen2.5-72B 327,680, Llama-3.1-405B 516,096 bytes per token at 16 bit (arXiv:2505.09343)."""
    for name, size in (("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096)):
        assert tr.model(name).kv_elems_per_token * 2 == size
        assert f"{size:,} bytes per token at bf16" in line(tr.model(name), "cache")


# --- work, weights, words --------------------------------------------------------------------------------------------


def test_work_by_hand() -> None:
    model = lower(LayerGroup(3, ATTENTION, MLP, NORMS), tied=True)
    matrices = model.params_by_part["attention"] + model.params_by_part["dense_ffn"] + VOCAB * HIDDEN
    assert model.flops_per_token == 2 * matrices
    assert model.flops_per_cached_token == 3 * 4 * 64
    assert line(model, "decode") == f"{2 * matrices / 1e3:.4g} kFLOP per token, 768 FLOP more per cached token"


def test_weights_at_a_precision() -> None:
    model = tr.model("gpt-oss-20b")
    p = tr.precision("mxfp4")
    experts = model.params_by_part["routed_experts"]
    assert model.weight_bytes() == pytest.approx(experts * p.expert_bytes + (model.params - experts) * 2.0)
    assert model.weight_bytes("bf16") == 2.0 * model.params
    assert line(model, "weights") == "13.75 GB at mxfp4 (native), 41.83 GB at bf16"


def test_repeated_layers_and_what_a_checkpoint_holds_besides() -> None:
    model = lower(LayerGroup(3, ATTENTION, MLP, NORMS, repeat=2), checkpoint=(("prediction block", 12345),))
    assert (model.layers, model.summary().stored_layers) == (6, 3)
    assert "6 layers with the weights of 3" in line(model, "shape")
    assert model.checkpoint == (("prediction block", 12345),)
    assert line(model, "checkpoint") == "prediction block 12,345"
    assert model.params == sum(model.params_by_part.values())
    assert model.summary().to_dict()["checkpoint_params_besides"] == {"prediction block": 12345}


def test_text() -> None:
    text = str(tr.model("gpt-4").summary())
    assert text.startswith("gpt-4: GPT-4 (rumoured)\n")
    assert "RUMOURED: the maker published no shape" in text
    assert repr(tr.model("gpt-4").summary()) == text
    assert "LM head" in text
    assert "tied" in str(tr.model("qwen2.5-0.5b").summary())
    assert "not stated" in line(lower(LayerGroup(1, ATTENTION, MLP, NORMS)), "context")
