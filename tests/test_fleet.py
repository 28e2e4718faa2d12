"""Fleets: the stated demand, replicas for mean and peak, and numbers that cannot be right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
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


# Sizing: spares, regions, prompts in time, money, and arrays


def test_regions_each_meet_their_own_peak() -> None:
    one, three = tr.fleet(CHATGPT, 1e4, 8), tr.fleet(CHATGPT, 1e4, 8, regions=3, spare_replicas=2)
    assert three.needed_replicas == 3 * math.ceil(CHATGPT.peak_tokens_per_s / 3 / 1e4) >= one.needed_replicas
    assert three.spare_replicas == 6
    shares = tr.fleet(CHATGPT, 1e4, 8, regions=[0.5, 0.3, 0.2])
    assert shares.needed_replicas == sum(math.ceil(CHATGPT.peak_tokens_per_s * s / 1e4) for s in (0.5, 0.3, 0.2))


def test_spares_hold_the_target() -> None:
    f = tr.fleet(CHATGPT, 1e4, 8, chip_availability=0.9995, availability=0.999, regions=3)
    assert f.availability >= 0.999
    fewer = tr.fleet(CHATGPT, 1e4, 8, chip_availability=0.9995, spare_replicas=f.spare_replicas // 3 - 1, regions=3)
    assert fewer.availability < 0.999


def test_prompts_in_time_take_more_replicas() -> None:
    rate = {"prompt_s": 0.05, "idle_ttft_s": 0.4}
    plain = tr.fleet(CHATGPT, 1e4, 8)
    tight = tr.fleet(CHATGPT, 1e4, 8, ttft_limit_s=0.4, **rate)
    loose = tr.fleet(CHATGPT, 1e4, 8, ttft_limit_s=2.0, **rate)
    assert loose.replicas == plain.replicas  # 2286 replicas; prompts take 44,643/s x 0.05 s = 2232 of them
    assert tight.replicas > plain.replicas
    with pytest.raises(tr.SpecError, match="ttft_limit_s"):
        tr.fleet(CHATGPT, 1e4, 8, ttft_limit_s=0.3, **rate)


def test_money_and_power_by_hand() -> None:
    demand = tr.Demand(users=1000.0, requests_per_week=604_800.0, isl=10, osl=100, peak_to_mean=2.0)
    f = tr.fleet(
        demand, 50.0, 4, watts_per_chip=500.0, host_watts_per_chip=100.0, idle_watts_per_chip=200.0, pue=1.5,
        usd_per_chip=8766.0, usd_per_chip_hour=2.0, life_years=2.0, usd_per_kwh=0.1,
    )  # fmt: skip
    assert (f.mean_replicas, f.replicas, f.chips) == (2, 4, 16)
    assert f.power_w == 16 * 600.0 * 1.5
    assert f.mean_power_w == (8 * 600.0 + 8 * 300.0) * 1.5
    assert f.racks == 1
    assert f.capex_usd == 16 * 8766.0
    assert f.owned_usd_per_hour == pytest.approx(16 * 8766.0 / (2 * 8766.0) + 10.8 * 0.1)
    assert f.joules_per_token == pytest.approx(10_800.0 / 100.0)
    assert f.kwh_per_user_year == pytest.approx(10.8 * 8766.0 / 1000.0)
    assert f.usd_per_mtok == pytest.approx(32.0 / 3600 / 100 * 1e6)
    assert f.use == pytest.approx(0.5)


@given(st.floats(1e6, 1e10), st.floats(1.0, 3.0), st.integers(1, 5), st.floats(0.5, 1.0))
def test_more_users_never_need_fewer_chips(users: float, more: float, regions: int, load: float) -> None:
    def chips(of: float, **options: Any) -> int:
        found: int = tr.fleet(tr.Demand(of, of * 25, 1024, 512), 1e4, 8, regions=regions, load=load, **options).chips
        return found

    assert chips(users * more) >= chips(users)
    options = {"chip_availability": 0.999, "availability": 0.99}
    assert chips(users * more, **options) >= chips(users, **options) >= chips(users)


def test_arrays_are_what_scalars_are() -> None:
    """Rates of a sweep, where some points cannot be served, against users."""
    rates, users = np.array([1e4, math.nan, 3e3]), np.array([[1e8], [7e8]])
    options: dict[str, Any] = {"chip_availability": 0.999, "availability": 0.99, "regions": 2, "watts_per_chip": 700.0}
    f = tr.fleet(tr.Demand(users, 25 * users, 1024, 512, 1.5), rates, [8, 8, 4], **options)
    assert f.chips.shape == f.power_w.shape == f.availability.shape == (2, 3)
    assert np.isnan(f.chips[:, 1]).all() and np.isnan(f.power_w[:, 1]).all()
    for i, j in ((0, 0), (1, 0), (0, 2), (1, 2)):
        one = tr.fleet(
            tr.Demand(float(users[i, 0]), 25 * float(users[i, 0]), 1024, 512, 1.5), rates[j], [8, 8, 4][j], **options
        )
        assert (f.chips[i, j], f.power_w[i, j], f.availability[i, j]) == (one.chips, one.power_w, one.availability)
    assert isinstance(one.chips, int) and isinstance(one.power_w, float)
    assert "shape (2, 3)" in repr(f) and "chips for" in repr(one)


def test_results_of_a_sweep() -> None:
    sweep = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", tp=[1, 2, 3], batch=[1, 64], isl=1024, osl=512)
    r = sweep.run(["tokens_per_s", "chips"])
    f = tr.fleet(CHATGPT, r["tokens_per_s"], r["chips"])
    assert f.chips.shape == r["tokens_per_s"].shape
    assert (np.isnan(f.chips) == np.isnan(r["tokens_per_s"])).all() and np.isnan(f.chips).any()  # tp 3 does not divide


# The search


@pytest.fixture(scope="module")
def found() -> tr.Fleet:
    return tr.fleet("llama-3.1-70b", "h100-sxm", CHATGPT, precision=["bf16", "fp8"], chips=8)


def test_the_search_is_the_best_of_every_layout(found: tr.Fleet) -> None:
    row = found.layouts[0]
    p = tr.point("llama-3.1-70b", "h100-sxm", isl=1024, osl=512,
                 **{n: row[n] for n in ("precision", "tp", "pp", "dp", "batch")})  # fmt: skip
    assert found.tokens_per_s_per_replica == pytest.approx(p.tokens_per_s, rel=1e-12)
    assert p.tpot_s <= 0.05 and p.ttft_s <= 2.0
    for tp in (1, 2, 4, 8):
        grid = tr.Sweep(
            model="llama-3.1-70b", hardware="h100-sxm", precision="fp8", tp=tp, batch="1:512", isl=1024, osl=512
        )
        other = grid.best("tokens_per_s_per_chip", where=["tpot_s <= 0.05", "ttft_s <= 2"])
        assert all(other["tokens_per_s_per_chip"] <= row["tokens_per_s_per_chip"])


def test_power_price_and_latency_are_the_points(found: tr.Fleet) -> None:
    row = found.layouts[0]
    p = tr.point("llama-3.1-70b", "h100-sxm", isl=1024, osl=512,
                 **{n: row[n] for n in ("precision", "tp", "pp", "dp", "batch")})  # fmt: skip
    assert found.power_w == pytest.approx(found.chips * p.watts_per_chip)
    assert found.usd_per_hour == pytest.approx(found.chips * tr.hardware("h100-sxm").usd_per_hour)
    assert found.capex_usd == pytest.approx(found.chips * tr.hardware("h100-sxm").price_usd)
    assert found.requests_in_flight == pytest.approx(CHATGPT.requests_per_s * p.e2e_s)
    with_own_price = tr.fleet("llama-3.1-70b", "h100-sxm", CHATGPT, chips=8, usd_per_chip_hour=1.0)
    assert with_own_price.usd_per_hour == with_own_price.chips


def test_tighter_limits_need_more_chips(found: tr.Fleet) -> None:
    quick = tr.fleet("llama-3.1-70b", "h100-sxm", CHATGPT, precision=["bf16", "fp8"], chips=8, tpot_s=0.015)
    free = tr.fleet("llama-3.1-70b", "h100-sxm", CHATGPT, precision=["bf16", "fp8"], chips=8, ttft_s=None, tpot_s=None)
    assert quick.chips > found.chips >= free.chips
    assert quick.layouts[0]["tpot_s"] <= 0.015


def test_several_chips_give_arrays_and_tables_give_the_same(found: tr.Fleet) -> None:
    both = tr.fleet("llama-3.1-70b", ["h100-sxm", tr.hardware("h200-sxm")], CHATGPT, precision=["bf16", "fp8"], chips=8)
    assert [row["hardware"] for row in both.layouts] == ["h100-sxm", "h200-sxm"]
    assert both.chips[0] == found.chips > both.chips[1]
    sweep = tr.Sweep(model="llama-3.1-70b", hardware=["h100-sxm", "h200-sxm"], precision=["bf16", "fp8"],
                     parallelism="auto", chips=8, batch="1:2048", isl=1024, osl=512)  # fmt: skip
    limits = ["ttft_s <= 2", "tpot_s <= 0.05"]
    table = sweep.best("tokens_per_s_per_chip", by=["model", "hardware"], where=limits)
    assert (tr.fleet(table, CHATGPT).chips == both.chips).all()
    assert tr.fleet(table, CHATGPT, ttft_limit_s=2.0).chips[0] >= found.chips


def test_calls_that_cannot_be() -> None:
    sweep = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=[1, 64], isl=128, osl=512)
    for call, words in (
        (lambda: tr.fleet("gpt-4", "h100-sxm", CHATGPT, chips=8), "chips = 8.*gpt-4 on h100-sxm no such layout"),
        (lambda: tr.fleet("gpt-4", "h100-sxm"), "demand"),
        (lambda: tr.fleet("gpt-4", "h100-sxm", CHATGPT, tpot_s=-1.0), "tpot_s"),
        (lambda: tr.fleet("gpt-4", "h100-sxm", tr.Demand(1.0, 1.0, [1, 2], 1)), "isl"),
        (lambda: tr.fleet("gpt-5", "h100-sxm", CHATGPT), "gpt-5"),
        (lambda: tr.fleet(sweep.best("tpot_s"), CHATGPT), "isl"),
        (lambda: tr.fleet(sweep.best("tpot_s", columns=["mfu"]), CHATGPT), "columns"),
        (lambda: tr.fleet(sweep.best("tpot_s")), "demand"),
        (lambda: tr.fleet(CHATGPT, 1e4, 8, tpot_s=0.1), "tpot_s.*nothing is searched"),
        (lambda: tr.fleet(CHATGPT, 1e4, 8, regions=0), "regions"),
        (lambda: tr.fleet(CHATGPT, 1e4, 8, regions=[0.5, 0.6]), "regions"),
        (lambda: tr.fleet(CHATGPT, [1e4, 2e4], [8, 8, 8]), "broadcast"),
        (lambda: tr.Demand([1.0, 2.0], [1.0, 2.0, 3.0], 1, 1), "broadcast"),
    ):
        with pytest.raises(tr.TokenroofError, match=words):
            call()
