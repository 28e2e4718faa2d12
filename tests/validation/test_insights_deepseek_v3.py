"""Insights into DeepSeek-V3, arXiv:2505.09343: cache per token, training work, expert exchange, latency."""

from __future__ import annotations

import pytest
from plain import chip, experts, of

import tokenroof as tr
from tokenroof.lowering import Attention, Dense, LatentAttention, LayerGroup, Shape, model_from_shape
from tokenroof.specs import Kind, Link, Operator, Precision


@pytest.mark.parametrize(
    ("model", "kv_bytes"),
    [("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096), ("llama-3-8b", 131_072)],
)
def test_table_1_cache_per_token(model: str, kv_bytes: int) -> None:
    """BF16; the last is derived from its config. From the catalogue's models, and from what a point holds."""
    assert tr.model(model).cache_bytes(1) == kv_bytes
    held = [tr.point(model, "b300-sxm", precision="bf16", batch=2, isl=n).kv_bytes_per_chip for n in (100, 101)]
    assert held[1] - held[0] == 2 * kv_bytes


@pytest.mark.parametrize(
    ("layers", "mixer", "kv_bytes"),
    [
        (61, LatentAttention(128, 1536, 512, 128, 64, 128), 70_272),
        (80, Attention(64, 8, 128), 327_680),
        (126, Attention(128, 8, 128), 516_096),
        (32, Attention(32, 8, 128), 131_072),
    ],
)
def test_table_1_from_shapes(layers: int, mixer: Attention | LatentAttention, kv_bytes: int) -> None:
    model = model_from_shape(Shape(7168, 129_280, (LayerGroup(layers, mixer, Dense(18_432), norm_params=0),)), "shape")
    assert model.cache_bytes(1) == kv_bytes


@pytest.mark.parametrize(
    ("model", "gflop", "within"),
    [("deepseek-v2", 155, 0.005), ("deepseek-v3", 250, 0.005), ("llama-3.1-405b", 2448, 0.015)],
)
def test_table_2_training_work_per_token(model: str, gflop: float, within: float) -> None:
    """Three forward passes over 4096 tokens, each with its logits, causal attention counted once."""
    isl = 4096
    m = tr.model(model)
    head = sum(op.count * op.flops_token for op in m.rows(Kind.HEAD))
    forward = tr.point(m, "b300-sxm", precision="bf16", isl=isl, osl=1).prefill_flops + (isl - 1) * head
    assert 3 * forward / isl == pytest.approx(gflop * 1e9, rel=within)


# 2.3.2: a device holds one expert; 32 tokens of 7000 elements ("7K"; the model has 7168) go to 9 experts, FP8 out and
# BF16 back. That many devices, one to an expert: what stays at home is left out by taking very many.


def exchange_s(bandwidth: float, tokens: int, layers: int) -> float:
    """A step's exchanges of `tokens` per device."""
    ranks = 1 << 16
    wire = Operator("exchange", Kind.ALL_TO_ALL, count=layers, comm_elems=9 * 7000, active=9)
    model = of(experts(ranks, 9, 1e-9), wire)
    hardware = chip(1e30, scaleup=Link("link", bandwidth))
    fp8_out = Precision("fp8-out", "int8", "int8", "int8")
    p = tr.point(model, hardware, precision=fp8_out, ep=ranks, dp=ranks, batch=tokens * ranks, isl=1, osl=1)
    return p.tpot_s


def test_a_token_takes_14_76_ms_over_infiniband() -> None:
    """120.96 us at 50 GB/s; 61 layers in which two halves of the batch take turns."""
    assert exchange_s(50e9, 32, 1) == pytest.approx(120.96e-6, rel=0.001)
    assert exchange_s(50e9, 2 * 32, 61) == pytest.approx(14.76e-3, rel=0.001)


def test_an_exchange_takes_6_72_us_over_900_gb_per_s() -> None:
    assert exchange_s(900e9, 32, 1) == pytest.approx(6.72e-6, rel=1e-4)


@pytest.mark.parametrize(
    ("where", "microseconds"), [("node", 3.33), ("leaf", 2.8), ("leaves", 3.7), ("leaves, RoCE", 5.6)]
)
def test_table_5_latency_of_64_bytes(where: str, microseconds: float) -> None:
    """Measured from end to end on CPUs; no formula gives them. A phase of a collective of `typical` starts on the chip,
    so that inside a node it takes less, and between nodes it passes two levels of switches and more software."""
    cal = tr.hardware("h800-sxm").calibration
    ours = (cal.link_latency if where == "node" else cal.scaleout_latency) * 1e6
    assert 1 < microseconds / ours < 1.5 if where == "node" else 0.4 < microseconds / ours < 1
