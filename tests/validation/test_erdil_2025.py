"""Erdil, Inference economics of language models, arXiv:2506.04645: fastest decode that any number of chips gives.

His constants (H100: 0.7 of 1e15 FLOP/s, 0.75 of 3.3 TB/s, 4 us for each of four launches of a layer, NCCL's LL latency,
225 GB/s and 25 GB/s of all-reduced bytes), batch 1, no context. His matrices are split both ways, which takes four
all-reduces of sqrt(n) ranks a layer; ours one way, which takes two of n. So the optima agree only to a tenth.
"""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.specs import Calibration, Hardware, Link

LAUNCHES = 4 * 4e-6
BASE, HOP = 6.8e-6, 0.6e-6  # of LL [s]


def erdil(
    peak: float, bandwidth: float, memory: float, shares: tuple[float, float], reduced: tuple[float, float]
) -> Hardware:
    """A node of eight. Bytes reduced per second are half of what a link carries; two phases share the latency."""
    cal = Calibration(
        compute_efficiency=shares[0],
        memory_efficiency=shares[1],
        link_latency=BASE / 2 + 7 * HOP,
        scaleout_latency=5e-6,
        layer_overhead=LAUNCHES,
    )
    links = {"scaleup": Link("NVLink", 2 * reduced[0], 8), "scaleout": Link("InfiniBand", 2 * reduced[1])}
    return Hardware("erdil", {"bf16": peak}, memory, bandwidth, calibration=cal, **links)


H100 = erdil(1e15, 3.3e12, 80e9, (0.7, 0.75), (225e9, 25e9))
A100 = erdil(3.12e14, 2e12, 80e9, (0.8, 0.75), (150e9, 12.5e9))
V100 = erdil(1e14, 9e11, 16e9, (0.8, 0.75), (75e9, 6.25e9))


@pytest.mark.parametrize(
    ("model", "hardware", "precision", "tokens_per_s"),
    [
        ("llama-3-70b", H100, "bf16", 124.99),
        ("llama-3.1-405b", H100, "bf16", 57.06),
        ("mixtral-8x22b", H100, "bf16", 189.34),
        ("llama-3.1-405b", A100, "w8a16", 58.85),
        ("llama-3.1-405b", V100, "w8a16", 49.69),
    ],
)
def test_fastest_decode(model: str, hardware: Hardware, precision: str, tokens_per_s: float) -> None:
    sizes = {"precision": precision, "pad_heads": True, "batch": 1, "isl": 1, "osl": 1}
    points = [tr.point(model, hardware, tp=tp, **sizes) for tp in (4, 8, 16, 32, 64, 128, 256)]
    best = max(p.tokens_per_s_per_user for p in points)
    assert best == pytest.approx(tokens_per_s, rel=0.1)
    assert tokens_per_s < max(
        tr.point(model, hardware, tp=tp, estimate="bound", **sizes).tokens_per_s_per_user for tp in (64, 128, 256)
    )
