"""Yuan et al., LLM Inference Unveiled (LLM-Viewer), arXiv:2402.16363: q_proj of Llama-2-7B on an RTX A6000.

155 TFLOP/s and 768 GB/s, 16 bit, one sequence. Figures as quoted, recomputed.
"""

from __future__ import annotations

import pytest
from plain import chip, of, weights

import tokenroof as tr

D = 4096.0
A6000 = chip(768e9, 155e12)


def test_prefill_of_2048_tokens_takes_68_7_gflop() -> None:
    p = tr.point(of(weights(D * D)), A6000, precision="fp16", isl=2048, osl=1, estimate="bound")
    assert p.prefill_flops == pytest.approx(68.7e9, rel=0.001)
    assert p.prefill_flops / p.ttft_s == pytest.approx(155e12, rel=1e-9)


def test_decode_has_an_intensity_of_one() -> None:
    """Weights alone: the 16 kB of activations that the tool adds are below the printed digits."""
    p = tr.point(of(weights(D * D)), A6000, precision="fp16", isl=1, osl=1, estimate="bound")
    assert p.intensity_flop_per_byte == pytest.approx(1.0, rel=0.001)
    assert p.decode_flops / p.tpot_s == pytest.approx(768e9, rel=0.001)
