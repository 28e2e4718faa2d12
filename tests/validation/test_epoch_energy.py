"""Epoch AI, How much energy does ChatGPT use?, February 2025, and what others print of a query or a token."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques.energy import JOULES_PER_WH, query_joules

H100, SERVER_W, DRAWN = 989e12, 1275.0, 0.7  # dense bf16; a server's maximum by its 8 GPUs; share of it


def wh(params: float, tokens: float, mfu: float, pue: float) -> float:
    return query_joules(params, tokens, H100, mfu, DRAWN * SERVER_W, pue) / JOULES_PER_WH


def test_pessimistic_query_takes_1_304_wh() -> None:
    """200e9 active parameters, 500 tokens, MFU 5 %, PUE 1.3."""
    assert wh(200e9, 500, 0.05, 1.3) == pytest.approx(1.304, rel=0.003)


def test_a_query_takes_0_3_wh() -> None:
    """The article's: 100e9 active parameters, 500 tokens, MFU 10 %; 3 Wh, as was said before, is ten times as much."""
    assert wh(100e9, 500, 0.10, 1.2) == pytest.approx(0.3, rel=0.01)


def test_three_times_the_tokens_take_three_times_the_energy() -> None:
    assert wh(100e9, 1500, 0.10, 1.2) == pytest.approx(0.902, rel=0.003)
    assert wh(200e9, 1500, 0.05, 1.3) == pytest.approx(3.911, rel=0.003)


def test_altman_0_34_wh() -> None:
    """S. Altman, June 2025: an average query, without model, tokens or chips. Within Epoch's two cases."""
    assert wh(100e9, 500, 0.10, 1.2) < 0.34 < wh(200e9, 500, 0.05, 1.3)


def test_ml_energy_llama_3_1_8b_on_an_h100() -> None:
    """ML.ENERGY, batch 64: 0.20 J/token with vLLM 0.5.4, 0.12 in the leaderboard's third version. `bound` is below
    both; `typical` is half of the later one, with the power that decoding is measured at but the throughput of a server
    that waits for nobody (test_decode_power.py). Prompts of the benchmark's chats are some hundred tokens."""
    run = {"precision": "bf16", "batch": 64, "isl": 512, "osl": 512}
    bound, typical = (tr.point("llama-3.1-8b", "h100-sxm", estimate=e, **run) for e in ("bound", "typical"))
    assert bound.joules_per_token < typical.joules_per_token < 0.12 < 0.20
    seconds = 64 * 0.12 / typical.watts_per_chip  # of a step, were the power right
    assert 1.5 * typical.tpot_s < seconds < 3 * typical.tpot_s
