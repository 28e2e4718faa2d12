"""DeepSeek-AI, open-infra-index, day 6 (March 2025): a day of V3 and R1 on H800 nodes of 8, closed from end to end.

608e9 input and 168e9 output tokens, 73.7k and 14.8k tokens/s per node for prefill and decode, 226.75 nodes in the mean.
"""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.fleets.demand import DAY_S, in_flight
from tokenroof.fleets.money import margin_on_cost, rent_usd, revenue_usd
from tokenroof.fleets.paging import cache_bytes_per_chip
from tokenroof.fleets.steady import busy_nodes

IN, OUT = 608e9, 168e9
PREFILL, DECODE = 73.7e3, 14.8e3
STREAMS = in_flight(OUT / DAY_S, 1 / 21)  # 20 to 22 tokens/s each


def test_tokens_and_rates_make_the_nodes() -> None:
    """Printed 226.75."""
    assert busy_nodes(IN, PREFILL) + busy_nodes(OUT, DECODE) == pytest.approx(226.75, rel=0.002)


def test_prefill_nodes_per_decode_node() -> None:
    assert busy_nodes(IN, PREFILL) / busy_nodes(OUT, DECODE) == pytest.approx(0.73, rel=0.01)


def test_cost_of_the_day() -> None:
    """2 USD an hour for each GPU."""
    assert rent_usd(226.75 * 8, 24.0, 2.0) == 87_072.0


def test_revenue_of_the_day() -> None:
    """At R1's prices, 342e9 of the input tokens from a cache; 562,027 USD printed from tokens not rounded."""
    told = revenue_usd([342e9, 266e9, 168e9], [0.14, 0.55, 2.19]).sum()
    assert told == pytest.approx(562_027, rel=0.0005)
    assert margin_on_cost(told, 87_072.0) == pytest.approx(5.45, rel=0.002)


def test_streams_at_once() -> None:
    assert round(STREAMS) == pytest.approx(92_600, rel=0.05)


def test_cache_of_a_gpu() -> None:
    """Contexts of 4989 tokens in the mean; 88 streams a GPU."""
    per_token = tr.model("deepseek-v3").kv_elems_per_token * 2
    assert per_token == 70_272
    gpus = busy_nodes(OUT, DECODE) * 8
    assert cache_bytes_per_chip(STREAMS, 4989, per_token, gpus) == pytest.approx(30.9e9, rel=0.05)
    assert STREAMS / gpus == pytest.approx(88, rel=0.01)


def test_the_day_as_a_fleet() -> None:
    """The same day through `fleet`: nodes that decode, busiest at 278 of 226.75."""
    demand = tr.Demand(users=1.0, requests_per_week=7 * OUT / 512, isl=1024, osl=512, peak_to_mean=278 / 226.75)
    f = tr.fleet(demand, DECODE, 8, e2e_s=512 / 21)
    assert f.mean_replicas == 132  # 131.4
    assert f.replicas == pytest.approx(131.4 * 278 / 226.75, abs=1)
    assert f.requests_in_flight == pytest.approx(STREAMS)
