"""Laws of training against inference."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import PARAMS, TOKENS, at_most, between
from hypothesis import given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof import formulas
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.techniques import training as t

SPANS = st.sampled_from(list(t.EXCHANGES.values()))


@given(PARAMS, TOKENS)
def test_a_model_pays_back_with_three_times_its_data(n: float, d: float) -> None:
    assert t.break_even_tokens(t.training_flops(n, d), n) == pytest.approx(3 * d)


@given(PARAMS, TOKENS, between(1, 1e6), between(1e12, 1e16), st.floats(0.01, 1), between(0.01, 100))
def test_two_ways_to_a_price(n: float, d: float, chips: float, peak: float, mfu: float, rent: float) -> None:
    flops = t.training_flops(n, d)
    days = t.training_seconds(flops, chips, peak, mfu) / 86400
    assert t.training_usd(chips, days, rent) == pytest.approx(flops * t.usd_per_flop(rent, peak, mfu))


@given(st.floats(0.01, 100), between(0.01, 100), between(1.0001, 10))
def test_lifetime_split_is_a_minimum(slope: float, quality: float, factor: float) -> None:
    """Training T and inference q T^-s: no other split of the same quality is cheaper."""
    best = (slope * quality) ** (1 / (1 + slope))
    total = best + quality * best**-slope
    assert best / total == pytest.approx(t.lifetime_split(slope))
    for other in (best * factor, best / factor):
        assert at_most(total, other + quality * other**-slope)


@given(between(1, 1e10), between(1, 1e10), st.floats(0.05, 1))
def test_growth_multiplies(one: float, other: float, power: float) -> None:
    both = t.growth_of_inference(one * other, power)
    assert both == pytest.approx(t.growth_of_inference(one, power) * t.growth_of_inference(other, power))
    assert at_most(both, one * other)


@given(SPANS, st.floats(0, 10), st.floats(0, 10))
def test_more_inference_never_saves_less(span: t.Exchange, less: float, more: float) -> None:
    first, second = (span.training_saved(x) for x in sorted((less, more)))
    assert first[0] <= second[0] <= span.training[0] and first[1] <= second[1] <= span.training[1]
    assert first[0] <= first[1]


@given(SPANS)
def test_the_whole_span(span: t.Exchange) -> None:
    assert span.training_saved(span.inference[1]) == span.training
    assert span.training_saved(0.0) == (0.0, 0.0)


@given(between(1, 1e7), between(1, 1e4), between(1e6, 1e12), between(1, 1e8))
def test_thinking_longer_costs_more_than_its_tokens(tokens: float, times: float, f: float, a: float) -> None:
    short, long = t.query_flops(tokens, f, a), t.query_flops(tokens * times, f, a)
    assert at_most(times * short, long) and at_most(long, times * times * short)


def test_query_flops_counts_causal_pairs() -> None:
    """As the engine does for a prompt, equation (4), attention only."""
    assert t.query_flops(1000, 0, 3.0) == 3.0 * formulas.causal_pairs(1000.0, float("inf"))


def test_query_flops_is_the_engines() -> None:
    """Decoding a whole answer from one token, step by step."""
    m = tr.model("llama-3-70b")
    p = tr.point(m, "h100-sxm", precision="bf16", tp=8, isl=1, osl=2001)
    steps = p.decode_flops * 2000
    mine = t.query_flops(2001, m.flops_per_token, m.flops_per_cached_token)
    assert steps == pytest.approx(mine, rel=2e-3)


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_shares_add_up(share: float) -> None:
    assert t.inference_share(share, 1 - share) == pytest.approx(share)


def test_columns_of_a_sweep_go_in() -> None:
    sweep = tr.Sweep(
        model="llama-3.1-8b", hardware="h100-sxm", precision="bf16", batch=[1, 16, 1_000_000], isl=128, osl=128
    )
    prices = sweep.run(["usd_per_mtok"])["usd_per_mtok"]
    per_flop = t.usd_per_flop(prices, 989e12, 0.4)
    assert per_flop.shape == prices.shape and np.array_equal(np.isnan(per_flop), np.isnan(prices))


def test_bad_input() -> None:
    for wrong in (0.0, 1.5, -0.1):
        with pytest.raises(SpecError, match="mfu"):
            t.training_seconds(1e24, 100, 1e15, wrong)
    with pytest.raises(SpecError, match="params_active = inf"):
        t.break_even_tokens(1e24, float("inf"))
    with pytest.raises(SpecError, match="params_active = True"):
        t.training_flops(True, 1e12)
    with pytest.raises(UnknownNameError):
        t.exchange("every")
