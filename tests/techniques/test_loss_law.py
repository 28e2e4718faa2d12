"""Laws of the loss law and of its optima."""

from __future__ import annotations

import math

import numpy as np
import pytest
from amounts import PARAMS, ROUNDING, TOKENS, at_most, between
from hypothesis import given
from hypothesis import strategies as st

from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.techniques.loss_law import LAWS, LossLaw, law, rule_of_thumb

FITS = st.sampled_from(list(LAWS.values()))
#: Sizes at which the constants of any law leave digits of the loss.
SIZES, SERVED = between(1e7, 1e13), between(1e6, 1e18)


@given(FITS, PARAMS, TOKENS, between(1.0, 100.0))
def test_more_of_either_never_hurts(fit: LossLaw, n: float, d: float, more: float) -> None:
    assert fit.irreducible < fit.loss(n * more, d) <= fit.loss(n, d)
    assert fit.loss(n, d * more) <= fit.loss(n, d)


@given(FITS, SIZES, between(1e8, 1e15))
def test_tokens_for_inverts_loss(fit: LossLaw, n: float, d: float) -> None:
    assert fit.tokens_for(n, fit.loss(n, d)) == pytest.approx(d, rel=1e-6)


@given(FITS, between(1e18, 1e30), between(0.5, 2.0))
def test_no_other_size_is_better_at_a_compute(fit: LossLaw, flops: float, factor: float) -> None:
    best = fit.optimum(flops)
    assert 6 * best.params * best.tokens == pytest.approx(flops)
    assert best.loss <= fit.loss(best.params * factor, best.tokens / factor) * (1 + ROUNDING)


@given(FITS, SIZES)
def test_three_ways_to_one_optimum(fit: LossLaw, n: float) -> None:
    """By size, by compute and by loss."""
    by_size = fit.optimum_of_size(n)
    for other in (fit.optimum(by_size.training_flops), fit.optimum_for_loss(by_size.loss)):
        assert other.params == pytest.approx(n, rel=1e-6)
        assert other.tokens == pytest.approx(by_size.tokens, rel=1e-6)


@given(FITS, SIZES, SERVED, SERVED, between(0.01, 100), between(0.01, 100), between(0.01, 100), between(0.1, 10.0))
def test_lifetime_optimum_is_a_minimum(
    fit: LossLaw, n: float, out: float, read: float, train: float, decode: float, prefill: float, factor: float
) -> None:
    """Another size at the same loss never costs less, however far off it is."""
    loss = fit.optimum_of_size(n).loss
    prices = {"training_price": train, "decode_price": decode, "prefill_price": prefill}
    best = fit.lifetime_optimum(loss, out, read, **prices)
    assert fit.loss(best.params, best.tokens) == pytest.approx(loss, rel=1e-9)
    other = best.params * factor
    data = fit.tokens_for(other, loss)
    cost = 6 * other * data * train + 2 * other * (out * decode + read * prefill)
    assert at_most(best.cost, cost, 1e-9)  # near the minimum tokens_for loses digits to L - E - A / N^alpha
    assert at_most(best.cost, best.chinchilla_cost) and -1e-12 <= best.saving < 1


@given(FITS, SIZES, SERVED, between(1.0, 1e3))
def test_more_to_serve_wants_smaller_models(fit: LossLaw, n: float, served: float, more: float) -> None:
    loss = fit.optimum_of_size(n).loss
    few, many = fit.lifetime_optimum(loss, served), fit.lifetime_optimum(loss, served * more)
    assert at_most(many.params, few.params) and at_most(few.tokens, many.tokens)
    assert at_most(few.params, few.chinchilla.params, 1e-9)


@given(FITS, SIZES)
def test_nothing_to_serve_is_chinchilla(fit: LossLaw, n: float) -> None:
    best = fit.lifetime_optimum(fit.optimum_of_size(n).loss, 0.0)
    assert best.params == pytest.approx(n, rel=1e-6)
    assert best.saving == pytest.approx(0, abs=1e-12)


@given(FITS, SIZES, SERVED, between(1e-20, 1e20))
def test_the_unit_of_money_does_not_matter(fit: LossLaw, n: float, served: float, unit: float) -> None:
    loss = fit.optimum_of_size(n).loss
    one = fit.lifetime_optimum(loss, served, served)
    other = fit.lifetime_optimum(loss, served, served, training_price=unit, decode_price=unit, prefill_price=unit)
    assert other.params == pytest.approx(one.params, rel=1e-9)
    assert other.cost == pytest.approx(one.cost * unit, rel=1e-9)


@pytest.mark.parametrize("served", [1e10, 1e12, 1e13, 1e15])
@pytest.mark.parametrize("fit", LAWS.values(), ids=LAWS)
def test_scipy_finds_the_same(fit: LossLaw, served: float) -> None:
    """A search that knows the cost alone, not its derivative."""
    optimize = pytest.importorskip("scipy.optimize")
    loss = fit.optimum_of_size(30e9).loss

    def cost(log_n: float) -> float:
        n = math.exp(log_n)
        return math.log(6 * n * fit.tokens_for(n, loss) + 2 * n * served)

    best = fit.lifetime_optimum(loss, served)
    low = math.log((fit.A / (loss - fit.irreducible)) ** (1 / fit.alpha)) + 1e-9
    found = optimize.minimize_scalar(cost, bounds=(low, math.log(1e12)), method="bounded", options={"xatol": 1e-12})
    assert math.exp(found.fun) == pytest.approx(best.cost, rel=1e-12)
    assert math.exp(found.x) == pytest.approx(best.params, rel=1e-6)


def test_arrays_broadcast_and_unknowns_stay_unknown() -> None:
    fit = law("sardana")
    losses = fit.optimum_of_size(np.array([1e9, np.nan, 1e11]))
    best = fit.lifetime_optimum(losses.loss, np.array([[1e12], [1e13]]))
    assert best.params.shape == best.saving.shape == (2, 3)
    assert np.isnan(best.params[:, 1]).all() and np.isfinite(best.params[:, [0, 2]]).all()
    alone = fit.lifetime_optimum(losses.loss[2], 1e13)
    assert isinstance(alone.params, float) and alone.params == best.params[1, 2]


def test_bad_input() -> None:
    fit = law("hoffmann")
    with pytest.raises(SpecError, match="above 1.69"):
        fit.lifetime_optimum(1.5, 1e12)
    with pytest.raises(SpecError, match="params = -1:"):
        fit.loss(-1, 1e12)
    with pytest.raises(SpecError, match="flops = '1e24'"):
        fit.optimum("1e24")
    with pytest.raises(SpecError, match="broadcast"):
        fit.loss([1e9, 1e10], [1e9, 1e10, 1e11])
    with pytest.raises(SpecError, match="tokens"):
        fit.loss(1e9, [[1.0], [1.0, 2.0]])
    with pytest.raises(SpecError, match="flops = None"):
        rule_of_thumb(None)
    with pytest.raises(UnknownNameError, match="hoffmann"):
        law("hofmann")
    with pytest.raises(SpecError, match="alpha"):
        LossLaw("mine", 1.7, 400, 400, 0.0, 0.3, "nobody")
