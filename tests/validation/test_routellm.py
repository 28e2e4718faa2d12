"""RouteLLM, arXiv:2406.18665: thresholds, savings and what they are relative to; router costs."""

from __future__ import annotations

import pytest

from tokenroof.techniques import routing

STRONG, WEAK = 24.7, 0.24  # USD per million tokens: GPT-4, Mixtral-8x7B
ROUTERS = routing.published()


def test_the_price_ratio() -> None:
    prices = routing.published("prices")["routellm"]
    assert prices["usd_per_mtok_strong"] / prices["usd_per_mtok_weak"] == pytest.approx(103, rel=0.01)
    assert (prices["usd_per_mtok_strong"], prices["usd_per_mtok_weak"]) == (STRONG, WEAK)


@pytest.mark.parametrize(
    ("router", "gap", "published"),
    [
        ("routellm-mt-bench", 50, 3.66),
        ("routellm-mt-bench", 80, 2.49),
        ("routellm-mmlu", 50, 1.41),
        ("routellm-gsm8k", 50, 1.49),
    ],
)
def test_printed_savings_are_against_a_random_router(router: str, gap: int, published: float) -> None:
    """KNOWN BAD: captioned as savings over GPT-4, the ratios are calls of a random router over calls of this one."""
    row = ROUTERS[router]
    share, random = row[f"cpt{gap}"], row[f"random_cpt{gap}"]
    assert routing.saving_ratio(share, 0.0, 1.0, than=random) == pytest.approx(published, rel=0.01)
    against_gpt4 = routing.saving_ratio(share, WEAK, STRONG)
    assert abs(against_gpt4 / published - 1) > 0.2, "not what the caption says"


@pytest.mark.parametrize(
    ("router", "published"), [("routellm-mt-bench", 7.02), ("routellm-mmlu", 2.78), ("routellm-gsm8k", 2.9)]
)
def test_savings_against_always_gpt4(router: str, published: float) -> None:
    """At half of the quality gap only."""
    assert routing.saving_ratio(ROUTERS[router]["cpt50"], WEAK, STRONG) == pytest.approx(published, rel=0.01)


def test_average_gap_recovered() -> None:
    """APGR .802, +60.4 % over a random router's 0.5. The curve through the two thresholds alone says .817."""
    row = ROUTERS["routellm-mt-bench"]
    assert row["apgr"] / routing.apgr() - 1 == pytest.approx(0.604)
    curve = routing.fit_cpt(row["cpt50"], row["cpt80"])
    assert routing.cpt(0.8, *curve) == pytest.approx(0.3131)
    assert routing.apgr(*curve) == pytest.approx(row["apgr"], rel=0.02)


def test_one_parameter_is_too_few() -> None:
    """phi^theta with theta = 1/APGR - 1 has the right mean, and half of the measured CPT50."""
    theta = 1 / ROUTERS["routellm-mt-bench"]["apgr"] - 1
    assert routing.apgr(theta, 1.0) == pytest.approx(0.802)
    assert routing.cpt(0.5, theta, 1.0) == pytest.approx(0.06, abs=0.002)


@pytest.mark.parametrize(
    ("router", "usd_per_million", "per_s"),
    [("similarity-weighted", 39.26, 2.9), ("matrix-factorisation", 3.32, 155.16), ("bert", 3.19, 69.62)],
)
def test_what_a_router_costs(router: str, usd_per_million: float, per_s: float) -> None:
    """Table 7; at most 0.4 % of GPT-4's cost, here at the cheapest request that a thousand input tokens make."""
    row = routing.published("overheads")[router]
    assert (row["usd_per_million"], row["requests_per_s"]) == (usd_per_million, per_s)
    one, strong = usd_per_million * 1e-6, STRONG * 1e-3
    assert one / strong < 0.004
    assert routing.break_even_share(WEAK * 1e-3, strong, one) > 0.99, "it pays for itself nearly always"


def test_the_largest_printed_saving_needs_a_share_of_one_in_eight() -> None:
    """85 % less cost on MT-Bench at 95 % of GPT-4's quality (45 % MMLU, 35 % GSM8K): calls to GPT-4 of 14, 55, 65 %."""
    for saved, calls in ((0.85, 0.142), (0.45, 0.546), (0.35, 0.647)):
        assert routing.saving(calls, WEAK, STRONG) == pytest.approx(saved, abs=0.002)


def test_hybrid_llm() -> None:
    """Up to 40 % fewer calls to the large model (arXiv:2404.14618): 40 % less cost only beside a free weak model."""
    avoided = ROUTERS["hybrid-llm"]["weak_share"]
    assert avoided == 0.4
    assert routing.saving(1 - avoided, 0.0, 1.0) == pytest.approx(0.4)
    assert routing.saving(1 - avoided, WEAK, STRONG) == pytest.approx(0.396, abs=0.001)
    assert routing.saving(1 - avoided, 0.5, 1.0) == pytest.approx(0.2)
