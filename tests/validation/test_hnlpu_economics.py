"""HNLPU (arXiv:2508.16151): dies, yield and total cost of burned-in weights against H100; and the H100's own die."""

from __future__ import annotations

import pytest

from tokenroof.fleets.money import HOURS_PER_YEAR, electricity_share, usd_per_mtok
from tokenroof.fleets.supply import dies_per_wafer, usd_per_good_die, yield_murphy, yield_poisson

H100_TCO, HNLPU_TCO = 9.563e9, 229.4e6  # USD over three years, table 3


def test_dies() -> None:
    assert dies_per_wafer(827.08, 300.0) == 62.0
    assert dies_per_wafer(814.0, 300.0) == 63.0


def test_yields() -> None:
    """0.11 defects per cm2: 43 % printed is Murphy's. The H100's: 43.6, and 40.8 % by Poisson's."""
    assert yield_murphy(827.08, 0.11) == pytest.approx(0.43, abs=0.005)
    assert yield_murphy(814.0, 0.11) == pytest.approx(0.436, abs=0.0005)
    assert yield_poisson(814.0, 0.11) == pytest.approx(0.408, abs=0.0005)


def test_price_of_a_die() -> None:
    """629 USD of a wafer of 16,988: 27 good dies, where 62 x 43.1 % are 26.7."""
    assert usd_per_good_die(16_988.0, 27, 1.0) == pytest.approx(629, rel=0.001)
    assert usd_per_good_die(16_988.0, 62, yield_murphy(827.08, 0.11)) == pytest.approx(629, rel=0.015)


def test_total_cost() -> None:
    ratio = H100_TCO / HNLPU_TCO
    assert ratio == pytest.approx(41.7, rel=0.002)


def test_cost_of_tokens() -> None:
    """1e8 tokens/s for three years; 1.01 USD a million on H100, 0.024 burned in."""
    hours = 3 * HOURS_PER_YEAR
    assert usd_per_mtok(H100_TCO / hours, 1e8) == pytest.approx(1.01, rel=0.01)
    assert usd_per_mtok(HNLPU_TCO / hours, 1e8) == pytest.approx(0.024, rel=0.02)


def test_electricity_does_not_dominate() -> None:
    """Table 3 has 454 of 9563 M USD, 4.8 %; a single H100 at usual numbers comes to the same order."""
    published = 454 / 9563
    assert 0.04 < published < 0.07
    assert electricity_share(50e3, 4.0, 0.7 * 1275.0, 1.3, 0.08) == pytest.approx(0.061, rel=0.02)
