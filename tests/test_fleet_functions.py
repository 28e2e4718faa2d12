"""Every function of fleets alike: arrays are what scalars are, NaN passes, wrong numbers are named; and laws."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.amounts import Kind
from tokenroof.fleets import demand, machines, money, paging, queueing, steady, supply

MODULES: tuple[ModuleType, ...] = (demand, machines, money, paging, queueing, steady, supply)
FUNCTIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
    if hasattr(getattr(module, name), "kinds")
}
Function = Callable[..., Any]


def numbers(kind: Kind, count: int) -> st.SearchStrategy[list[float]]:
    """Numbers of a kind, of sizes that leave loops over servers and spares short."""
    if kind.whole:
        return st.lists(st.integers(int(kind.least), 40).map(float), min_size=count, max_size=count)
    low = max(kind.least, -1e3) + (1e-2 if kind.open_below else 0.0)
    high = min(kind.most, 1e3) - (1e-2 if kind.open_above else 0.0)
    return st.lists(st.floats(low, high), min_size=count, max_size=count)


def arguments(function: Function, count: int) -> st.SearchStrategy[dict[str, list[float]]]:
    kinds: dict[str, Kind] = function.kinds  # type: ignore[attr-defined]
    more = {"one": st.lists(st.floats(0.5, 1.0), min_size=count, max_size=count)}  # spares are then few
    if function is queueing.servers_for:  # and servers
        more["service_s"] = st.lists(st.floats(0.01, 1.0), min_size=count, max_size=count)
    return st.fixed_dictionaries({name: more.get(name, numbers(kind, count)) for name, kind in kinds.items()})


def each(test: Function) -> Function:
    return pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)(test)


def test_there_are_functions() -> None:
    assert len(FUNCTIONS) >= 50


@each
@settings(max_examples=20)  # of each of the functions
@given(data=st.data())
def test_an_array_is_what_its_elements_are(function: Function, data: st.DataObject) -> None:
    given_ = data.draw(arguments(function, 3))
    together = function(**given_)
    assert together.shape == (3,) and together.dtype == np.float64
    alone = [function(**{name: values[i] for name, values in given_.items()}) for i in range(3)]
    assert all(type(value) is float for value in alone)
    np.testing.assert_allclose(together, alone, rtol=1e-9, equal_nan=True)


@each
def test_shapes_broadcast(function: Function) -> None:
    names = list(inspect.signature(function).parameters)
    right = {name: 1.0 if kind.whole or kind.holds(np.array(1.0)) else 0.5 for name, kind in function.kinds.items()}  # type: ignore[attr-defined]
    first, last = names[0], names[-1]
    assert np.shape(function(**right | {first: np.full((2, 1), right[first]), last: [right[last]] * 3})) == (
        (2, 3) if first != last else (3,)
    )
    if first != last:
        with pytest.raises(tr.SpecError, match="broadcast"):
            function(**right | {first: [right[first]] * 2, last: [right[last]] * 3})


@each
@settings(max_examples=20)  # of each of the functions
@given(data=st.data())
def test_what_is_unknown_stays_unknown(function: Function, data: st.DataObject) -> None:
    given_ = data.draw(arguments(function, 2))
    name = data.draw(st.sampled_from(sorted(given_)))
    given_[name][1] = math.nan
    result = function(**given_)
    assert math.isnan(result[1])
    assert result[0] == function(**{n: values[0] for n, values in given_.items()}) or math.isnan(result[0])


@each
def test_wrong_numbers_are_named(function: Function) -> None:
    right = {name: 1.0 if kind.whole or kind.holds(np.array(1.0)) else 0.5 for name, kind in function.kinds.items()}  # type: ignore[attr-defined]
    for name, kind in function.kinds.items():  # type: ignore[attr-defined]
        wrong: list[Any] = [math.inf, -math.inf, "many", True, None, [right[name], math.inf], 1j]
        wrong += [kind.least - 1.0] if math.isfinite(kind.least) else []
        wrong += [kind.least] if kind.open_below else []
        wrong += [kind.most + 1.0] if math.isfinite(kind.most) else []
        wrong += [1.5] if kind.whole else []
        for value in wrong:
            with pytest.raises(tr.SpecError, match=name):
                function(**right | {name: value})


# Laws

rates = st.floats(1e-3, 1e3)
shares = st.floats(0.01, 0.99)


@given(st.floats(0.0, 60.0), st.integers(1, 60))
def test_erlang_is_a_probability_and_waiting_is_likelier_than_loss(offered: float, servers: int) -> None:
    lost, waits = queueing.erlang_b(offered, servers), queueing.erlang_c(offered, servers)
    assert 0.0 <= lost <= waits <= 1.0
    assert queueing.erlang_b(offered, servers + 1) <= lost
    assert queueing.erlang_c(offered, servers + 1) <= waits + 1e-12
    assert queueing.erlang_b(offered + 1.0, servers) >= lost


@given(st.integers(1, 40), st.floats(0.05, 0.95))
def test_pooling_gains(servers: int, load: float) -> None:
    one = queueing.mean_wait(load * servers, 1.0, servers)
    two = queueing.mean_wait(2 * load * servers, 1.0, 2 * servers)
    assert two <= one * (1 + 1e-9)


@given(rates, shares, st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_one_server_by_three_formulas(service: float, load: float, ca2: float, cs2: float) -> None:
    rate = load / service
    assert queueing.mg1_wait(rate, service, cs2) == pytest.approx(queueing.kingman_wait(rate, service, 1.0, cs2))
    assert queueing.mean_wait(rate, service, 1, ca2, cs2) == pytest.approx(
        queueing.kingman_wait(rate, service, ca2, cs2)
    )
    assert queueing.md1_seconds(rate, service) == pytest.approx(service + queueing.mg1_wait(rate, service, 0.0))


@given(st.floats(0.1, 50.0), rates, st.floats(0.0, 10.0), shares)
def test_servers_are_enough_and_none_is_idle(offered: float, service: float, patience: float, share: float) -> None:
    rate, limit = offered / service, patience * service
    servers = queueing.servers_for(rate, service, limit, share)
    assert servers > offered
    assert queueing.wait_percentile(share, rate, service, servers) <= limit
    if servers - 1 > offered:
        assert queueing.wait_percentile(share, rate, service, servers - 1) > limit
    assert queueing.servers_for(1.5 * rate, service, limit, share) >= servers


@given(st.integers(1, 30), rates, st.floats(0.01, 10.0), shares)
def test_goodput_holds_its_limit(servers: int, service: float, patience: float, share: float) -> None:
    rate = queueing.goodput(patience * service, share, service, servers)
    assert 0.0 <= rate <= servers / service
    assert queueing.wait_percentile(share, rate, service, servers) <= patience * service
    assert queueing.goodput(2 * patience * service, share, service, servers) >= rate


@given(st.floats(1.0, 1e12), st.floats(1e6, 1e14), st.floats(1e12, 1e16), st.floats(0.01, 1.0))
def test_chips_by_arithmetic_keep_up(rate: float, flop: float, peak: float, mfu: float) -> None:
    chips = machines.chips_by_flops(rate, flop, peak, mfu)
    assert chips * machines.tokens_per_s_by_flops(peak, flop, mfu) == pytest.approx(rate)
    assert machines.chips_by_flops(rate, flop, peak) <= chips * (1 + 1e-12)


@given(st.integers(1, 200), st.integers(0, 20), st.floats(0.3, 1.0))
@example(16, 2, 1.0)
def test_availability_is_a_probability_and_grows_with_spares(need: int, spare: int, one: float) -> None:
    now = machines.availability(need, spare, one)
    assert 0.0 <= now <= 1.0
    assert machines.availability(need, spare + 1, one) >= now
    assert machines.availability(need + 1, spare, one) <= now * (1 + 1e-9)
    direct = sum(
        math.comb(need + spare, i) * one**i * (1 - one) ** (need + spare - i) for i in range(need, need + spare + 1)
    )
    assert now == pytest.approx(direct, rel=1e-9, abs=1e-300)


@given(st.integers(1, 200), st.floats(0.7, 1.0), st.floats(0.0, 0.9999))
def test_spares_are_the_fewest(need: int, one: float, target: float) -> None:
    spare = machines.spares_for(need, one, target)
    assert machines.availability(need, spare, one) >= target
    assert spare == 0 or machines.availability(need, spare - 1, one) < target


def test_replicas_that_are_mostly_down_are_refused() -> None:
    with pytest.raises(tr.SpecError, match="up often enough"):
        machines.spares_for(1000, 1e-6, 0.999)


@given(st.floats(0.0, 1e9), st.floats(1.0, 30.0), st.floats(0.0, 0.5), st.floats(0.0, 1e6))
def test_cost_is_linear_in_price(capex: float, life: float, interest: float, watts: float) -> None:
    cost = money.owned_usd_per_hour(capex, life, interest)
    assert money.owned_usd_per_hour(2 * capex, life, interest) == pytest.approx(2 * cost)
    power = money.electricity_usd_per_hour(watts, 1.2, 0.1)
    assert money.owned_usd_per_hour(capex, life, interest, watts, 1.2, 0.1) == pytest.approx(cost + power)
    assert money.owned_usd_per_hour(capex, life, interest + 0.01) >= cost * (1 - 1e-12)
    assert money.owned_usd_per_hour(capex, life + 1.0, interest) <= cost


@given(st.floats(1e-6, 1.0), st.floats(0.5, 50.0))
def test_annuity_pays_back_what_it_owes(interest: float, years: float) -> None:
    paid = money.annuity(interest, years)
    assert paid * (1 - (1 + interest) ** -years) / interest == pytest.approx(1.0, rel=1e-6)
    assert paid >= money.annuity(0.0, years)


@given(st.floats(0.0, 1e6), rates, shares, shares)
def test_margin_closes(usd: float, rate: float, use: float, margin: float) -> None:
    price = money.break_even_usd_per_mtok(usd, rate, use, margin)
    tokens = rate * use * 3600
    assert money.revenue_usd(tokens, price) * (1 - margin) == pytest.approx(usd)


@given(st.floats(0.0, 900.0), st.floats(0.0, 2.0), st.floats(0.5, 1e3), st.floats(0.0, 1.0))
def test_yields_are_in_order(area: float, defects: float, clustering: float, repairable: float) -> None:
    poisson = supply.yield_poisson(area, defects, repairable)
    assert 0.0 <= poisson <= supply.yield_murphy(area, defects, repairable) * (1 + 1e-12) <= 1.0 + 1e-12
    clustered = supply.yield_negative_binomial(area, defects, clustering, repairable)
    assert poisson * (1 - 1e-9) <= clustered <= 1.0
    assert supply.yield_poisson(area, defects, 1.0) == 1.0
    assert supply.yield_poisson(area + 1.0, defects, repairable) <= poisson


@given(st.floats(1.0, 5e4), st.floats(50.0, 450.0))
def test_dies_fit_on_the_wafer(area: float, wafer: float) -> None:
    dies = supply.dies_per_wafer(area, wafer)
    assert 0.0 <= dies * area <= math.pi * wafer**2 / 4
    assert supply.dies_per_wafer(area * 1.1, wafer) <= dies or dies == 0.0


@given(st.floats(1.0, 1e9), st.floats(1e3, 1e7), st.floats(-0.5, 2.0))
def test_time_to_build_is_the_inverse_of_what_is_built(chips: float, rate: float, growth: float) -> None:
    years = supply.years_to_build(chips, rate, growth)
    assume(years < 500.0)  # beyond, growth overflows
    assert supply.chips_by(rate, growth, years) == pytest.approx(chips, rel=1e-6)
    assert supply.years_to_build(chips, rate, growth + 0.1) <= years * (1 + 1e-9)


@given(st.floats(0.0, 1e3), st.floats(0.0, 1e3), st.lists(st.floats(0.1, 9.0), min_size=1, max_size=48))
def test_littles_law_and_curves(rate: float, seconds: float, curve: list[float]) -> None:
    assert demand.in_flight(rate, seconds) == demand.in_flight(seconds, rate)
    peak = demand.peak_to_mean(curve)
    assert 1.0 - 1e-12 <= peak <= len(curve) * (1 + 1e-12)
    both = demand.peak_to_mean(demand.pooled(curve, [0, len(curve) // 2], [0.5, 0.5]))
    assert both <= peak * (1 + 1e-12)


@given(st.floats(1.0, 2.0))
def test_a_sine_has_its_peak(ratio: float) -> None:
    day = demand.sinusoid(np.arange(0.0, 24.0, 0.5), ratio)
    assert demand.peak_to_mean(day) == pytest.approx(ratio)
    assert day.min() == pytest.approx(2.0 - ratio, abs=1e-12)


@pytest.mark.parametrize("curve", [1.0, [], [0.0, 0.0], [1.0, -1.0], [1.0, math.nan]])
def test_curves_that_cannot_be(curve: Any) -> None:
    with pytest.raises(tr.SpecError, match="curve"):
        demand.peak_to_mean(curve)


def test_regions_that_cannot_be() -> None:
    with pytest.raises(tr.SpecError, match="shifts, shares"):
        demand.pooled([1.0, 2.0], [0], [0.5, 0.5])


@given(st.floats(1.0, 2000.0), st.floats(1.0, 2000.0), st.integers(1, 256), st.floats(0.0, 0.9))
def test_pages_waste_less_than_reservations(live: float, more: float, block: int, external: float) -> None:
    assert 0.0 < paging.paged_share(live, block) <= 1.0
    assert paging.reserved_share(live, live + more, external) <= 1.0 - external
    assert paging.paged_share(live, block) >= paging.paged_share(live, block + 1)


@given(rates, st.floats(1.0, 1e4), rates, st.floats(1.0, 1e4))
def test_split_servers_match_mixed_ones(prefill: float, osl: float, tpot: float, batch: float) -> None:
    """A server that interleaves takes as many requests as its time spread over both kinds of servers would."""
    ratio = steady.prefill_to_decode(prefill, osl, tpot, batch)
    mixed = steady.highest_arrivals(prefill, osl, tpot, batch)
    split = min(ratio / (1 + ratio) / prefill, 1 / (1 + ratio) * batch / (osl * tpot))
    assert mixed == pytest.approx(split)
