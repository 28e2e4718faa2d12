"""DeepEP V1 (deepseek-ai/DeepEP, docs/legacy.md): expert dispatch and combine between H800 with 400 Gb/s each.

Low-latency kernels: 128 tokens of 7168 elements to 8 experts, FP8 out, BF16 back. Normal kernels: 4096 tokens, experts
in at most 4 groups. Nothing of `typical` was fitted to them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from plain import experts, of

import tokenroof as tr
from tokenroof import formulas as fs
from tokenroof.reference.network import Network
from tokenroof.specs import Hardware, Kind, Operator

HIDDEN, ACTIVE, TOKENS = 7168, 8, 128


def h800() -> Hardware:
    """Without what a layer and a step cost besides."""
    hw = tr.hardware("h800-sxm")
    return replace(hw, calibration=replace(hw.calibration, layer_overhead=0.0, step_overhead=0.0))


def exchange_us(ranks: int, activations: str) -> float:
    """Dispatch and combine together; BF16 comes back whatever goes out."""
    wire = Operator("exchange", Kind.ALL_TO_ALL, comm_elems=HIDDEN * ACTIVE, active=ACTIVE)
    model = of(experts(256, ACTIVE), wire)
    return (
        tr.point(model, h800(), precision=activations, ep=ranks, dp=ranks, batch=TOKENS * ranks, isl=1, osl=1).tpot_s
        * 1e6
    )


@pytest.mark.parametrize(
    ("ranks", "dispatch", "combine"),
    [(8, 77, 114), (16, 118, 195), (32, None, 273), (64, 173, 314), (128, 192, 369), (256, 194, 360)],
)
def test_low_latency_kernels(ranks: int, dispatch: float | None, combine: float) -> None:
    """Within a fifth from 16 ranks. On one node 98 and 127 GB/s are reached of the 160 that large messages get.

    A byte more per element is the time of the FP8 dispatch without its latency, and half that of the BF16 combine.
    """
    byte = exchange_us(ranks, "bf16") - exchange_us(ranks, "fp8")
    latency = (exchange_us(ranks, "fp8") - 3 * byte) / 2
    low, high = (0.5, 1.0) if ranks == 8 else (0.8, 1.2)
    assert 0 < latency < 10
    assert low < (latency + 2 * byte) / combine < high
    assert dispatch is None or low < (latency + byte) / dispatch < high


def test_normal_kernels_inside_a_node() -> None:
    """153 GB/s of dispatch, what a rank keeps included: no more than NVLink carries, and near `typical`."""
    net = Network(tr.hardware("h800-sxm"))
    assert 1 / fs.all_to_all_per_byte(8.0, net.per_byte) > 153e9
    assert 1 / net.typical == pytest.approx(153e9, rel=0.05)


def test_normal_kernels_between_four_nodes() -> None:
    """58 GB/s over NICs of 50: what is counted includes copies for the own node, a quarter of them."""
    net = Network(tr.hardware("h800-sxm"))
    leaving = fs.leaving_share(8.0, 32.0, 8.0, 0.0)
    assert 1 / net.per_byte_out < 58e9 < 1 / (net.per_byte_out * leaving)
    assert 1 / (net.typical_out * leaving) == pytest.approx(58e9, rel=0.1)
