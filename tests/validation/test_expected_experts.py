"""Distinct experts that a batch touches, E (1 - (1 - k/E)^B), and the batch from which an expert layer computes."""

from __future__ import annotations

import pytest
from plain import INT8, chip, experts, first, of

import tokenroof as tr
from tokenroof import formulas as fs


@pytest.mark.parametrize(
    ("total", "active", "batch", "distinct"),
    [(8, 2, 4, 5.46875), (8, 2, 16, 7.9198), (16, 2, 8, 10.502), (256, 8, 32, 163.31), (256, 8, 256, 255.924)],
)
def test_a_step_reads_the_experts_that_its_batch_touches(total: int, active: int, batch: int, distinct: float) -> None:
    """By the formula, and by the bytes of a step: an expert of one byte each."""
    assert fs.expected_experts(float(total), float(active), float(batch)) == pytest.approx(distinct, rel=1e-4)
    p = tr.point(of(experts(total, active)), chip(1e12), precision=INT8, batch=batch, isl=1, osl=1)
    assert p.decode_bytes == pytest.approx(distinct, rel=1e-4)


def test_256_experts_of_which_8_are_active_compute_from_9452_tokens() -> None:
    """E/k times the batch of a dense layer: FP8 on an H100, 1979 TFLOP/s and 3350 GB/s; derived, not published."""

    def computes(batch: int) -> bool:
        p = tr.point(of(experts(256, 8, 1e7)), chip(3350e9, 1979e12), precision=INT8, batch=batch, isl=1, osl=1)
        return p.bottleneck == 0.0

    assert first(computes) == pytest.approx(9452, rel=0.01)
