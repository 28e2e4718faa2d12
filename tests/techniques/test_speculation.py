"""Speculation: closed forms against simulation, a checking step against its rows, and laws of what a draft brings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof import SpecError
from tokenroof import formulas as fs
from tokenroof.reference import bind
from tokenroof.reference.bound import Bound, mean_context
from tokenroof.specs import precision
from tokenroof.techniques import speculation
from tokenroof.techniques.speculation import Tree

ACCEPTANCE, LENGTH = st.floats(0, 1), st.integers(0, 40)
MODELS = ["llama-3.1-8b", "mixtral-8x7b", "deepseek-v3", "gemma-2-9b", "jamba-v0.1"]


@given(ACCEPTANCE, ACCEPTANCE, LENGTH)
def test_expected_tokens(one: float, other: float, g: int) -> None:
    low, high = (speculation.expected_tokens(a, g) for a in sorted((one, other)))
    assert 1.0 <= low <= high * (1 + 1e-12) and high <= g + 1
    assert speculation.expected_tokens(one, g + 1) >= speculation.expected_tokens(one, g) * (1 - 1e-12)
    positions = speculation.expected_tokens_by_position([one] * g) if g else 1.0
    assert speculation.expected_tokens(one, g) == pytest.approx(positions, rel=1e-9)
    assert speculation.operations(one, g) >= 1 - 1e-12


def test_expected_tokens_are_those_of_a_simulation() -> None:
    accepted = np.random.default_rng(2).random((400_000, 5)) < np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    mean = 1 + np.cumprod(accepted, axis=1).sum(axis=1).mean()
    assert speculation.expected_tokens_by_position([0.9, 0.8, 0.7, 0.6, 0.5]) == pytest.approx(mean, rel=0.005)


@given(st.floats(0, 1), st.integers(1, 30))
def test_acceptance_is_recovered(a: float, g: int) -> None:
    tokens = speculation.expected_tokens(a, g)
    assert speculation.expected_tokens(speculation.acceptance_of(tokens, g), g) == pytest.approx(tokens, rel=1e-9)


@given(st.lists(ACCEPTANCE, min_size=1, max_size=8), st.data())
def test_trees(chain: list[float], data: Any) -> None:
    """A chain is a tree; a further candidate never yields less; no tree yields more than its depth and one."""
    tree = Tree.chain(chain)
    assert tree.tokens == pytest.approx(speculation.expected_tokens_by_position(chain))
    assert tree.widths == (1,) * len(chain) and tree.nodes == len(chain)
    parent = data.draw(st.integers(-1, len(chain) - 1))
    left = 1.0 - (chain[parent + 1] if parent + 1 < len(chain) else 0.0)
    wider = Tree((*tree.parents, parent), (*tree.acceptance, data.draw(st.floats(0, left))))
    assert tree.tokens <= wider.tokens <= len(wider.widths) + 1 + 1e-9
    assert sum(wider.widths) == wider.nodes == tree.nodes + 1


def checking_step(b: Bound, sequences: int, tokens: int, isl: int, osl: int) -> float:
    """A step in which each sequence has several new tokens, row by row from what the rows cost."""
    n, steps = float(sequences * tokens), max(osl - 1.0, 1.0)
    fixed = b.k["overhead"] + b.k["latency"] + n * b.k["per_token"] + b.k["light"] + n * b.k["light_token"]
    fixed += sum(net.seconds(n) for net in b.reductions)
    fixed += sum(fs.row_seconds(n, r.f, r.w, r.a, b.tile, b.serial) for r in (*b.body, *b.head))
    for e in b.experts:
        distinct, touched = b.touched(e, n)
        fixed += fs.expert_seconds(n, touched, e.f, e.w, e.a, b.least(e, distinct), b.serial)
    slow = b.places[b.place_of(sequences * b.cache(isl, osl))][1]
    context = b.k["state_seconds"] * slow
    for c in b.contexts:
        context += fs.overlapped(tokens * c.compute, c.memory * slow, b.serial) * mean_context(c.op, isl, steps)
    return fixed + sequences * context


@pytest.mark.parametrize("model", MODELS)
@given(
    st.integers(1, 12),
    st.sampled_from([1, 2, 8, 64, 500]),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 0.8]),
)
def test_a_checking_step_is_the_sum_of_its_rows(
    model: str, tokens: int, sequences: int, tp: int, serial: float, skew: float
) -> None:
    """Weights once, arithmetic and experts of all tokens, the cache once a sequence: but for rounding."""
    target, h100 = tr.model(model).skewed(skew), tr.hardware("h100-sxm")
    chip = replace(h100, calibration=replace(h100.calibration, serial=serial, tile=2.4))
    bound = bind(target, chip, precision("fp8"), tp=tp)
    p = tr.point(
        speculation.verifying(target, tokens), chip, precision="fp8", tp=tp, batch=sequences * tokens, isl=2048, osl=129
    )
    assert p.tpot_s == pytest.approx(checking_step(bound, sequences, tokens, 2048, 129), rel=1e-12)


@pytest.mark.parametrize("estimate", ["typical", "serial", "bound"])
@pytest.mark.parametrize("model", MODELS)
def test_laws_of_a_round(model: str, estimate: str) -> None:
    """A check takes no less than a step and no more than as many steps; the gain is at most the tokens of a round."""
    s = speculation.evaluate(
        model, ["h100-sxm", "mi300x"], draft=0.1, acceptance=0.8, lengths=range(1, 7), estimate=estimate,
        tp=[4, 8], batch=[1, 8, 64, 512], precision="fp8",
    )  # fmt: skip
    served = ~np.isnan(s.step_s)
    assert served.any() and s.verify_s.shape == (6, *s.step_s.shape) == (6, 2, 2, 4, 1)
    verify, step = s.verify_s[:, served], s.step_s[served]
    assert np.all(verify >= step * (1 - 1e-12))
    assert np.all(np.diff(verify, axis=0) >= -1e-15)
    tokens = s.lengths[:, None] + 1
    assert np.all(verify <= tokens * step * (1 + 1e-9))
    assert np.all(s.speedup[:, served] <= s.tokens[:, None] * (1 + 1e-12))
    assert np.all(s.best_speedup[served] >= 1.0)
    assert np.all((s.best_length[served] > 0) == (s.best_speedup[served] > 1.0))


def test_the_best_length_is_the_best_of_all() -> None:
    s = speculation.evaluate("llama-3.1-8b", "h100-sxm", draft=0.05, acceptance=0.7, lengths=range(1, 13), batch="1:64")
    gains = s.speedup.reshape(12, 64)
    assert s.best_length.ravel().tolist() == (gains.argmax(axis=0) + 1).tolist()
    assert s.best_speedup.ravel() == pytest.approx(gains.max(axis=0))


def test_it_stops_paying() -> None:
    """A draft of middling acceptance: checking beyond the ridge costs more than it brings."""
    s = speculation.evaluate(
        "llama-3.1-8b", "h100-sxm", draft=0.1, acceptance=0.4, lengths=range(1, 5), isl=128, osl=128,
        batch="1:4096:x2", estimate="serial",
    )  # fmt: skip
    until = s.pays_until.item()
    gains = s.best_speedup.ravel()
    assert 1 < until < 4096
    assert np.all(gains[np.array(s.coords["batch"]) <= until] > 1.0)
    assert gains[s.coords["batch"].index(2 * until)] == 1.0


def test_a_mixture_gains_less_at_small_batches_and_more_at_medium_ones() -> None:
    """Checking touches more experts while there are few tokens; once all are touched it is nearly free."""
    s = speculation.evaluate(
        "mixtral-8x7b", "h200-sxm", tp=2, draft=0.0, acceptance=0.8, lengths=[3], batch=[1, 16, 1024], isl=256
    )
    gains = s.speedup.ravel()
    assert gains[1] > 1.4 * gains[0] and gains[1] > gains[2]
    dense = speculation.evaluate("llama-2-13b", "h200-sxm", draft=0.0, acceptance=0.8, lengths=[3], batch=[1, 16])
    assert np.all(np.diff(dense.speedup.ravel()) <= 1e-9)


def test_a_draft_model_is_timed_by_the_core() -> None:
    axes = {"tp": 8, "batch": [1, 32], "precision": "fp8"}
    s = speculation.evaluate("llama-3.1-70b", "h100-sxm", draft="llama-3.2-1b", acceptance=0.8, lengths=[1, 4], **axes)
    one = tr.Sweep(model="llama-3.2-1b", hardware="h100-sxm", **axes).run(["tpot_s", "mem_bytes_per_chip"])
    assert s.draft_s[1].ravel() == pytest.approx(4 * one["tpot_s"].ravel())
    target = tr.Sweep(model="llama-3.1-70b", hardware="h100-sxm", **axes).run("mem_bytes_per_chip")
    both = target["mem_bytes_per_chip"].ravel() + one["mem_bytes_per_chip"].ravel()
    assert s.mem_bytes_per_chip.ravel() == pytest.approx(both)
    alone = speculation.evaluate(
        "llama-3.1-70b", "h100-sxm", draft="llama-3.2-1b", acceptance=0.8, lengths=[1, 4], draft_axes={"tp": 1}, **axes
    )
    assert alone.draft_s[0, 0, 0, 0] == tr.point("llama-3.2-1b", "h100-sxm", precision="fp8").tpot_s


def test_trees_on_the_core() -> None:
    """A step of the draft for each depth, with all nodes of the depth; a check of all nodes and one."""
    tree = Tree([-1, -1, 0], [0.6, 0.2, 0.5])
    s = speculation.evaluate("llama-3.1-8b", "h100-sxm", draft="llama-3.2-1b", trees=[tree, Tree.chain([0.6, 0.5])])
    assert s.tokens == pytest.approx([2.1, 1.9]) and s.lengths.tolist() == [2.0, 2.0]
    wide = tr.point(speculation.verifying(tr.model("llama-3.2-1b"), 2), "h100-sxm", batch=2).tpot_s
    narrow = tr.point("llama-3.2-1b", "h100-sxm").tpot_s
    assert s.draft_s.ravel() == pytest.approx([wide + narrow, 2 * narrow])
    assert s.verify_s[0] > s.verify_s[1]


def test_points_that_cannot_be_served_stay_unknown() -> None:
    s = speculation.evaluate("mixtral-8x7b", "h100-sxm", draft=0.1, acceptance=0.8, lengths=[1, 2], tp=[3, 4])
    assert np.isnan(s.best_speedup[0, 0]) and np.isnan(s.best_length[0, 0])
    assert s.best_speedup[0, 1] > 1 and not s.fits[0, 0]


@pytest.mark.parametrize("name", speculation.drafts())
def test_published_drafts_agree_with_the_closed_form(name: str) -> None:
    """Each has a source and a way to its tokens per round, and no speed-up is larger than these: but for T5, whose
    plain steps on TPU v4 wasted what checking did not (2.6 measured for 2.574 tokens a round)."""
    row = speculation.drafts(name)
    tokens = row.get("tokens")
    if tokens is None:
        tokens = float(np.max(speculation.expected_tokens(row["acceptance"], row["length"])))
    elif "length" in row:
        assert 0.4 < speculation.acceptance_of(tokens, row["length"]) < 1.0
    assert row.get("speedup", 1.0) <= tokens * (1.02 if name == "t5-small" else 1.0)
    assert row["source"] and (row["kind"] == "model" or row["layers"] >= 1)
    if row.get("target", "") in tr.model_ids():
        assert speculation.head_of(row["target"], row["layers"]).params > 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: speculation.expected_tokens(1.1, 2), "acceptance = 1.1: expected a number from 0 to 1"),
        (lambda: speculation.expected_tokens(0.5, -1), "length = -1:"),
        (lambda: speculation.acceptance_of(4.0, 2), "tokens = 4.0: expected at most length"),
        (lambda: Tree([0], [0.5]), r"parents\[0\] = 0"),
        (lambda: Tree([-1, -1], [0.6, 0.5]), "acceptance = 1.1: expected at most 1"),
        (lambda: Tree([], []), "parents = 0"),
        (lambda: speculation.verifying(tr.model("llama-2-7b"), 0), "tokens = 0"),
        (lambda: speculation.head_of("llama-2-7b", 33), "layers = 33: expected a whole number from 1 to 32"),
        (lambda: speculation.evaluate("llama-2-7b", "h100-sxm", draft=0.1), "acceptance = None"),
        (lambda: speculation.evaluate("llama-2-7b", "h100-sxm", draft=-1, acceptance=0.5), "draft = -1"),
        (lambda: speculation.evaluate("llama-2-7b", "h100-sxm", draft=0, acceptance=[0.5]), "for each of 8 positions"),
        (lambda: speculation.evaluate("llama-2-7b", "h100-sxm", draft=0, acceptance=0.5, parallelism="auto"),
         "parallelism = 'auto'"),
        (lambda: speculation.evaluate("gpt2", "h100-sxm", draft="gpt2", acceptance=0.5, draft_axes={"batch": 1}),
         "unknown axis of a draft 'batch'"),
        (lambda: speculation.drafts("eagle-9"), "unknown draft 'eagle-9'"),
        (lambda: speculation.evaluate("llama-2-7b", "h100-sxm", draft=0, acceptance=0.5).pays_until, "batch = None"),
    ],
)  # fmt: skip
def test_wrong_calls_say_what_is_right(call: Any, says: str) -> None:
    with pytest.raises((SpecError, tr.UnknownNameError), match=says):
        call()


def test_nothing_to_check_is_a_plain_step() -> None:
    model = tr.model("llama-2-7b")
    assert speculation.verifying(model, 1) is model
    assert math.isclose(speculation.expected_tokens(0.9, 0), 1.0)
