"""Austin et al., How to Scale Your Model (JAX scaling book): roofline, TPU, inference and applied-inference chapters.

The book writes TiB/s where its numbers are those of TB/s. Collectives are in test_scaling_book_sharding.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from plain import INT8, cache, chip, first, of, weights

import tokenroof as tr
from tokenroof.lowering import Attention, Dense, LayerGroup, Shape, model_from_shape
from tokenroof.specs import Calibration, Kind, Link, Operator, Precision, precision

# Inference chapter: Llama-2-13B of 26 GB on 8 TPU v5e at 8192 tokens, with the cache of each head and with a fifth.


@pytest.mark.parametrize(
    ("cache_gb", "batch", "step_ms", "tokens_per_s"),
    [
        (6.7, 1, 4.98, 200.61),
        (6.7, 8, 12.13, None),
        (6.7, 16, 20.3, 787.99),
        (6.7, 32, 36.65, 873.21),
        (6.7, 64, 69.33, 923.13),
        (6.7, 240, 249.09, None),
        (1.34, 1, 4.17, 239.94),
        (1.34, 8, 5.6, 1429.19),
        (1.34, 32, 10.5, 3047.62),
        (1.34, 64, 17.04, 3756.62),
        (1.34, 240, 52.99, 4529.34),
    ],
)
def test_steps_of_llama_2_13b(cache_gb: float, batch: int, step_ms: float, tokens_per_s: float | None) -> None:
    model = of(weights(26e9), cache(cache_gb * 1e9 / 8192))
    p = tr.point(model, chip(0.82e12), precision=INT8, tp=8, batch=batch, isl=8192, osl=1, estimate="bound")
    assert p.tpot_s * 1e3 == pytest.approx(step_ms, rel=0.002)
    assert tokens_per_s is None or p.decode_tokens_per_s == pytest.approx(tokens_per_s, rel=0.002)


def test_attention_adds_to_the_matrices() -> None:
    """Quiz: 30e9 int8 weights, 100 kB of cache a token, batch 256 at 8192 on 16 v5e: 21 ms, rows one after another."""
    model = of(weights(30e9), cache(50e3))
    p = tr.point(model, chip(0.81e12, 197e12), precision="w8a16", tp=16, batch=256, isl=8192, osl=1)
    assert p.tpot_s * 1e3 == pytest.approx(21, rel=0.02)


@pytest.mark.parametrize(
    ("peak", "bandwidth", "p", "batch", "within"),
    [
        (197e12, 820e9, precision("w8a16"), 120, 0.01),
        (394e12, 810e9, INT8, 243, 0.01),
        (1000e12, 3350e9, precision("bf16"), 298, 0.02),
    ],
)
def test_critical_batch(peak: float, bandwidth: float, p: Precision, batch: int, within: float) -> None:
    """Roofline chapter: a matrix computes rather than reads from peak / bandwidth / 2 bytes of a weight."""
    plain = replace(p, head="")

    def computes(n: int) -> bool:
        at = tr.point(of(weights(1e10)), chip(bandwidth, peak), precision=plain, batch=n, isl=1, osl=1)
        return at.bottleneck == 0.0

    assert first(computes) == pytest.approx(batch, rel=within)


def test_weights_of_200_billion_over_32_chips_load_in_10_ms() -> None:
    """TPU chapter, question 1."""
    p = tr.point(of(weights(200e9)), chip(1.23e12), precision="bf16", tp=32, isl=1, osl=1, estimate="bound")
    assert p.tpot_s * 1e3 == pytest.approx(10, rel=0.03)


def test_sixteen_megabytes_over_six_hops_arrive_in_194_us() -> None:
    """TPU chapter: two links of 45 GB/s at once. A hand-over takes one way, so the two are one link of twice the
    bandwidth here and the six hops of 1 us its latency."""
    wire = Operator("hand-over", Kind.POINT_TO_POINT, comm_elems=16_777_216 / 2)
    path = {"scaleup": Link("two links", 2 * 45e9), "calibration": Calibration(link_latency=6e-6)}
    model = replace(of(wire, weights(1e-9)), layers=2)
    p = tr.point(model, chip(1e30, **path), precision="bf16", pp=2, isl=1, osl=1)
    assert p.tpot_s * 1e6 == pytest.approx(194, rel=0.02)


def test_worked_model() -> None:
    """Inference chapter, question 1: 18.4e9 parameters, 262,144 bytes of int8 cache a token."""
    layer = LayerGroup(64, Attention(heads=32, kv_heads=8, head_dim=256), Dense(16384), norm_params=0)
    model = model_from_shape(Shape(4096, 32128, (layer,), tied=True), "worked")
    assert model.params == pytest.approx(18.4e9, rel=0.002)
    assert model.cache_bytes(1, INT8) == 262_144


def test_llama_3_70b_in_int8() -> None:
    """Applied inference: 112 GB at batch 32 and 8192 tokens of 160 kB; 17 ms a step and 235 tokens/s per chip on 8."""
    model = of(weights(70e9), cache(160e3))
    p = tr.point(model, chip(0.82e12), precision=INT8, tp=8, batch=32, isl=8191, osl=1, estimate="bound")
    assert p.mem_bytes_per_chip * 8 == pytest.approx(112e9, rel=0.005)
    assert p.tpot_s * 1e3 == pytest.approx(17, rel=0.005)
    assert p.decode_tokens_per_s / 8 == pytest.approx(235, rel=0.01)


@pytest.mark.parametrize(("chips", "batch", "queries"), [(16, 43, 0.27), (4, 67, 1.72)])
def test_queries_per_chip(chips: int, batch: int, queries: float) -> None:
    """Steps that read all 16 GB of each chip take 19 ms; 512 tokens a query."""
    full = of(weights(16e9 * chips))
    p = tr.point(full, chip(0.82e12), precision=INT8, tp=chips, batch=batch, isl=1, osl=1, estimate="bound")
    assert p.tpot_s * 1e3 == pytest.approx(19, rel=0.03)
    assert p.decode_tokens_per_s / 512 / chips == pytest.approx(queries, rel=0.03)


def test_prefill_of_8192_tokens() -> None:
    """70e9 parameters on 16 v5e at 40 % of the peak: 0.91 s."""
    hw = chip(0.82e12, 197e12, calibration=Calibration(compute_efficiency=0.4))
    p = tr.point(of(weights(70e9)), hw, precision="bf16", tp=16, isl=8192)
    assert p.ttft_s == pytest.approx(0.91, rel=0.005)


# How far tensor parallelism pays: an MLP of two matrices d x F between an all-gather and a reduce-scatter, which make
# one all-reduce. The book counts p shares of a tensor where p - 1 travel, and so prints one way less.


def ways_that_pay(width: float, batch: int, hardware: tr.Hardware, limit: float, d: float = 8192.0) -> int:
    """The last tp at which the network takes no longer than what limits the matrices: 1 memory, 0 compute."""
    mlp = of(weights(2 * d * width))
    both = of(*mlp.operators, Operator("all-reduce", Kind.ALL_REDUCE, comm_elems=d))

    def too_far(tp: int) -> bool:
        sizes = {"precision": "bf16", "tp": tp, "batch": batch, "isl": 1, "osl": 1}
        alone = tr.point(mlp, hardware, **sizes)
        assert alone.bottleneck == limit
        return tr.point(both, hardware, **sizes).tpot_s > 2 * alone.tpot_s * (1 + 1e-12)

    return first(too_far, 4096) - 1


@pytest.mark.parametrize(("width", "batch", "most"), [(28672, 64, 56), (16384, 32, 64)])
def test_tensor_parallelism_of_decode(width: int, batch: int, most: int) -> None:
    """F / (B beta), memory bandwidth beta = 8 times that of the links."""
    assert ways_that_pay(width, batch, chip(8e11, scaleup=Link("links", 1e11)), 1.0) - 1 == most


def test_tensor_parallelism_of_prefill() -> None:
    """F axes / 2550, 459 TFLOP/s over 180 GB/s: 22 ways over two axes of a TPU v5p."""
    v5p = tr.hardware("tpu-v5p")
    assert v5p.scaleup is not None
    axis = v5p.scaleup.bandwidth / 3
    assert v5p.peaks["bf16"] / axis == pytest.approx(2550, rel=1e-9)
    hardware = chip(1e30, v5p.peaks["bf16"], scaleup=Link("two axes", 2 * axis))
    assert ways_that_pay(28672, 100_000, hardware, 0.0) - 1 == pytest.approx(22, rel=0.03)
