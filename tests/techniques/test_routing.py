"""Routing and cascades: laws, hand-checked numbers, and calls that cannot be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof import SpecError
from tokenroof.techniques import cascade, routing

SHARE = st.floats(0, 1)
PRICE = st.floats(1e-3, 1e3)


@given(SHARE, PRICE, PRICE, st.floats(0, 10))
def test_cost_saving_and_break_even_agree(phi: float, one: float, other: float, router: float) -> None:
    weak, strong = sorted((one, other))
    spent = routing.cost(phi, weak, strong, router)
    assert weak - 1e-9 <= spent - router <= strong * (1 + 1e-12)
    assert routing.saving(phi, weak, strong, router) == pytest.approx(1 - spent / strong, abs=1e-9)
    assert routing.saving_ratio(phi, weak, strong, router) == pytest.approx(strong / spent)
    if strong > weak * 1.001:
        limit = routing.break_even_share(weak, strong, router)
        if 0 <= limit <= 1:
            assert routing.cost(limit, weak, strong, router) == pytest.approx(strong)
        assert routing.cost(phi, weak, strong, routing.affordable_router(phi, weak, strong)) == pytest.approx(strong)


@given(st.floats(0.02, 0.9), st.floats(0.01, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_a_fitted_curve_goes_through_its_points_and_rises(low: float, more: float, one: float, other: float) -> None:
    high = low + more * (0.98 - low)
    assume(high - low > 0.01)
    a, b = routing.fit_cpt(low, high)
    assert routing.quality([low, high], a, b) == pytest.approx([0.5, 0.8], abs=1e-5)
    assert routing.quality(min(one, other), a, b) <= routing.quality(max(one, other), a, b)
    assert routing.quality([0.0, 1.0], a, b).tolist() == [0.0, 1.0]
    assert 0 < routing.apgr(a, b) < 1


@given(st.floats(0.05, 20), st.floats(0.05, 20))
def test_apgr_is_the_area_below_the_curve(a: float, b: float) -> None:
    phi = (np.arange(20_000) + 0.5) / 20_000
    assert routing.apgr(a, b) == pytest.approx(float(np.mean(routing.quality(phi, a, b))), abs=2e-3)


@given(st.lists(SHARE, min_size=1, max_size=4), st.data())
def test_a_cascade_costs_at_least_its_first_and_at_most_all_of_its_models(defer: list[float], data: Any) -> None:
    costs = data.draw(st.lists(PRICE, min_size=len(defer) + 1, max_size=len(defer) + 1))
    spent = cascade.cost(costs, defer)
    assert costs[0] * (1 - 1e-12) <= spent <= sum(costs) * (1 + 1e-12)
    assert cascade.cost(costs, [1.0] * len(defer)) == pytest.approx(sum(costs))


@given(SHARE, SHARE, SHARE, SHARE)
@example(2e-05, 1.0, 0.0, 0.0)  # a division by so few right answers makes a rounding 1e5 times as large
def test_judges(weak: float, strong: float, right: float, wrong: float) -> None:
    """Accepting all is the weak model, passing all on the strong one; what is right is a share."""
    assert cascade.accuracy(weak, strong, 1.0, 1.0) == pytest.approx(weak)
    assert cascade.accuracy(weak, strong, 0.0, 0.0) == pytest.approx(strong)
    assert -1e-12 <= cascade.accuracy(weak, strong, right, wrong) <= 1 + 1e-12
    assert -1e-12 <= cascade.defer_share(weak, right, wrong) <= 1 + 1e-12


@given(st.floats(0.5, 1), st.floats(0.5, 1), SHARE)
def test_a_better_judge_accepts_fewer_wrong_answers(one: float, other: float, accept: float) -> None:
    worse, better = sorted((one, other))
    assert cascade.judge_rates(better, accept) <= cascade.judge_rates(worse, accept) + 1e-12
    assert cascade.judge_rates(worse, accept) <= accept + 1e-12


@given(SHARE, PRICE, PRICE)
def test_at_break_even_a_cascade_costs_what_the_router_does(phi: float, weak: float, strong: float) -> None:
    defer = cascade.break_even_defer(phi, weak, strong)
    if 0 <= defer <= 1:
        assert cascade.cost([weak, strong], [defer]) == pytest.approx(routing.cost(phi, weak, strong))


def test_latency_quantiles_are_those_of_a_simulation() -> None:
    chosen = np.random.default_rng(1).random(200_000) < 0.3
    for q in (0.5, 0.69, 0.71, 0.95):
        routed = np.quantile(0.1 + np.where(chosen, 4.0, 1.0), q)
        assert routing.latency_quantile(q, 0.3, 1.0, 4.0, 0.1) == pytest.approx(routed)
        deferred = np.quantile(1.0 + np.where(chosen, 4.0, 0.0), q)
        assert cascade.latency_quantile(q, 0.3, 1.0, 4.0) == pytest.approx(deferred)


def test_costs_of_a_sweep_go_in_whole() -> None:
    """Prices of every batch at once; a batch that cannot be served stays unknown."""
    axes = {"hardware": "h100-sxm", "batch": [1, 16, 1 << 20]}
    weak, strong = (
        tr.Sweep(model=m, tp=tp, **axes).run("usd_per_mtok")["usd_per_mtok"]
        for m, tp in (("llama-3.1-8b", 1), ("llama-3.1-70b", 8))
    )
    saved = routing.saving(np.array([0.1, 0.5])[:, None, None, None], weak.reshape(1, 1, 3), strong.reshape(1, 1, 3))
    assert saved.shape == (2, 1, 1, 3) and np.all(saved[0] > saved[1])
    assert np.isnan(routing.cost(0.5, np.nan, 1.0))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: routing.cost(1.5, 1, 2), "strong_share = 1.5: expected a number from 0 to 1"),
        (lambda: routing.cost([0.5, np.nan], 1, 2), "strong_share = nan: expected a number from 0 to 1"),
        (lambda: routing.cost(0.5, -1, 2), "weak = -1: expected a finite number, at least 0"),
        (lambda: routing.saving(0.5, 1, 0), "strong = 0: expected a finite number above 0"),
        (lambda: routing.cost("half", 1, 2), "strong_share = 'half'"),
        (lambda: routing.cost(True, 1, 2), "strong_share = True"),
        (lambda: routing.fit_cpt(0.5, 0.4), "cpt80 - cpt50 = -0"),
        (lambda: routing.break_even_share(2, 1), "strong - weak = -1.0"),
        (lambda: routing.pgr(1, 2, 2), "strong_score - weak_score = 0.0"),
        (lambda: routing.published("prizes"), "unknown kind 'prizes'"),
        (lambda: cascade.cost([1, 2], [0.5, 0.5]), "defer = 2: expected a share for each model but the last: 1"),
        (lambda: cascade.accuracy(0.5, 0.2, 1, 0, strong_where_weak_fails=0.9), "strong_where_weak_fails"),
    ],
)
def test_wrong_calls_say_what_is_right(call: Any, says: str) -> None:
    with pytest.raises((SpecError, tr.UnknownNameError), match=says):
        call()
