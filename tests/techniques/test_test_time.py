"""Test-time compute, trees, reasoning and prefix caches: laws, hand-checked numbers, calls that cannot be right."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof import SpecError
from tokenroof.techniques import prefix_cache, reasoning, test_time, trees

SHARE, SAMPLES = st.floats(0, 1), st.integers(1, 2000)


@given(SHARE, SAMPLES)
def test_coverage_grows_and_is_a_share(p: float, n: int) -> None:
    one, more = test_time.coverage(p, n), test_time.coverage(p, n + 1)
    assert 0 <= one <= more <= 1
    assert test_time.coverage(p, 1) == pytest.approx(p, abs=1e-12)
    assert test_time.best_of(p, n, 0.5) == pytest.approx(one / 2)


@given(st.floats(0.01, 0.6), st.integers(2, 5000), st.floats(0.02, 0.98))
def test_fits_go_through_their_points(one: float, n: int, part: float) -> None:
    """Between what equal questions and what the hardest mixture give."""
    many = one + part * (test_time.coverage(one, n) - one)
    assume(one + 1e-3 < many < test_time.coverage(one, n) - 1e-6)
    a, b = test_time.fit_beta(one, n, many)
    assert test_time.coverage_beta(a, b, 1) == pytest.approx(one, rel=1e-6)
    assert test_time.coverage_beta(a, b, n) == pytest.approx(many, rel=1e-6)
    c, d = test_time.fit_power_law(one, n, many)
    assert test_time.coverage_power_law(c, d, [1, n]) == pytest.approx([one, many], rel=1e-9)


@given(st.floats(0.05, 20), st.floats(0.05, 20), SAMPLES)
def test_unlike_questions_are_covered_less_than_alike_ones(a: float, b: float, n: int) -> None:
    assert test_time.coverage_beta(a, b, n) <= test_time.coverage(a / (a + b), n) + 1e-9


@given(SHARE, st.integers(0, 200))
def test_majorities_grow_with_the_better_side(p: float, m: int) -> None:
    """More votes help where most are right, hurt where most are wrong; an even number is worth one less."""
    n = 2 * m + 1
    few, more = test_time.majority(p, n), test_time.majority(p, n + 2)
    assert (more >= few - 1e-12) if p >= 0.5 else (more <= few + 1e-12)
    assert test_time.majority(p, n + 1) == pytest.approx(few, abs=1e-12)
    assert test_time.majority(p, n) + test_time.majority(1 - p, n) == pytest.approx(1.0)


def test_majority_is_the_binomial_tail() -> None:
    right = np.random.default_rng(3).random((200_000, 7)) < 0.6
    assert test_time.majority(0.6, 7) == pytest.approx((right.sum(axis=1) > 3).mean(), abs=0.005)


@given(SHARE, SHARE, SHARE, SAMPLES)
@example(1.0, 1 - 1e-8, 0.5, 7)  # votes on hardly any question are independent: a rounding is 1e-8 of them
def test_correlated_votes_end_at_their_plateau(inner: float, always: float, other: float, n: int) -> None:
    never = other * (1 - always)
    p = always + inner * (1 - always - never)
    found = test_time.majority_mixed(p, n, always, never)
    assert always - 1e-9 <= found <= 1 - never + 1e-9
    if abs(inner - 0.5) > 0.05 and 1 - always - never > 1e-3:
        end = test_time.plateau(p, always, never)
        assert test_time.majority_mixed(p, 100_001, always, never) == pytest.approx(end, abs=1e-6)


@given(SHARE, SHARE, SHARE, st.integers(1, 500))
def test_an_imperfect_verifier_has_a_ceiling(p: float, right: float, wrong: float, n: int) -> None:
    found = test_time.verified(p, n, right, wrong)
    assert -1e-12 <= found <= test_time.coverage(p, n) + 1e-9
    assert test_time.verified(p, 1, right, wrong) == pytest.approx(p, abs=1e-9)
    if right >= wrong:
        taken = p * right + (1 - p) * wrong
        assert found <= (p * right / taken if taken else p) + 1e-9


@given(st.lists(SHARE, min_size=1, max_size=3), st.integers(0, 12), st.data())
def test_an_allocation_is_the_best_of_all_that_cost_as_much(p: list[float], budget: int, data: Any) -> None:
    """Against every split, one by one."""
    weights = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(p), max_size=len(p))), dtype=float)
    curves = np.atleast_2d(test_time.coverage(np.array(p)[:, None], range(1, 13)))
    found = test_time.allocate(curves, weights, budget)
    part = weights / weights.sum()
    assert found.mean_samples <= budget + 1e-9
    padded = np.concatenate([np.zeros((len(p), 1)), curves], axis=1)
    best = max(
        sum(part[i] * padded[i, n] for i, n in enumerate(split))
        for split in itertools.product(range(13), repeat=len(p))
        if sum(part[i] * n for i, n in enumerate(split)) <= found.mean_samples + 1e-9
    )
    assert found.success == pytest.approx(best, abs=1e-9)


@given(st.floats(1, 1e4), st.floats(1e-4, 1e4))
def test_the_flop_multiplier_balances_both_sides(m: float, r: float) -> None:
    """6 M N D + 2 M N I against 6 N D + 2 N I x, with N = D = 1."""
    x = test_time.flop_multiplier(m, r)
    assert 6 * m + 2 * m * r == pytest.approx(6 + 2 * r * x)
    assert x >= m


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3))
def test_a_tree_is_counted_like_its_calls(depth: int, width: int, branch: int, evaluations: int) -> None:
    """Call by call."""
    prompt, thought, more, said = 100, 10, 7, 3
    calls = read = written = 0
    parents = 1
    for level in range(depth):
        for _ in range(parents * branch):
            calls, read, written = calls + 1, read + prompt + level * thought, written + thought
            for _ in range(evaluations):
                calls, read, written = calls + 1, read + more + (level + 1) * thought, written + said
        parents = min(width, branch ** (level + 1))
    found = trees.beam(
        depth, width, branch, prompt=prompt, thought=thought, evaluations=evaluations, evaluation_prompt=more,
        evaluation=said,
    )  # fmt: skip
    assert (found.calls, found.input, found.output) == (calls, read, written)
    assert found.output == trees.nodes(depth, width, branch) * (thought + evaluations * said)
    assert found.distinct_input <= found.input + more + depth * branch * width * thought
    assert trees.beam([1, depth], width, branch, prompt=1, thought=1).calls.shape == (2,)


@given(st.integers(1, 100), st.integers(1, 5), st.integers(0, 20), st.floats(0, 100))
def test_search_by_simulations(n: int, branch: int, deep: int, rollout: float) -> None:
    found = trees.mcts(n, prompt=50, thought=5, branch=branch, mean_depth=deep, rollout=rollout, evaluation=2)
    assert found.output == pytest.approx(n * (5 * branch + rollout + 2))
    assert found.calls == n * (branch + 1 + (rollout > 0))
    assert found.input >= found.distinct_input - n * (5 * branch + rollout)


@pytest.mark.parametrize("model", ["llama-2-7b", "gemma-2-9b", "deepseek-v3", "llama-4-maverick", "jamba-v0.1"])
@given(st.integers(1, 400), st.integers(0, 20_000))
def test_flops_are_those_of_single_steps(model: str, tokens: int, context: int) -> None:
    """A step at a time, by the core's own count: isl = context, one token."""
    total = reasoning.flops(model, tokens, context)
    parts = reasoning.flops(model, 1, context) if tokens == 1 else (
        reasoning.flops(model, tokens - 1, context) + reasoning.flops(model, 1, context + tokens - 1)
    )  # fmt: skip
    assert total == pytest.approx(parts, rel=1e-12)
    if context:
        assert reasoning.flops(model, 1, context) == pytest.approx(
            tr.point(model, "h100-sxm", precision="bf16", isl=context, osl=1).decode_flops, rel=1e-12
        )


def test_thinking_longer_costs_more_than_its_tokens() -> None:
    t = reasoning.think("llama-3.1-8b", "h100-sxm", [500, 5000, 50_000, 500_000])
    assert np.all(np.diff(t.batch[:3]) < 0) and np.isnan(t.chip_s[3]), "500,000 tokens are beyond its context"
    assert np.all(t.multiplier[1:3] > t.tokens[1:3] / t.tokens[0])
    assert t.usd[:3] == pytest.approx(t.chip_s[:3] * tr.hardware("h100-sxm").usd_per_hour / 3600)
    p = tr.point("llama-3.1-8b", "h100-sxm", batch=int(t.batch[1]), osl=5000)
    assert t.chip_s[1] == pytest.approx(5000 / p.tokens_per_s) and t.tpot_s[1] == p.tpot_s


def test_tokens_per_joule_halve_with_each_doubling_of_context() -> None:
    """256 sequences of 4K, 16 of 64K on one chip: 16 times longer, 16 times fewer, near 16 times the energy."""
    batch = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", isl=[4095, 65_535], osl=1).run("max_batch")
    short, long = batch["max_batch"].ravel()
    assert short / long == pytest.approx(16, rel=0.1)
    assert reasoning.sequences(short * 4096 * 131_072, 131_072, 65_536) == pytest.approx(short / 16, abs=1)


@given(st.floats(1, 1e9), st.floats(1, 1e9), SHARE, st.floats(0.01, 3))
def test_no_budget_lifts_a_model_above_its_ceiling(one: float, other: float, limit: float, rate: float) -> None:
    low, high = (reasoning.ceiling(b, limit, rate) for b in sorted((one, other)))
    assert 0 <= low <= high <= limit


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20), st.floats(0, 1), st.data())
def test_a_cache_is_full_and_popular_prefixes_are_in_it(rates: list[float], fill: float, data: Any) -> None:
    sizes = np.array(data.draw(st.lists(st.floats(1, 1e6), min_size=len(rates), max_size=len(rates))))
    hits = prefix_cache.hit_rates(rates, sizes, fill * sizes.sum())
    assert np.all((hits >= 0) & (hits <= 1))
    assert (hits * sizes).sum() == pytest.approx(fill * sizes.sum(), rel=1e-6, abs=1e-6)
    order = np.argsort(rates)
    assert np.all(np.diff(hits[order]) >= -1e-12)
    assert 0 <= prefix_cache.token_hit_rate(hits, rates, sizes) <= 1 + 1e-12


def test_hit_rates_are_near_those_of_a_simulated_cache() -> None:
    popularity, room = prefix_cache.zipf(200, 0.9), 40
    draws = np.random.default_rng(4).choice(200, size=60_000, p=popularity)
    held: dict[int, None] = {}
    hits = 0
    for prefix in draws.tolist():
        hits += prefix in held
        held.pop(prefix, None)
        held[prefix] = None
        if len(held) > room:
            held.pop(next(iter(held)))
    expected = prefix_cache.token_hit_rate(prefix_cache.hit_rates(popularity, 1, room), popularity, 1)
    assert expected == pytest.approx(hits / len(draws), abs=0.01)


def test_a_cached_prefix_on_the_core() -> None:
    """Half of a long prompt: its attention and its layers are saved, what is left still attends to it."""
    ttft = tr.Sweep(model="llama-3.1-70b", hardware="h100-sxm", tp=8, isl=[4096, 8192]).run("ttft_s")["ttft_s"].ravel()
    left = prefix_cache.prefill_seconds(ttft[1], ttft[0], ttft[0])
    assert ttft[0] < left < ttft[1]


def test_load_or_compute() -> None:
    """At the break-even bandwidth both take as long; loading Llama-3-70B's cache over PCIe takes a 56th."""
    model = tr.model("llama-3-70b")
    kv, work, rate = model.kv_elems_per_token * 2, 2 * 70.55e9, 0.5 * 989e12
    limit = prefix_cache.break_even_bandwidth(kv, work, rate)
    assert limit == pytest.approx(1.15e9, rel=0.01)
    assert prefix_cache.load_seconds(kv, limit) == pytest.approx(prefix_cache.recompute_seconds(work, rate))
    ratio = prefix_cache.recompute_seconds(work, rate) / prefix_cache.load_seconds(kv, 64e9)
    assert ratio == pytest.approx(56, rel=0.01)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: test_time.coverage(0.5, 0), "n = 0: expected a whole number, at least 1"),
        (lambda: test_time.fit_beta(0.5, 10, 0.4), "one, n, many = "),
        (lambda: test_time.fit_power_law(0.5, 10, 1.0), "one, many = "),
        (lambda: test_time.majority_mixed(0.5, 3, 0.7, 0.6), "always . never = 1.29"),
        (lambda: test_time.majority_mixed(0.1, 3, 0.2), "p = 0.1: expected a share from always to 1 - never"),
        (lambda: test_time.allocate([[0.5, 0.4]], [1], 1), "success = "),
        (lambda: test_time.allocate([[0.5]], [1, 1], 1), "weights = "),
        (lambda: test_time.exchange(3), "training_oom = 3: expected a number from 0 to 2"),
        (lambda: trees.nodes(0, 1, 1), "depth = 0:"),
        (lambda: reasoning.think("llama-2-7b", "h100-sxm", [10], osl=3), "osl = 3"),
        (lambda: reasoning.ceilings("gpt-9"), "unknown model 'gpt-9'"),
        (lambda: prefix_cache.zipf(0), "count = 0"),
        (lambda: prefix_cache.load_seconds(1, 0), "bytes_per_s = 0: expected a finite number above 0"),
    ],
)
def test_wrong_calls_say_what_is_right(call: Any, says: str) -> None:
    with pytest.raises((SpecError, tr.UnknownNameError), match=says):
        call()
