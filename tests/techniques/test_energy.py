"""Laws of energy."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import PARAMS, at_most, between
from hypothesis import given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.techniques import energy as e

WATTS, PEAKS, MFU, PUE = between(0.1, 1e5), between(1e9, 1e18), st.floats(0.001, 1), st.floats(1, 3)


@given(PARAMS, between(1, 1e7), PEAKS, MFU, WATTS, PUE)
def test_a_query_is_its_flops(n: float, tokens: float, peak: float, mfu: float, watts: float, pue: float) -> None:
    query = e.query_joules(n, tokens, peak, mfu, watts, pue)
    assert query == pytest.approx(2 * n * tokens * e.joules_per_flop(watts, peak, mfu) * pue)
    assert at_most(e.query_joules(n, tokens, peak, 1.0, watts), query)
    half = e.query_joules(n, tokens / 2, peak, mfu, watts, pue)
    assert 2 * half == pytest.approx(query)


@given(between(1, 1e7), between(1e-3, 100), between(0.1, 1e4), st.floats(0, 10))
def test_a_battery_lasts_for_its_tokens(battery: float, each: float, rate: float, other: float) -> None:
    hours = e.battery_hours(battery, each, rate)
    assert e.battery_share(hours * 3600 * rate, each, battery) == pytest.approx(1)
    assert at_most(e.battery_hours(battery, each, rate, other), hours)


@given(between(1, 1e12), between(1, 1e12), st.floats(0, 1e12))
def test_operation_is_a_sum(flops: float, memory: float, link: float) -> None:
    prices = {"joules_per_flop": 1e-12, "joules_per_memory_byte": 3e-11, "joules_per_link_byte": 1e-11}
    whole = e.operation_joules(flops, memory, link, **prices)
    parts = [e.operation_joules(*work, **prices) for work in ((flops, 0, 0), (0, memory, 0), (0, 0, link))]
    assert whole == pytest.approx(sum(parts))


@given(WATTS, between(1, 1e6))
def test_units_of_energy(watts: float, twh: float) -> None:
    """A year of it in TWh, a day of it in kWh."""
    year = e.static_joules(watts, 365.25 * 86400)
    assert e.grid_share(watts, twh) == pytest.approx(year / 3.6e15 / twh)
    assert e.electricity_usd(e.static_joules(watts, 86400), 1.0) == pytest.approx(watts * 24 / 1000)
    assert e.mean_watts(watts, 86400) == pytest.approx(watts)


@given(st.floats(0, 1e9), st.floats(0, 10), PUE)
def test_saving_energy_saves_its_price(joules: float, price: float, pue: float) -> None:
    assert e.electricity_usd(joules, price, pue) * 0.3 == pytest.approx(e.electricity_usd(0.3 * joules, price, pue))


@given(PARAMS)
def test_mobile_energy_goes_by_parameters(n: float) -> None:
    assert e.mobile_joules_per_token(n) == pytest.approx(n * 1e-10)


def test_columns_of_a_sweep_go_in() -> None:
    """What a day of a replica's tokens costs in electricity, point by point; what cannot be served stays unknown."""
    sweep = tr.Sweep(
        model="llama-3.1-8b", hardware="h100-sxm", precision=["bf16", "fp4"], batch=[1, 64], isl=128, osl=128
    )
    joules = sweep.run(["joules_per_token"])["joules_per_token"]
    usd = e.electricity_usd(joules * 1e9, 0.08)
    assert usd.shape == joules.shape and np.array_equal(np.isnan(usd), np.isnan(joules))
    assert np.isnan(usd).any() and np.nanmin(usd) > 0


def test_phones_of_the_catalogue() -> None:
    """0.1 J per 1e9 parameters says 0.8 J of an 8B model; the engine, from an A17 Pro's watts and speed, 0.5."""
    p = tr.point("llama-3.1-8b", "apple-a17pro-ane", precision="w4a16", isl=64, osl=64, memory_fraction=1.0)
    assert 0.3 < p.joules_per_token / e.mobile_joules_per_token(8.03e9) < 3


def test_bad_input() -> None:
    with pytest.raises(SpecError, match="pue = 0.9"):
        e.query_joules(1e9, 1, 1e15, 0.1, 700, 0.9)
    with pytest.raises(SpecError, match="joules_per_token = 0.0"):
        e.battery_hours(1, 0.0, 1)
    with pytest.raises(UnknownNameError):
        e.access("hbm")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tr_techniques().nothing  # noqa: B018


def tr_techniques() -> object:
    from tokenroof import techniques

    assert "energy" in dir(techniques)
    return techniques
