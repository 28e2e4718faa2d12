"""SemiAnalysis, GPT-4 Architecture, Infrastructure, Training Dataset, Costs, 2023: a rumour; does it hang together?"""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.fleets.machines import tokens_per_s_by_flops
from tokenroof.fleets.money import rent_usd, usd_per_mtok
from tokenroof.techniques.training import break_even_tokens

ACTIVE = 280e9
A100, H100 = 312e12, 989e12  # dense bf16


def mfu(usd_per_hour: float, usd_per_1k_tokens: float, peak: float) -> float:
    """Share of the peak that a price of tokens needs of chips at a rent."""
    at_peak = usd_per_mtok(usd_per_hour, tokens_per_s_by_flops(peak, 2 * ACTIVE))
    return at_peak / (usd_per_1k_tokens * 1e3)


def test_training_on_a100() -> None:
    """63 M USD printed. 25,000 A100 for 95 days (of 90 to 100) at a dollar an hour make 57 M."""
    assert rent_usd(25_000, 95 * 24.0, 1.0) == pytest.approx(63e6, rel=0.1)


def test_training_on_h100() -> None:
    assert rent_usd(8192, 55 * 24.0, 2.0) == pytest.approx(21.5e6, rel=0.01)


def test_price_in_dollars_needs_a_tenth_of_the_peak() -> None:
    """0.49 and 0.21 cents for 1000 tokens, on 128 chips either way, so the number of chips cancels."""
    assert mfu(1.0, 0.0049, A100) == pytest.approx(0.102, rel=0.01)
    assert mfu(2.0, 0.0021, H100) == pytest.approx(0.15, rel=0.01)
    rate = 128 * tokens_per_s_by_flops(A100, 2 * ACTIVE, 0.102)
    assert usd_per_mtok(128.0, rate) == pytest.approx(4.9, rel=0.01)
    assert rate / 128 == pytest.approx(57, rel=0.01)


def test_price_in_cents_cannot_be() -> None:
    """As printed, "$0.0049 cents": ten times what the chips compute at their peak. It must mean dollars."""
    assert mfu(1.0, 0.0049e-2, A100) == pytest.approx(10.17, rel=0.01)


def test_active_parameters() -> None:
    """As recalled: 280e9 of 1.8e12. The catalogue's shape is a fit, whose width is rough."""
    model = tr.model("gpt-4")
    assert model.flops_per_token / 2 == pytest.approx(ACTIVE, rel=0.03)
    assert model.params == pytest.approx(1.8e12, rel=0.03)


def test_inference_catches_up_with_training() -> None:
    """2.15e25 FLOP are 3.8e13 tokens, 384 days at 1e11 a day."""
    assert break_even_tokens(2.15e25, ACTIVE) == pytest.approx(3.84e13, rel=0.005)
