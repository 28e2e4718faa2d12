"""MobileLLM, arXiv:2402.14905, section 1: what a token costs a phone, and the hundred million H100."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.fleets.machines import chips_by_flops
from tokenroof.techniques.energy import battery_hours, battery_share, mobile_joules_per_token

BATTERY_J = 50e3  # of an iPhone


def test_7b_takes_0_7_joules_a_token() -> None:
    assert mobile_joules_per_token(7e9) == pytest.approx(0.7)


def test_350m_takes_0_035_joules_a_token() -> None:
    assert mobile_joules_per_token(350e6) == pytest.approx(0.035, rel=1e-12)


def test_7b_talks_for_less_than_two_hours() -> None:
    assert battery_hours(BATTERY_J, 0.7, 10) == pytest.approx(1.98, rel=0.02)


def test_64_tokens_do_not_take_0_2_percent_of_the_battery() -> None:
    """The paper's own numbers make it 0.09 %: 64 x 0.7 J of 50 kJ. Its 0.2 % would be over in 53 minutes, not in
    the two hours of the sentence before."""
    share = battery_share(64, mobile_joules_per_token(7e9), BATTERY_J)
    assert share == pytest.approx(0.0009, rel=0.01)
    hours, printed = (64 / s / 10 / 3600 for s in (share, 0.002))
    assert hours == pytest.approx(battery_hours(BATTERY_J, 0.7, 10)) and printed * 60 == pytest.approx(53.3, abs=0.1)


def test_a_day_of_350m() -> None:
    """A phone in use all day: 39 hours of tokens at 10 a second."""
    assert battery_hours(BATTERY_J, 0.035, 10) > 24


def test_a_hundred_million_h100_is_72_million_by_its_own_formula() -> None:
    """7.88e9 people, 5 % of the time, 50 tokens/s, 220e9 FLOP at 60 TFLOP/s. The work is half of what 220e9 active
    parameters take, the peak a sixteenth of the chip's; each alone, and both, are other numbers by far."""
    rate = 7.88e9 * 0.05 * 50
    assert chips_by_flops(rate, 220e9, 60e12) == pytest.approx(7.22e7, rel=0.01)
    peak, active = tr.hardware("h100-sxm").peaks["bf16"], 280e9
    for mfu, millions in ((1.0, 11.2), (0.3, 37.2), (0.1, 111.5)):
        assert chips_by_flops(rate, 2 * active, peak, mfu) == pytest.approx(millions * 1e6, rel=0.01)
