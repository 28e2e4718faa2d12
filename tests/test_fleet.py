"""Fleets: the stated demand, replicas for mean and peak, and numbers that cannot be right."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.fleets.sizing import size

CHATGPT = tr.Demand(users=700e6, requests_per_week=18e9, isl=1024, osl=512, peak_to_mean=1.5)


def test_the_stated_demand() -> None:
    assert round(CHATGPT.requests_per_s) == 29_762  # 18e9 messages / 604,800 s
    assert CHATGPT.requests_per_user_per_week == pytest.approx(25.714, abs=1e-3)
    assert CHATGPT.tokens_per_s == pytest.approx(18e9 / 604_800 * 512, rel=1e-15)
    assert CHATGPT.peak_tokens_per_s == pytest.approx(1.5 * CHATGPT.tokens_per_s, rel=1e-15)


def test_littles_law() -> None:
    f = tr.fleet(CHATGPT, 1e4, 8, e2e_s=10.0)
    assert f.requests_in_flight == pytest.approx(297_619, abs=1)
    assert f.requests_in_flight / CHATGPT.users == pytest.approx(0.000425, rel=1e-3)
    assert f.peak_requests_in_flight == pytest.approx(1.5 * f.requests_in_flight)


def test_fleet_of_a_small_demand_by_hand() -> None:
    demand = tr.Demand(users=1000.0, requests_per_week=604_800.0, isl=10, osl=100, peak_to_mean=2.0)  # 1 request/s
    f = tr.fleet(demand, 30.0, 4, watts_per_chip=500.0, usd_per_chip_hour=2.0, pue=1.2, spare_replicas=1)
    assert (f.mean_replicas, f.replicas) == (4, 8)  # 100 / 30, and 200 / 30 and a spare
    assert (f.mean_chips, f.chips) == (16, 32)
    assert f.power_w == 32 * 500.0 * 1.2
    assert f.usd_per_hour == 64.0
    assert f.usd_per_user_month == pytest.approx(64.0 * 730.5 / 1000.0)
    assert f.users_per_chip == 1000.0 / 32


def test_what_is_unknown_stays_unknown() -> None:
    f = tr.fleet(CHATGPT, 1e4, 8)
    assert all(math.isnan(v) for v in (f.power_w, f.usd_per_hour, f.usd_per_user_month, f.requests_in_flight))


@given(st.floats(1, 1e12), st.floats(1, 1e7), st.integers(1, 10_000), st.floats(1, 10))
def test_replicas_suffice_and_none_is_idle(requests: float, rate: float, osl: int, peak: float) -> None:
    demand = tr.Demand(1.0, requests, 1, osl, peak)
    f = tr.fleet(demand, rate, 1)
    assert f.replicas * rate >= demand.peak_tokens_per_s * (1 - 1e-12)
    assert (f.replicas - 1) * rate < demand.peak_tokens_per_s * (1 + 1e-12)
    assert 1 <= f.mean_replicas <= f.replicas


@pytest.mark.parametrize(
    "wrong",
    [{"users": 0}, {"users": math.nan}, {"users": "many"}, {"requests_per_week": -1.0}, {"requests_per_week": math.inf},
     {"isl": 0}, {"isl": 1.5}, {"osl": True}, {"peak_to_mean": 0.5}, {"peak_to_mean": math.nan}],
)  # fmt: skip
def test_demand_that_cannot_be(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"users": 1.0, "requests_per_week": 1.0, "isl": 1, "osl": 1}
    with pytest.raises(tr.SpecError, match=next(iter(wrong))):
        tr.Demand(**right | wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"tokens_per_s_per_replica": 0.0}, {"tokens_per_s_per_replica": math.nan}, {"chips_per_replica": 0},
     {"chips_per_replica": 1.5}, {"pue": 0.9}, {"watts_per_chip": -1.0}, {"usd_per_chip_hour": -0.1},
     {"e2e_s": math.inf}, {"spare_replicas": -1}],
)  # fmt: skip
def test_fleet_that_cannot_be(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"demand": CHATGPT, "tokens_per_s_per_replica": 1e4, "chips_per_replica": 8}
    with pytest.raises(tr.SpecError, match=next(iter(wrong))):
        size(**right | wrong)
