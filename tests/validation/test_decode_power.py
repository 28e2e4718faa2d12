"""Power and energy of decoding, as measured, against energy by work (35).

Ma, Afzal, Eitzinger, Wellein, The Illusion of Power Capping in LLM Decode, arXiv:2605.11999: 137 to 300 W on an H200
of 700 W, over attention, latent, linear and state-space models. ML.ENERGY leaderboard v3: 0.12 J a token, Llama-3.1-8B
on an H100 at batch 64.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import tokenroof as tr


@pytest.mark.parametrize("model", ["llama-3.1-8b", "qwen2.5-7b"])
@pytest.mark.parametrize("batch", [1, 8, 32])
def test_decode_draws_less_than_half_of_the_limit(model: str, batch: int) -> None:
    run = {"batch": batch, "isl": 1024, "osl": 4096}
    h200 = tr.hardware("h200-sxm")
    assert 137 < tr.point(model, h200, **run).watts_per_chip < 300
    by_power = replace(h200, flop_joules={}, byte_joules=math.nan)  # (21): full power while memory is busy
    assert tr.point(model, by_power, **run).watts_per_chip > 330


def test_energy_of_a_token_at_batch_64() -> None:
    """Less than measured, by the throughput: 64 chats on a real server wait for prompts, sampling and each other."""
    p = tr.point("llama-3.1-8b", "h100-sxm", batch=64, isl=512, osl=512)
    assert 0.4 < p.joules_per_token / 0.12 < 1.0


def test_by_hand() -> None:
    """A token of Llama-2-7B on an A100 40 GB: 13.2 GB at 31.76 pJ/B, 13.2 GFLOP at 1.25 pJ, 60 W at rest."""
    p = tr.point("llama-2-7b", "a100-40-sxm", isl=1, osl=100_000, estimate="bound")
    cache = (1 + 50_000) * 524_288  # of the mean context
    work = (6.607e9 * 2 + cache) * 31.76e-12 + (13.21e9 + 4 * 32 * 4096 * 50_000) * 1.25e-12
    assert p.joules_per_token == pytest.approx(work + 60 * p.tpot_s, rel=0.005)
