"""Sevilla et al. (Epoch AI), Can AI scaling continue through 2030?, 2024: wafers, packaging, and chips by 2030."""

from __future__ import annotations

import pytest

from tokenroof.fleets import uncertain
from tokenroof.fleets.supply import chips_by, chips_per_year, wafers_for, yield_murphy

COWOS_PER_MONTH = 34_000.0  # 33 to 35 thousand wafers at the end of 2024
WAFERS_5_AND_3_NM = 2.2e6  # a year, 1.2e6 to 4e6


def test_two_million_h100_are_a_few_percent_of_the_wafers() -> None:
    """Printed: "5 % of 5 nm". Of 5 and 3 nm together they are 3.3 %; 5 % are of 1.44 M wafers a year."""
    wafers = wafers_for(2e6, 63, 0.44)
    assert wafers / WAFERS_5_AND_3_NM == pytest.approx(0.033, rel=0.01)
    assert 1.2e6 < wafers / 0.05 < WAFERS_5_AND_3_NM
    assert yield_murphy(814.0, 0.11) == pytest.approx(0.44, abs=0.005)


def test_packaging_is_the_bottleneck() -> None:
    """All CoWoS of late 2024 as H100, of which 9 to 29 are said to fit a wafer, against all of 5 and 3 nm."""
    made = chips_per_year(WAFERS_5_AND_3_NM, 63 * 0.44, 1, 12 * COWOS_PER_MONTH, [9, 29], 1e30, 80e9)
    assert made == pytest.approx([12 * COWOS_PER_MONTH * 9, 12 * COWOS_PER_MONTH * 29])


def test_a_hundred_million_by_2030_is_within_reach() -> None:
    """1e8 H100 equivalents for training in 2030 in the median, 2e7 to 4e8 within 80 %.

    Here from packaging alone, growing 30 to 100 % a year for five years, every chip an H100. Not the source's model: it
    also has chips that get better and a share that goes to training. Both must be of one order.
    """
    told = uncertain.simulate(
        lambda growth, per_wafer: chips_by(12 * COWOS_PER_MONTH * per_wafer, growth, 5.0),
        {"growth": uncertain.Uniform(0.3, 1.0), "per_wafer": uncertain.LogNormal(9.0, 29.0)},
    )
    assert 2e7 < told.quantile(0.1) < 1e8 < told.quantile(0.9) < 4e8
    assert 0.5e8 < told.quantile(0.5) < 2e8
