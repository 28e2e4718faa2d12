"""Etched, June 2024: 500,000 tokens/s of Llama-3-70B on eight Sohu, FP8, 2048 tokens in and 128 out. A claim."""

from __future__ import annotations

import pytest

import tokenroof as tr


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
