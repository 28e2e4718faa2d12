"""Numbers told in essays and comments about inference chips, right and wrong, from the library's functions."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.fleets.demand import words_per_minute
from tokenroof.fleets.machines import tokens_per_s_by_flops
from tokenroof.fleets.money import electricity_share, joules_per_token
from tokenroof.techniques.training import growth_of_inference


def test_a_million_tokens_per_s_of_a_chip() -> None:
    """Right arithmetic at all of a peak that no H100 has (989e12 dense bf16, 1979e12 in fp8)."""
    assert tokens_per_s_by_flops(3e15, 3e9) == 1e6
    assert max(tr.hardware("h100-sxm").peaks.values()) < 2e15 < 3e15


def test_100_ms_a_token_are_450_words_a_minute() -> None:
    """The told "600 wpm" are tokens a minute; at 0.75 words in a token they are 450."""
    assert words_per_minute(1 / 0.1) == 450.0
    assert words_per_minute(1 / 0.1, 1.0) == 600.0


def test_llama_3_70b_in_int4() -> None:
    """As told, "approximately 40 GB" is right: 4.25 bits a weight and embeddings in 16."""
    assert tr.model("llama-3-70b").weight_bytes("w4a16") == pytest.approx(40.6e9, rel=0.02)


def test_electricity_is_not_the_dominant_expense() -> None:
    """6.1 % of capital and power, for a share of a server at 50,000 USD written off in 4 years."""
    assert electricity_share(50e3, 4.0, 0.7 * 1275.0, 1.3, 0.08) == pytest.approx(0.061, rel=0.02)


def test_inference_follows_the_root_of_training() -> None:
    """Right where parameters follow compute with an exponent of a half; fits of it reach from 64 to 112."""
    assert growth_of_inference(1e4) == 100.0
    assert growth_of_inference(1e4, [0.452, 0.513]) == pytest.approx([64, 112], rel=0.01)


def test_30_percent_of_a_million_requests_is_pocket_money() -> None:
    """0.3 Wh a request, a million a day, 0.08 USD/kWh: 7.2 USD a day saved."""
    per_day = joules_per_token(0.3 * 3600 * 1e6, 1.0, 1.0) / 3.6e6  # a day's energy [kWh]
    assert 0.3 * per_day * 0.08 == pytest.approx(7.2, rel=1e-9)
