"""Liu et al., MobileLLM (arXiv:2402.14905), introduction and appendix I: where "100 million chips" comes from."""

from __future__ import annotations

import pytest

from tokenroof.fleets.demand import duty_tokens_per_s
from tokenroof.fleets.machines import chips_by_flops

SCENARIO = duty_tokens_per_s(7.88e9, 0.05, 50.0)  # everyone reads for 5 % of the time


def test_its_own_formula_gives_72_million() -> None:
    """Printed as 1e8, rounded up by 39 %."""
    literal = chips_by_flops(SCENARIO, 220e9, 60e12)
    assert literal == pytest.approx(7.22e7, rel=0.001)
    assert 1e8 / literal == pytest.approx(1.385, rel=0.001)


@pytest.mark.parametrize(("mfu", "chips"), [(1.0, 1.1e7), (0.3, 3.7e7), (0.1, 1.1e8)])
def test_with_its_two_factors_corrected(mfu: float, chips: float) -> None:
    """220e9 is a count of parameters, of one expert; two FLOP for each of 280e9 active are 560e9. 60e12 is not the
    dense tensor peak of an H100, 989e12 in bf16, of which serving at scale reaches a tenth. Two errors that cancel."""
    assert chips_by_flops(SCENARIO, 560e9, 989e12, mfu) == pytest.approx(chips, rel=0.02)


def test_the_demand_that_exists_is_far_smaller() -> None:
    """18e9 messages a week with answers of 500 tokens: thousands of times fewer chips, as anyone's fleet of 2025."""
    assert chips_by_flops(18e9 / 604_800 * 500, 560e9, 989e12, 0.1) == pytest.approx(84_260, rel=0.005)
