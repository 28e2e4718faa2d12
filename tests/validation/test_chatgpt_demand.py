"""What ChatGPT's users ask for: NBER working paper 34255, 2025; SemiAnalysis on the cost of search, February 2023.

700 million weekly users send 18 billion messages a week.
"""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.fleets.demand import duty_tokens_per_s, in_flight, users_per_slot
from tokenroof.fleets.machines import chips_by_flops
from tokenroof.fleets.money import rent_usd

DEMAND = tr.Demand(users=700e6, requests_per_week=18e9, isl=1024, osl=500)


def test_messages_of_a_user_and_day() -> None:
    assert DEMAND.requests_per_user_per_week / 7 == pytest.approx(3.67, rel=0.005)


def test_output() -> None:
    """Answers of 500 tokens."""
    assert DEMAND.tokens_per_s == pytest.approx(1.488e7, rel=0.005)
    assert duty_tokens_per_s(7.88e9, 0.05, 50.0) / DEMAND.tokens_per_s == pytest.approx(1324, rel=0.001)


def test_few_are_at_work_at_once() -> None:
    """0.0425 % of weekly users, where an answer takes ten seconds."""
    flying = in_flight(DEMAND.requests_per_s, 10.0)
    assert flying == pytest.approx(297_600, rel=0.001)
    assert 1 / users_per_slot(DEMAND.users, flying) == pytest.approx(0.000425, rel=0.001)


def test_chips_in_the_mean() -> None:
    """A tenth of the dense bf16 peak of an H100, 100e9 active parameters; 280e9 as GPT-4 is rumoured to have."""
    assert chips_by_flops(1.488e7, 2 * 100e9, 989e12, 0.1) == pytest.approx(30_093, rel=0.005)
    assert chips_by_flops(1.488e7, 2 * 280e9, 989e12, 0.1) == pytest.approx(84_260, rel=0.005)


def test_february_2023() -> None:
    """28,936 A100 at a dollar an hour are 694,444 USD a day."""
    assert rent_usd(28_936, 24.0, 1.0) == pytest.approx(694_444, rel=1e-4)


def test_all_of_search() -> None:
    """512,820.51 servers of eight. The printed 4,102,568 rounds the servers up first."""
    unrounded = 512_820.51 * 8
    assert unrounded == pytest.approx(4_102_568, rel=1e-5)
    assert tr.fleet(tr.Demand(1.0, 512_820.51 * 604_800, 1, 1), 1.0, 8).chips == 4_102_568
