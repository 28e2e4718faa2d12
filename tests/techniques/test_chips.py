"""Laws of chips as a business, of burned-in weights and of systems."""

from __future__ import annotations

import math

import numpy as np
import pytest
from amounts import MONEY, PARAMS, at_most, between
from hypothesis import assume, given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.techniques import burned_in, chips, systems

UNITS, YEARS, UPTO = between(1, 1e7), between(0.1, 30), st.integers(1, 1000)


@given(MONEY, between(1, 1e6), between(1, 100))
def test_break_even_grows_with_what_is_paid_once(nre: float, saving: float, more: float) -> None:
    units = chips.break_even_units(nre, saving)
    assert at_most(units, chips.break_even_units(nre * more, saving))
    assert at_most(chips.break_even_units(nre, saving * more), units)
    assert units * saving == pytest.approx(nre)


@given(MONEY, between(1, 1e5), between(1, 1e5))
def test_at_break_even_both_cost_the_same(nre: float, own: float, saved: float) -> None:
    """A chip of one's own with its part of the NRE, and the GPUs of the same throughput."""
    units = chips.break_even_units(nre, saved)
    assert chips.amortised_usd(nre, own, units) == pytest.approx(own + saved)


def test_nothing_saved_never_breaks_even() -> None:
    assert chips.break_even_units([0.0, 1e6], 0.0).tolist() == [math.inf, math.inf]


@given(UPTO, MONEY, st.floats(0, 200), st.floats(1, 200))
def test_shared_masks_save(n: int, set_usd: float, shared: float, own: float) -> None:
    cost = chips.masks_usd(n, set_usd, shared, own)
    assert at_most(set_usd, cost) and at_most(cost, chips.masks_usd(n, set_usd))
    assert chips.masks_usd(1, set_usd, shared, own) == pytest.approx(set_usd)
    assert at_most(cost, chips.masks_usd(n + 1, set_usd, shared, own))


@given(YEARS, YEARS)
def test_a_chip_lives_no_longer_than_its_model(chip: float, model: float) -> None:
    life = chips.useful_years(chip, model)
    assert life == min(chip, model) and chips.useful_years(chip) == chip


@given(YEARS, YEARS)
def test_respins_cover_the_years(years: float, model: float) -> None:
    spins = chips.respins(years, model)
    assert spins >= 0 and spins == int(spins)
    assert years <= (spins + 1) * model * (1 + 1e-12) and spins * model < years * (1 + 1e-12)


@given(MONEY, between(1, 1e5), UNITS, YEARS, YEARS, MONEY, between(1, 1e4))
def test_models_that_last_are_never_dearer(
    nre: float, unit: float, n: float, years: float, life: float, respin: float, running: float
) -> None:
    burned = {"usd_per_respin": respin, "running_usd_per_unit_year": running}
    short = chips.project_usd(nre, unit, n, years, model_years=life, **burned)
    long = chips.project_usd(nre, unit, n, years, model_years=2 * life, **burned)
    forever = chips.project_usd(nre, unit, n, years, running_usd_per_unit_year=running)
    assert at_most(long, short) and at_most(forever, long)
    assert forever == pytest.approx(nre + n * (unit + running * years))
    assert short == pytest.approx(
        nre + chips.respins(years, life) * respin + n * (unit * (chips.respins(years, life) + 1) + running * years)
    )


@given(MONEY, between(1, 1e6), between(1, 1e6))
def test_direct_writing_pays_up_to_a_volume(masks: float, written: float, printed: float) -> None:
    wafers = chips.direct_write_wafers(masks, written, printed)
    if written <= printed:
        assert wafers == math.inf
    else:
        assert wafers * written == pytest.approx(masks + wafers * printed)


@given(PARAMS, between(1e4, 1e8), st.floats(0, 1), between(10, 1e5))
def test_area_grows_with_weights(n: float, per_mm2: float, extra: float, die: float) -> None:
    area = burned_in.area_mm2(n, per_mm2, extra)
    assert at_most(n / per_mm2, area) and at_most(area, 2 * n / per_mm2)
    dies = burned_in.chips_for_area(area, die)
    assert at_most(area, dies * die) and (dies - 1) * die < area


@given(between(1, 1e4), between(1e-6, 1))
def test_a_full_pipeline_obeys_little(n: float, seconds: float) -> None:
    rate = burned_in.pipeline_tokens_per_s(n, seconds)
    assert burned_in.in_flight(rate, 1 / seconds) == pytest.approx(n)
    assert burned_in.layer_seconds(1 / seconds, 80) * 80 == pytest.approx(seconds)


@given(between(1e6, 1e13), between(1e6, 1e12))
def test_chips_hold_what_they_must(weights: float, chip: float) -> None:
    n = systems.chips_for_bytes(weights, chip)
    assert at_most(weights, n * chip) and (n - 1) * chip < weights


@given(between(1, 1e6), st.integers(0, 10**6), st.integers(1, 10**5))
def test_counting_input_never_lowers_a_rate(rate: float, isl: int, osl: int) -> None:
    assert at_most(rate, systems.counted_tokens(rate, isl, osl))
    assert systems.counted_tokens(rate, 0, osl) == pytest.approx(rate)


CHIPS = st.sampled_from(tr.hardware_ids())


@given(CHIPS, CHIPS)
def test_comparison_is_a_ratio(one: str, other: str) -> None:
    assume({"bf16"} & set(tr.hardware(one).peaks) & set(tr.hardware(other).peaks))
    there, back = systems.compared(one, other), systems.compared(other, one)
    for name, ratio in there.items():
        assert math.isnan(ratio) == math.isnan(back[name])
        assert math.isnan(ratio) or ratio * back[name] == pytest.approx(1)
    assert all(r == 1 or math.isnan(r) for r in systems.compared(one, one).values())


def test_systems_name_models_and_chips_of_the_catalogue() -> None:
    for entry in systems.SYSTEMS.values():
        hw, m = tr.hardware(entry.hardware), tr.model(entry.model)
        assert entry.memory_bytes == entry.chips * hw.memory_bytes and m.params > 0
        tr.point(m, hw, precision=entry.precision)


def test_facts_by_name() -> None:
    for find in (chips.node, burned_in.density, systems.system):
        with pytest.raises(UnknownNameError):
            find("nothing")
    assert np.isnan(chips.node("7nm").mask_set_usd[0]) and chips.node("7nm").design_usd == 300e6


def test_arrays_and_unknown_prices() -> None:
    """What a chip without a price costs is unknown, not nothing."""
    price = [tr.hardware(name).price_usd for name in ("groq-lpu-v1", "tpu-v4")]
    cost = systems.usd_per_token_per_s(576, price, 300)
    assert cost[0] == 38400 and np.isnan(cost[1])
    assert chips.masks_usd([1, 16], [[15e6], [30e6]], 120, 10).shape == (2, 2)


def test_bad_input() -> None:
    with pytest.raises(SpecError, match="saving_per_unit = -1:"):
        chips.break_even_units(1e6, -1)
    with pytest.raises(SpecError, match="chips = 1.5"):
        systems.flops_per_chip(1e5, 1e11, 1.5)
    with pytest.raises(SpecError, match="programmable = 2.0"):
        burned_in.area_mm2(1e9, 1e6, 2.0)
    with pytest.raises(SpecError, match="compute = 'fp9'"):
        systems.compared("tpu-v4", "h100-sxm", "fp9")
    assert math.isnan(systems.compared("tpu-v4", "h100-sxm", "int8")["price"])
    assert systems.compared("tpu-v4", "h100-sxm", "fp8")["peak"] == 0
    assert math.isnan(systems.compared("h100-sxm", "tpu-v4", "fp8")["peak"])
