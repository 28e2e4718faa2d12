"""Blocks whose mixer and feed-forward part read the same input: one all-reduce sums both, one norm may feed both."""

from __future__ import annotations

from typing import Any

import pytest

from tokenroof.lowering import model_from_hf
from tokenroof.specs import Kind

CORE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
FFN = CORE | {"intermediate_size": 80}
GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 48, "vocab_size": 100}
NEW = {"new_decoder_architecture": True, "num_kv_heads": 2}


def shown(config: dict[str, Any]) -> tuple[list[str], float]:
    """The all-reduces of a layer and the parameters of its norms."""
    model = model_from_hf(config)
    norms = next((op.read_elems for op in model.operators if op.name == "norms"), 0.0)
    return [op.name for op in model.rows(Kind.ALL_REDUCE)], norms


@pytest.mark.parametrize(
    ("config", "norms"),
    [
        (GPT | {"model_type": "gptj"}, 64),
        (GPT | {"model_type": "codegen"}, 64),
        (FFN | {"model_type": "gpt_neox"}, 128),  # two norms all the same
        (CORE | {"model_type": "falcon"}, 64),
        (CORE | {"model_type": "falcon"} | NEW, 128),
        (CORE | {"model_type": "falcon", "num_ln_in_parallel_attn": 1} | NEW, 64),
        (FFN | {"model_type": "phi"}, 64),
        (FFN | {"model_type": "cohere"}, 32),
        (FFN | {"model_type": "palm"}, 32),
        (FFN | {"model_type": "stablelm", "use_parallel_residual": True}, 64),
    ],
)
def test_one_all_reduce_where_blocks_are_parallel(config: dict[str, Any], norms: int) -> None:
    assert shown(config) == (["all_reduce_ffn"], norms)


@pytest.mark.parametrize(
    ("config", "norms"),
    [
        (GPT | {"model_type": "gpt2"}, 128),
        (FFN | {"model_type": "gpt_neox", "use_parallel_residual": False}, 128),
        (CORE | {"model_type": "falcon", "parallel_attn": False}, 128),
        (FFN | {"model_type": "phi3"}, 64),
        (FFN | {"model_type": "stablelm"}, 128),
        (FFN | {"model_type": "olmo"}, 0),
    ],
)
def test_two_all_reduces_where_they_follow_each_other(config: dict[str, Any], norms: int) -> None:
    assert shown(config) == (["all_reduce_mixer", "all_reduce_ffn"], norms)


def test_windows_do_not_change_that() -> None:
    model = model_from_hf(FFN | {"model_type": "cohere2", "num_hidden_layers": 8})
    reduces = {op.name: op.count for op in model.rows(Kind.ALL_REDUCE)}
    assert reduces == {"all_reduce_ffn.window4096": 6, "all_reduce_ffn.full": 2}


def test_the_same_work_in_both_orders() -> None:
    side_by_side = model_from_hf(FFN | {"model_type": "gpt_neox"})
    in_turn = model_from_hf(FFN | {"model_type": "gpt_neox", "use_parallel_residual": False})
    assert side_by_side.params == in_turn.params
    one, two = ([op for op in model.operators if op.kind is Kind.ALL_REDUCE] for model in (side_by_side, in_turn))
    assert sum(op.inner_elems for op in one) == sum(
        op.inner_elems for op in two
    )  # what a split in two dimensions passes on
    rest = [tuple(op for op in m.operators if op.kind is not Kind.ALL_REDUCE) for m in (side_by_side, in_turn)]
    assert rest[0] == rest[1] and [op.name for op in one] == ["all_reduce_ffn"]
