"""Etched, June 2024: 500,000 tokens/s of Llama-3-70B on eight Sohu, FP8, 2048 tokens in and 128 out. A claim."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques import systems


def test_500_000_tokens_per_s_count_those_that_come_in() -> None:
    """8.8 PFLOP/s a chip, the least that the claim needs if input counts; then a sixteenth of it is output. The model
    fits on one chip, and the maker publishes no links, so that eight replicas stand for the server."""
    run = {"precision": "fp8", "isl": 2048, "osl": 128, "estimate": "bound", "memory_fraction": 1.0}
    room = int(tr.point("llama-3-70b", "etched-sohu", **run).max_batch)
    p = tr.point("llama-3-70b", "etched-sohu", batch=room, **run)
    output = 8 * p.tokens_per_s
    assert p.ok and output * (2048 + 128) / 128 == pytest.approx(500_000, rel=0.05)
    assert output < 500_000 / 16


def test_output_alone_needs_150_petaflops() -> None:
    """Each token that comes out has sixteen that went in."""
    p = tr.point("llama-3-70b", "etched-sohu", precision="fp8", isl=2048, osl=128, estimate="bound")
    work = (p.prefill_flops + 127 * p.decode_flops) / 128
    assert 500_000 * work / 8 == pytest.approx(150e15, rel=0.03)


def test_closed_form() -> None:
    """2 N x rate / chips: 8.8 PFLOP/s if input counts, 17 times as many if not; eight H100 in FP8 at all of their peak
    come to 112,000, and TensorRT-LLM's 23,000, which Etched compares with, is a fifth of that."""
    work = 2 * tr.model("llama-3-70b").params
    sohu = systems.system("sohu")
    counted = systems.flops_per_chip(sohu.tokens_per_s, work, sohu.chips)
    alone = systems.flops_per_chip(systems.counted_tokens(sohu.tokens_per_s, 2048, 128), work, sohu.chips)
    assert counted == pytest.approx(8.8e15, rel=0.005) and alone == pytest.approx(150e15, rel=0.005)
    h100 = tr.hardware("h100-sxm").peaks["fp8"]
    assert systems.flops_per_chip(23_000, work, 8) / h100 == pytest.approx(0.20, abs=0.01)
